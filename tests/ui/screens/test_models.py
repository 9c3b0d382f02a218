"""The models' versions: listed, and sent with enter. What models compute with is said where they are offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from labeltui.actions import BY_ID
from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, ModelCopy, ModelFile, Models
from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.domain.training.training import Best, TrainStatus
from labeltui.operations.table import BEFORE_ASKING
from labeltui.session.models.folder import ModelFolder
from labeltui.ui.screens.action_form import FormScreen, notes
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.models import ModelsScreen
from tests.ui.fake_session import NOW, FakeSession, connected, console, fresh, settled, wait_for
from tests.ui.screen_text import screen_text

NEWEST, OLDER = "ab" * 32, "cd" * 32


def copy(sha256: str, hours: int, best: float | None) -> ModelCopy:
    at = NOW - timedelta(hours=hours)
    value = None if best is None else Best("val_mean_dice", best, 3)
    return ModelCopy("deepedit", "deepedit_dynunet.pt", sha256, 4, at, at, "pod[red]", "", best=value)


def state(published: str | None = NEWEST, **more: object) -> SessionState:
    file = None if published is None else ModelFile("deepedit_dynunet.pt", 4, 0, published)
    on_host = HostModel("deepedit", "deepedit_dynunet.pt", file, **more)  # type: ignore[arg-type]
    copies = (copy(OLDER, 30, None), copy(NEWEST, 2, 0.9123))
    return replace(connected(), models=fresh(Models("/root/model", "pod", "/desk", (on_host,), copies)))


async def opened(pilot: Pilot[int], folder: Path) -> None:
    session = pilot.app.session  # type: ignore[attr-defined]
    assert isinstance(session, FakeSession)
    found = ModelFolder(folder)
    for one in (copy(OLDER, 30, None), copy(NEWEST, 2, 0.9123)):
        arrived = folder / one.version
        arrived.write_bytes(b"file")
        found.place(arrived, one, {})
    session.models.folder = found
    await pilot.press("t", "m")
    await wait_for(
        pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and pilot.app.screen.options.option_count
    )


async def test_the_versions_are_listed_newest_first_and_enter_asks_to_send_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BEFORE_ASKING, "models.push", can_be_sent)
    app = console(state())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await opened(pilot, tmp_path)
        assert isinstance(app.screen, ModelsScreen)
        texts = [str(option.prompt) for option in app.screen.options.options]
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        question = screen_text(app)
    assert "on the host: deepedit, trained" in texts[0]
    assert "val_mean_dice 0.912" in texts[2]
    assert "on the host" in texts[2]
    assert "no best value" in texts[3]
    assert "pod[red]" in texts[3]
    assert "It replaces the published model" in " ".join(question.split())


async def can_be_sent(_session: Any, _given: Any) -> str:
    return ""


async def test_a_file_that_cannot_be_sent_is_refused_without_a_question_and_stays_in_the_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cannot_be_sent(_session: Any, _given: Any) -> str:
        raise Failed(Code.NO_FILE, "~/my weights.pt can't be read.", "Check the path.")

    monkeypatch.setitem(BEFORE_ASKING, "models.push", cannot_be_sent)
    app = console(state())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for typed in ("", "~/my weights.pt"):
            await pilot.press("t", "w")
            await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
            assert isinstance(app.screen, FormScreen)
            file = app.screen.fields.find("file").control
            assert isinstance(file, Input)
            assert file.value == typed
            file.value = "~/my weights.pt"
            await pilot.press("ctrl+s")
            await wait_for(pilot, lambda: "can't be read" in app.last_flash)
            assert app.screen is app.frame_screen


async def test_an_old_list_of_the_hosts_models_has_its_age(tmp_path: Path) -> None:
    read = replace(state().models, as_of=NOW - timedelta(hours=2), interval_s=300.0)
    app = console(replace(state(), models=read))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await opened(pilot, tmp_path)
        assert isinstance(app.screen, ModelsScreen)
        first = str(app.screen.options.options[0].prompt)
    assert "on the host 2h" in first
    assert "ago: deepedit, trained" in first


async def test_the_forms_and_the_pane_say_that_a_model_is_untrained() -> None:
    idle = replace(state(None), training=fresh(TrainStatus(TrainState.IDLE)))
    app = console(idle)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        await settled(pilot)
        pane = screen_text(app)
        await pilot.press("t", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await settled(pilot)
        form = screen_text(app)
        await pilot.press("escape", "Q", "b")
        await wait_for(pilot, lambda: "studies to infer" in screen_text(app))
        inference = screen_text(app)
    for text in (pane, form, inference):
        assert "deepedit: untrained: auto segmentation is noise" in text
    assert notes(BY_ID["infer"], idle) == notes(BY_ID["train.start"], idle)


async def test_the_start_form_offers_a_model_of_this_machine_and_says_what_is_downloaded() -> None:
    stopped = replace(state(None, fetches=True))
    assert stopped.server.value is not None
    server = replace(stopped.server.value, state=ServerState.STOPPED, pid=None)
    app = console(replace(stopped, server=fresh(server)))
    async with app.run_test(size=(100, 60)) as pilot:
        await settled(pilot)
        await pilot.press("s", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await settled(pilot)
        text = " ".join(screen_text(app).replace("│", " ").split())
    assert "the start downloads pretrained ones" in text
    assert "val_mean_dice 0.912" in text


async def test_unknown_weights_are_unknown() -> None:
    app = console(replace(connected(), training=fresh(TrainStatus(TrainState.IDLE))))
    async with app.run_test(size=(100, 60)) as pilot:
        await settled(pilot)
        await pilot.press("t", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await settled(pilot)
        form = " ".join(screen_text(app).replace("│", " ").split())
    assert "whether the models are pretrained or trained is unknown now" in form


async def test_the_pane_says_whether_the_model_of_an_ended_training_is_on_this_machine() -> None:
    done = TrainStatus(TrainState.DONE, "deepedit", epoch=9, total_epochs=9)
    app = console(replace(state("ef" * 32), training=fresh(done)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        await settled(pilot)
        absent = screen_text(app)
        assert isinstance(app.session, FakeSession)
        app.session.store.publish(replace(app.session.store.state, models=state().models))
        await wait_for(pilot, lambda: "deepedit: trained, on this machine" in screen_text(app))
    assert "deepedit: trained, not on this machine yet" in absent
