"""The form that a newcomer gets right: what is suggested, what is shown, what is asked for in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.deploy.catalogue import Stock
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.ui.fake_market import MANY, OFFERS, market_console, sold_out
from tests.ui.fake_session import fresh, settled, wait_for
from tests.ui.sample_pods import OWN, STOPPED
from tests.ui.screens.deploy.deploy_form import choice_field, text_field
from tests.ui.screens.deploy.opened_form import MIDDLE, SMALL, Opened, opened


@pytest.fixture(autouse=True)
def _no_keys_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("labeltui.runpod.renting.secrets.token_hex", lambda _n: "c0ffee42")


async def test_a_newcomer_presses_ctrl_s_and_gets_the_cheapest_that_is_enough(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=SMALL) as pilot:
        form = await opened(pilot)
        assert await form.rent() == {
            "gpu": "RTX A4000", "max_price": 0.26, "name": "labeltui-c0ffee42", "volume_gb": 35,
            "container_gb": 20, "key": str(tmp_path / "id_ed25519.pub"), "start": True, "save": True,
        }  # fmt: skip


@pytest.mark.slow
async def test_a_second_pod_is_refused_when_the_form_is_opened_until_the_first_is_stopped(
    tmp_path: Path,
) -> None:
    app = market_console(tmp_path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        session: Any = app.session
        session.store.publish(replace(session.store.state, pod=fresh(OWN)))
        form = await opened(pilot)
        assert f"This session works on the pod {OWN.name}, which is running." in form.text()
        await form.press("ctrl+s")
        assert app.screen is form.screen
        session.store.publish(replace(session.store.state, pod=fresh(STOPPED)))
        assert "max_price" in await form.rent()


@pytest.mark.slow
async def test_the_price_is_in_sight_and_changes_with_each_choice(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot)
        assert "running $0.26/h, $188.00 a month" in form.text()
        assert "71 h of this" in form.text()
        await form.press("down")
        assert "Rent RTX A5000 at $0.28/h" in form.text()
        text_field(form.screen, "volume_gb").value = "1000"
        await pilot.pause()
        assert "running $0.41/h, $299.10 a month" in form.text()
        assert "stopped $0.27/h, $200.00 a month" in form.text()
        await form.set("storage", "vol1")
        assert "network volume always $14.00 a month" in form.text()


@pytest.mark.slow
async def test_a_network_volume_restricts_the_table_to_its_data_centre(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot)
        await form.set("storage", "vol1")
        assert form.screen.gpus.centre == "EU-RO-1"
        gone = [one.name for one in form.screen.gpus.shown][-3:]
        assert set(gone) == {"RTX 3090", "L40S", "A100 80GB PCIe"}
        params = await form.rent()
        assert params["network_volume"] == "vol1"
        assert "volume_gb" not in params
        assert "data_centre" not in params


@pytest.mark.slow
async def test_a_new_network_volume_needs_its_place(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot)
        await form.set("storage", "new")
        await form.press("ctrl+s")
        assert "Choose the data centre of the network volume." in form.text()
        await form.set("data_centre", "EU-SE-1")
        params = await form.rent()
        assert (params["new_volume_gb"], params["data_centre"]) == (35, "EU-SE-1")


async def test_a_refresh_never_takes_the_choice_away(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=SMALL) as pilot:
        form = await opened(pilot)
        await form.press("down", "down")
        chosen = form.screen.gpus.chosen
        assert chosen == "NVIDIA RTX 4090"
        shop = form.session.account.shop
        shop.offers = sold_out(MANY, "RTX 4090")
        await form.press("r")
        await wait_for(pilot, lambda: len(form.screen.gpus.shown) > len(OFFERS), "the new offers")
        assert form.screen.gpus.chosen == chosen
        assert form.screen.gpus.shown[form.screen.gpus.table.cursor].id == chosen
        assert "No RTX 4090 seems to be free" in form.text()
        shop.offers = tuple(one for one in MANY if one.name != "RTX 4090")
        await form.press("r")
        await wait_for(pilot, lambda: shop.asked[2:], "another poll")
        await pilot.pause()
        assert form.screen.gpus.chosen == chosen
        shop.failing = Unreachable(Code.RUNPOD_UNREACHABLE, "RunPod can not be reached.")
        await form.press("r")
        await wait_for(pilot, lambda: "Prices and stock are from" in form.text(), "the age of the prices")
        assert form.screen.gpus.chosen == chosen


@pytest.mark.slow
async def test_forty_rows_are_filtered_and_sorted_at_the_smallest_size(tmp_path: Path) -> None:
    app = market_console(tmp_path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        session: Any = app.session
        session.account.shop.offers = MANY
        form = await opened(pilot)
        assert len(form.screen.gpus.shown) == 41
        await form.press("G")
        assert form.screen.gpus.table.cursor == 40
        await form.press("slash", *"a100", "enter")
        assert [one.name for one in form.screen.gpus.shown] == ["A100 80GB PCIe"]
        assert form.screen.gpus.chosen == "NVIDIA A100 80GB PCIe"
        await form.press("escape")
        assert len(form.screen.gpus.shown) == 41
        assert form.screen.gpus.chosen == "NVIDIA A100 80GB PCIe"
        await form.press("o")
        assert form.screen.gpus.shown[0].vram_gb == 80
        await form.press("O")
        assert form.screen.gpus.shown[0].vram_gb == 8
        await form.press("escape")
        assert not isinstance(app.screen, DeployScreen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "words", "param"),
    [
        ("cloud", "community", "Not for patient data", ("cloud", "community")),
        ("ports", "yes", "https://PODID-8000.proxy.runpod.net", ("public", True)),
        ("refused", "wait", "labeltui retries until", ("wait", True)),
        ("refused", "next", "labeltui takes another GPU with as much", ("fallback", True)),
        ("key", "make", "labeltui_ed25519", ("make_key", True)),
    ],
)
async def test_what_is_unusual_is_warned_of_and_asked_for(
    tmp_path: Path, field: str, value: str, words: str, param: tuple[str, Any]
) -> None:
    async with market_console(tmp_path).run_test(size=(120, 60)) as pilot:
        form = await opened(pilot)
        await form.set(field, value)
        await wait_for(pilot, lambda: "running $" in form.text(), "a price")
        shown = form.text()
        await form.press("ctrl+s")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen), "the question")
        shown = "".join((shown + form.text()).split()).replace("│", "").replace("┃", "")
        assert words.replace(" ", "") in shown
        await form.press("y")
        await wait_for(pilot, lambda: form.asked, "the request")
        assert form.asked[0][param[0]] == param[1]


@pytest.mark.slow
async def test_another_gpu_may_cost_more_where_that_is_agreed_to(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=(120, 60)) as pilot:
        form = await opened(pilot)
        await form.set("refused", "both")
        text_field(form.screen, "limit").value = "0.10"
        await pilot.pause()
        await form.press("ctrl+s")
        assert "The chosen GPU alone costs $0.26/h." in form.text()
        text_field(form.screen, "limit").value = "0.40"
        params = await form.rent()
        assert (params["max_price"], params["wait"], params["fallback"]) == (0.4, True, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("volume_gb", "12.5", "is not a whole number"),
        ("volume_gb", "5", "at least 10 GB"),
        ("container_gb", "", "is not a whole number"),
        ("image", " ", "Give a container image"),
        ("name", "", "Give the pod a name"),
        ("name", "x" * 61, "at most 60"),
    ],
)
async def test_what_runpod_would_refuse_is_said_before(
    tmp_path: Path, field: str, value: str, words: str
) -> None:
    async with market_console(tmp_path).run_test(size=(120, 60)) as pilot:
        form = await opened(pilot)
        text_field(form.screen, field).value = value
        await pilot.pause()
        await form.press("ctrl+s")
        assert words in form.text()
        assert isinstance(pilot.app.screen, DeployScreen)
        assert text_field(form.screen, field).has_focus


@pytest.mark.slow
async def test_the_studies_folder_is_measured_and_sizes_the_volume(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    (studies / "a").mkdir(parents=True)
    for number in range(3):
        with (studies / "a" / f"{number}.nii.gz").open("wb") as file:
            file.truncate(9 * 10**9)  # sparse
    async with market_console(tmp_path).run_test(size=(120, 60)) as pilot:
        form = await opened(pilot)
        form.screen.choices.find("data").control.focus()
        await form.press(*str(studies).replace("/", " ").replace(" ", "/"))
        await form.press("enter")
        await wait_for(pilot, lambda: text_field(form.screen, "volume_gb").value == "60", "the size")
        await wait_for(pilot, lambda: "27.0 GB of studies" in form.text(), "how the size was measured")
        text_field(form.screen, "data").value = str(tmp_path / "nowhere")
        form.screen.choices.find("data").control.focus()
        await form.press("enter")
        await wait_for(pilot, lambda: "There is no folder" in form.text(), "the complaint")


@pytest.mark.slow
async def test_a_new_pod_on_the_network_volume_starts_prefilled(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot, {"network_volume": "scans", "gpu": "RTX 4090", "name": "again"})
        assert form.screen.draft.storage == "vol1"
        assert form.screen.gpus.chosen == "NVIDIA RTX 4090"
        params = await form.rent()
        assert (params["gpu"], params["network_volume"], params["name"]) == ("RTX 4090", "vol1", "again")


@pytest.mark.slow
async def test_a_model_that_nobody_has_measured_is_unknown_and_not_guessed(tmp_path: Path) -> None:
    async with market_console(tmp_path, models=("segmentation",)).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot)
        assert "It is unknown how much GPU memory segmentation needs" in form.text()
        assert "✓ enough" not in form.text()


@pytest.mark.slow
async def test_without_an_api_key_it_is_said_and_nothing_can_be_rented(tmp_path: Path) -> None:
    app = market_console(tmp_path)
    async with app.run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        session: Any = app.session

        async def refused() -> Any:
            raise Unreachable(Code.RUNPOD_NO_KEY, "There is no API key.", "Set RUNPOD_API_KEY.")

        session.account.client = refused
        screen = DeployScreen(session)
        app.push_screen(screen)
        await wait_for(
            pilot,
            lambda: (
                "There is no API key. Set RUNPOD_API_KEY." in app.export_screenshot().replace("&#160;", " ")
            ),
            "it",
        )
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, DeployScreen)


@pytest.mark.slow
async def test_a_choice_goes_round_and_lists_what_it_has(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=MIDDLE) as pilot:
        form = await opened(pilot)
        field = choice_field(form.screen, "data_centre")
        field.focus()
        await form.press("left")
        assert field.value == "AP-JP-1"
        await form.press("enter", *"sweden", "enter")
        await wait_for(pilot, lambda: field.value == "EU-SE-1", "the choice")
        assert form.screen.draft.data_centre == "EU-SE-1"
        assert form.screen.gpus.centre == "EU-SE-1"
        assert "running $" in form.text()


@pytest.mark.slow
async def test_whatever_runpod_calls_things_stays_words(tmp_path: Path) -> None:
    app = market_console(tmp_path)
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        session: Any = app.session
        shop = session.account.shop
        bad = "[red]\x1b]0;owned\x07"
        shop.offers = (replace(OFFERS[1], name=bad, data_centres={f"X{bad}": Stock.HIGH}),)
        form = await opened(pilot)
        assert "[red]␛]0;owned␇" in form.text()
        await form.press("ctrl+s")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert "[red]␛]0;owned␇" in "".join(form.text().split())
        assert "\x1b" not in form.text()


@pytest.mark.slow
async def test_a_runpod_that_is_silent_at_first_is_asked_again_for_everything(tmp_path: Path) -> None:
    app = market_console(tmp_path)
    async with app.run_test(size=MIDDLE) as pilot:
        await settled(pilot)
        session: Any = app.session
        shop = session.account.shop
        shop.failing = Unreachable(Code.RUNPOD_TIMEOUT, "RunPod has not answered.")
        screen = DeployScreen(session, {"gpu": "L40S"})
        app.push_screen(screen)
        form = Opened(pilot, screen, session)
        await wait_for(pilot, lambda: "RunPod has not answered." in form.text(), "the failure")
        assert screen.gpus.offer is None
        shop.failing = None
        await form.press("r")
        await wait_for(pilot, lambda: screen.gpus.offer is not None, "offers")
        assert screen.gpus.chosen == "NVIDIA L40S"
        assert "RunPod has not answered." not in form.text()
