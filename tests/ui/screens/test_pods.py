"""The list of pods: every one with its state and cost, and no key that touches the wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from labeltui.domain.reading import Reading
from labeltui.ui.app import Console
from labeltui.ui.presentation import pods as podrows
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.pods import PodScreen, PodsScreen
from labeltui.ui.widgets.lines import Lines
from tests.ui.fake_session import console, fresh, settled, wait_for
from tests.ui.sample_pods import LOCKED, MEMBER, OPEN, OWN, PODS, STOPPED, with_pod
from tests.ui.screen_text import screen_text

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]
Ran = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Which actions ran, and with what; nothing is really done."""
    done: Ran = []

    async def run(_session: Any, action: str, params: Mapping[str, Any], _report: Any, **_: Any) -> Any:
        done.append((action, dict(params)))
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run)
    return done


async def opened(pilot: Pilot[Any], *, bare: bool = False) -> PodsScreen:
    await settled(pilot)
    if bare:
        await alone(pilot)
    await pilot.press("p", "l")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, PodsScreen), "the list")
    screen = pilot.app.screen
    assert isinstance(screen, PodsScreen)
    await wait_for(pilot, lambda: screen.pod_now() is not None, "its rows")
    return screen


async def alone(pilot: Pilot[Any]) -> None:
    """Leave only the screen in front: what is behind it has pictures of its own."""
    app = pilot.app
    assert isinstance(app, Console)
    for part in (
        app.frame_screen.strip,
        app.frame_screen.body,
        app.frame_screen.flash,
        app.frame_screen.keys,
    ):
        part.display = False
    app.frame_screen.tabs.display = False
    await pilot.pause()


async def go_to(pilot: Pilot[Any], screen: PodsScreen, pod_id: str) -> None:
    await pilot.press("g")
    for _ in PODS:
        await pilot.pause()
        pod = screen.pod_now()
        if pod is not None and pod.id == pod_id:
            return
        await pilot.press("j")
    raise AssertionError(f"{pod_id} is not in the list")


async def test_the_cursor_stays_on_its_pod_when_another_pod_comes_before_it() -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await go_to(pilot, screen, LOCKED.id)
        session: Any = app.session
        pods = (replace(OPEN, id="n3w", name="aaa"), *PODS)
        session.store.publish(replace(session.store.state, pods=fresh(pods)))
        await wait_for(pilot, lambda: "aaa" in screen_text(app), "the new pod")
        pod = screen.pod_now()
    assert pod is not None
    assert pod.id == LOCKED.id


async def test_the_profiles_pod_comes_first_and_the_ended_last() -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert screen.pod_now() is not None
        assert screen.pod_now().id == OWN.id  # type: ignore[union-attr]
        await pilot.press("G")
        await pilot.pause()
        assert screen.pod_now().id == STOPPED.id  # type: ignore[union-attr]


async def test_a_pod_of_others_is_stopped_only_by_its_name(ran: Ran) -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await go_to(pilot, screen, OPEN.id)
        await pilot.press("x")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert "is not this profile's pod" in str(app.screen.query_one(".message", Static).content)
        await pilot.press("y")
        await wait_for(pilot, lambda: bool(ran), "the action")
        assert ran == [("pod.stop", {"pod": OPEN.id, "named": OPEN.name})]


async def test_the_profiles_own_pod_is_stopped_after_a_question(ran: Ran) -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert "not this profile's" not in str(app.screen.query_one(".message", Static).content)
        await pilot.press("n")
        await pilot.pause()
        assert ran == []


async def test_terminate_wants_the_name_of_the_pod_under_the_cursor(ran: Ran) -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await go_to(pilot, screen, STOPPED.id)
        await pilot.press("D")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert screen_text(app).count("cannot be undone") == 1
        field = app.screen.query_one(Input)
        field.value = OWN.name
        await pilot.press("enter")
        await pilot.pause()
        assert ran == []
        field.value = STOPPED.name
        await pilot.press("enter")
        await wait_for(pilot, lambda: bool(ran), "the action")
        assert ran == [("pod.terminate", {"pod": STOPPED.id, "named": STOPPED.name})]


@pytest.mark.parametrize(
    ("pod", "key", "why"),
    [
        (LOCKED, "x", "the pod is locked"),
        (MEMBER, "x", "belongs to a cluster"),
        (STOPPED, "r", "the pod is stopped"),
    ],
)
async def test_what_is_not_legal_is_said(ran: Ran, pod: Any, key: str, why: str) -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await go_to(pilot, screen, pod.id)
        await pilot.press(key)
        await pilot.pause()
        assert why in app.last_flash
        assert isinstance(app.screen, PodsScreen)
        assert ran == []


async def test_details_show_everything_and_copy_the_ssh_command(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(Console, "copy_to_clipboard", lambda _self, text: copied.append(text))
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, PodScreen), "the details")
        await pilot.press("y")
        await pilot.pause()
        assert copied == ["ssh root@203.0.113.7 -p 40022"]


def test_lines_of_a_pod_hold_what_runpod_hides() -> None:
    text = "\n".join(
        line.plain
        for line in podrows.pod_lines(OPEN, 100, OPEN.read_at, own=False, left=with_pod().requests_left)
    )
    assert "PUBLIC 8888/http open to the internet" in text
    assert "https://p0p0public-8888.proxy.runpod.net" in text
    assert "$0.0274/h" in text or "$0.03/h" in text
    assert "58 of 60 more requests this minute" in text
    assert "ssh-ed25519" not in text  # values of the environment are nobody's business
    assert "\x1b" not in text


@pytest.mark.parametrize("room", [20, 40, 60, 76, 100, 190])
def test_rows_keep_to_their_room_and_show_every_character(room: int) -> None:
    for pod in PODS:
        line = podrows.pod_row(pod, room, own=False, chosen=False, stale=False)
        assert "\x1b" not in line.plain
        if room >= 60:
            assert line.cell_length == room == podrows.header(room).cell_length
    assert "[red]" in podrows.pod_row(OPEN, 190, own=False, chosen=False, stale=False).plain


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.slow
def test_picture_of_the_list(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await opened(pilot, bare=True)
        await pilot.press("j")
        await pilot.pause()

    assert snap_compare(console(with_pod()), terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.slow
def test_picture_of_the_details(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await opened(pilot, bare=True)
        await go_to(pilot, screen, OPEN.id)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, PodScreen), "the details")
        await wait_for(
            pilot, lambda: any(found.lines for found in pilot.app.screen.query(Lines)), "its lines"
        )

    assert snap_compare(console(with_pod()), terminal_size=size, run_before=prepare)


async def test_why_there_is_no_list() -> None:
    app = console(replace(with_pod(), pods=Reading(error="RunPod does not accept the API key.")))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("p", "l")
        await wait_for(pilot, lambda: isinstance(app.screen, PodsScreen), "the list")
        await wait_for(
            pilot, lambda: "does not accept the API key" in app.export_screenshot().replace("&#160;", " ")
        )
