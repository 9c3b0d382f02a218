"""Forms, palette and help of the console, and actions that run, fail or are cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.widgets import Input

from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.state import Level
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.operations.table import BEFORE_ASKING
from labeltui.ui.app import Console
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.fields import Field, Fields
from labeltui.ui.screens.help import HelpScreen, _pane_key, entries
from labeltui.ui.screens.problem import ProblemScreen
from labeltui.ui.widgets.lines import Lines
from tests.ui.fake_session import (
    NOW,
    FakeSession,
    connected,
    console,
    dead,
    fresh,
    settled,
    stopped,
    wait_for,
)
from tests.ui.screen_text import flashed, screen_text

SIZE = (120, 40)


async def test_a_stop_with_nothing_to_stop_says_so_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_session: Any, _given: Any) -> str:
        raise Failed(Code.NOT_FOUND, "No scoring is running.", "`labeltui score` starts one.")

    monkeypatch.setitem(BEFORE_ASKING, "score.stop", nothing)
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "Q", "S")
        await wait_for(pilot, lambda: "No scoring is running." in app.last_flash)
        assert app.screen is app.frame_screen


async def test_form_starts_with_the_profile_and_sends_only_what_was_changed(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        assert isinstance(app.screen, FormScreen)
        values = [field.value for field in app.screen.fields.all]
        assert values == ["radiology", "deepedit", "", "no", "", "~/studies", "CT", "", "", "random", "8000"]
        port = app.screen.query("Input").last()
        port.value = "many"  # type: ignore[attr-defined]
        port.focus()
        await pilot.press("enter")
        assert isinstance(app.screen, FormScreen)
        assert ran == []
        port.value = "9000"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await wait_for(pilot, lambda: ran == [("server.start", {"port": 9000})])


async def test_typing_into_a_prefilled_field_of_a_form_replaces_its_text_and_ctrl_s_submits(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(replace(connected(), training=fresh(TrainStatus(TrainState.IDLE))))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("t", "o")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        epochs = app.screen.query(Input)[0]
        assert epochs.value == "50"
        await pilot.press("tab", *"many")
        assert epochs.value == "many"
        await wait_for(pilot, lambda: "✗ 'many' is not a number" in screen_text(app), "while it is typed")
        await pilot.press("shift+tab")
        await pilot.press("tab", "1", "shift+tab")
        await wait_for(pilot, lambda: "is not a number" not in screen_text(app), "it is right now")
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: ran == [("train.start", {"max_epochs": 1})])


async def test_help_lists_what_is_not_possible_with_the_reason_and_enter_runs() -> None:
    app = console(dead())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = "\n".join(entry.content.plain for entry in entries(app))
        assert "Start the server" in text
        assert "not now: the host is not connected" in text
        assert "  }         go to an hour later" in text
        crowded = _pane_key("ctrl+right_curly", "words", "log").content.plain
        assert crowded == "  ctrl+right_curly words"
        await pilot.press(*"pane.queue")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is app.frame_screen)
        await wait_for(pilot, lambda: app.frame_screen.current == "queue", "enter ran the entry")


async def test_palette_finds_an_action_by_name(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await wait_for(pilot, lambda: app.screen is not app.frame_screen)
        await pilot.press(*"start the server")
        await wait_for(pilot, lambda: app.screen.query_one("CommandList").option_count > 0)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await wait_for(pilot, lambda: ran == [("server.start", {})])


async def test_keys_can_be_remapped_by_action_id(ran: list[tuple[str, dict[str, Any]]]) -> None:
    profile = Profile(host="local", keys={"server.start": "f5", "alerts": "s a", "nonsense": "f6"})
    app = console(stopped(), profile=profile)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "nonsense" in flashed(app)
        await pilot.press("f5")
        await wait_for(pilot, lambda: ran == [("server.start", {})])
        await pilot.press("s", "a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")


async def test_a_failed_action_is_said_and_its_traceback_is_one_key_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run_action(*_args: Any, **_named: Any) -> Any:
        raise Failed(Code.PORT_TAKEN, "Port 8000 is taken.", "Choose another.", "[red]evidence[/] \x1b[31m")

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "s")
        await wait_for(pilot, lambda: "Port 8000 is taken. Choose another." in flashed(app))
        await pilot.press("s", "w")
        await wait_for(pilot, lambda: isinstance(app.screen, ProblemScreen))
        await pilot.pause()
        shot = app.export_screenshot()
        assert "[red]evidence[/]" in shot.replace("&#160;", " ")
        assert "\x1b" not in shot


async def test_ctrl_c_cancels_what_runs_and_quit_asks_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    started = asyncio.Event()

    async def run_action(*_args: Any, **_named: Any) -> Any:
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "s")
        await wait_for(pilot, started.is_set)
        await pilot.press("q")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("escape")
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: "cancelled" in flashed(app))
        assert app.dispatcher.running == {}
        await pilot.press("q")
        await wait_for(pilot, lambda: not app.is_running, "quit without a question")


async def test_the_session_is_closed_on_exit() -> None:
    session = FakeSession(connected())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("p", "c")
        await wait_for(pilot, lambda: session.reconnects == 1)
    assert session.closed


async def test_copying_goes_to_the_terminals_clipboard_and_says_so() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "u")
        await wait_for(pilot, lambda: app.clipboard == "http://127.0.0.1:8000")
        assert "copied http://127.0.0.1:8000" in flashed(app)
        await pilot.press("4")
        await wait_for(pilot, lambda: app.frame_screen.focused is app.panes["queue"].focus_target)
        await pilot.press("y")
        await wait_for(pilot, lambda: app.clipboard == "liver_081")


async def test_alerts_and_flash_levels() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.flash("careful", Level.WARNING)
        await pilot.pause()
        assert "▲" in flashed(app)
        await pilot.press("a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")
        await pilot.press("enter")
        await wait_for(pilot, lambda: "liver_081 is open at two people" in app.clipboard)


async def test_setup_shows_its_steps_and_goes_on_when_they_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = asyncio.Event()

    async def run_action(_session: Any, _id: str, _params: Any, report: Any, **_named: Any) -> Any:
        report.emit({"step": "python", "title": "Python and venv", "state": "skipped"})
        report.emit({"step": "torch", "title": "PyTorch", "state": "running"})
        report.emit(
            {"step": "torch", "title": "PyTorch", "state": "running", "line": "[red]Collecting\x1b[31m torch"}
        )
        await go_on.wait()
        report.emit({"step": "torch", "title": "PyTorch", "state": "done"})
        return {"complete": True}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "i")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "StepsScreen")

        def text() -> str:
            return "\n".join(line.plain for lines in app.screen.query(Lines) for line in lines.lines)

        await wait_for(pilot, lambda: "▶ PyTorch" in text() and "[red]Collecting␛[31m torch" in text())
        assert "✓ Python and venv  skipped" in text()
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is app.frame_screen)
        assert "setup" in app.dispatcher.running
        go_on.set()
        await wait_for(pilot, lambda: "Set up MONAI Label: done" in flashed(app))


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_steps_that_have_ended_show_the_whole_result_and_how_to_close_them(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = f"Connect to the host; {'Copy the labels here; ' * 6}Stop the pod"

    go_on = asyncio.Event()

    async def run_action(*_: Any, **__: Any) -> Any:
        await go_on.wait()
        return {"message": result}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "i")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "StepsScreen", "the steps")
        go_on.set()
        await wait_for(pilot, lambda: "enter or esc closes" in screen_text(app), "the border")
        output = app.screen.query_one(".output", Lines)
        shown = " ".join(line.plain.strip() for line in output.lines)
        assert result in shown
        await pilot.press(key)
        await wait_for(pilot, lambda: app.screen is app.frame_screen, "the console")


async def test_a_leader_and_more_keys_than_it_takes_in_one_go() -> None:
    """The pop-up closes once: what comes after its key is lost, and nothing else with it."""
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for key in ("s", "y", "y", "y", "s", "y"):
            app.post_message(events.Key(key, key))
        await wait_for(pilot, lambda: "is not a key of labeltui" in flashed(app))
        await wait_for(pilot, lambda: app.screen is app.frame_screen)
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "HelpScreen")


async def test_slicer_asks_for_the_name_once(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "l")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await pilot.press(*"ana", "ctrl+s")
        await wait_for(pilot, lambda: ran == [("slicer", {"as": "ana"})])
        assert app.session is not None
        app.session.profile = Profile.model_validate({"slicer": {"client_id": "ana"}})
        await wait_for(pilot, lambda: not app.dispatcher.running)
        await pilot.press("s", "l")
        await wait_for(pilot, lambda: ran[1:] == [("slicer", {})])


async def test_a_long_choice_is_whole_on_two_lines() -> None:
    text = "install MONAI Label and start the server"
    field = Field(
        "then", "afterwards", value="start", options=[("start", text), ("reach", "only connect by SSH")]
    )
    app = App[None]()
    async with app.run_test(size=(55, 10)) as pilot:
        await app.mount(Fields([field]))
        await wait_for(pilot, lambda: all(word in screen_text(app) for word in text.split()), "the text")
        assert field.control.size.height == 2
        field.control.focus()
        await pilot.press("right")
        await wait_for(pilot, lambda: field.control.size.height == 1, "the short choice on one line")


async def test_a_hostile_name_to_type_is_shown_literally_and_can_be_typed_as_it_is_shown() -> None:
    answers: list[bool | None] = []
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.push_screen(ConfirmScreen("Terminate", "Delete it?", "a\x1b[31mb"), answers.append)
        await wait_for(pilot, lambda: "a␛[31mb" in screen_text(app), "the name")
        assert "\x1b" not in screen_text(app)
        app.screen.query_one(Input).value = "a␛[31mb"
        await pilot.press("enter")
        await wait_for(pilot, lambda: answers == [True], "the answer")
