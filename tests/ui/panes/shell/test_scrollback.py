"""Pane 2: scrolling back, copying, and an emulator that dies."""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path

import pytest
from textual.widgets import Input

from labeltui.ui.panes.shell.pane import Phase
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.find import FindScreen
from labeltui.ui.widgets.terminal.canvas import spans
from labeltui.ui.widgets.terminal.engines import CHOICE
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.ui.panes.shell.test_pane import Desk, desk

__all__ = ["desk"]


@pytest.fixture(autouse=True, params=["", "bittty"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CHOICE, request.param)
    return str(request.param)


async def test_words_are_found_in_the_scrollback_and_marked(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("for n in $(seq 300); do echo row $n; done; echo do''ne")
    await desk.sees("^done$")
    await desk.pilot.press("shift+pageup")
    await desk.until(lambda: "ctrl+f finds" in desk.pane.facts, "the scrollback")
    await desk.pilot.press("ctrl+f")
    await desk.until(lambda: isinstance(desk.app.screen, FindScreen), "the question")
    desk.app.screen.query_one(Input).value = "ROW 17"
    await desk.pilot.press("enter")
    await desk.sees("^row 179$")
    assert desk.text.split("\n")[0] == "row 179"
    await desk.pilot.press("ctrl+p")
    await desk.until(lambda: desk.text.split("\n")[0] == "row 178", "the one above")
    await desk.pilot.press("ctrl+n")
    await desk.until(lambda: desk.text.split("\n")[0] == "row 179", "the one below")
    marked = [segment.text for segment in desk.pane.view.render_line(0)]
    assert "row 17" in marked
    desk.pane.view.wanted = "nowhere to be found"
    await desk.pilot.press("ctrl+p")
    await desk.pilot.pause()
    assert desk.text.split("\n")[0] == "row 179"
    await desk.type("echo live")
    await desk.sees("^live$")


def offer(text: str) -> str:
    return f"printf '\\033]52;c;%s\\a' {base64.b64encode(text.encode()).decode()}"


async def test_a_program_copies_only_with_leave_that_is_asked_for_once(desk: Desk) -> None:
    copied: list[str] = []
    desk.app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
    await desk.prompted()
    await desk.focus()
    await desk.type(offer("from \x1b[31mafar"))
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    assert copied == []
    await desk.pilot.press("y")
    await desk.until(lambda: copied == ["from [31mafar"], "the copy")
    await desk.until(lambda: desk.pane.view.has_focus, "the keyboard in the shell")
    await desk.type(offer("again"))
    await desk.until(lambda: len(copied) == 2, "the next one")
    assert copied[1] == "again"


async def test_a_refusal_holds_for_the_session(desk: Desk) -> None:
    copied: list[str] = []
    desk.app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
    await desk.prompted()
    await desk.focus()
    await desk.type(offer("one"))
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    await desk.pilot.press("n")
    await desk.until(lambda: desk.app.screen is desk.app.frame_screen, "the answer")
    await desk.until(lambda: desk.pane.view.has_focus, "the keyboard in the shell")
    await desk.type(offer("two") + "; echo on")
    await desk.sees("^on$")
    assert copied == []
    assert desk.app.screen is desk.app.frame_screen


@pytest.mark.skipif(not GhosttyEngine.installed(), reason="no wheel of it here")
async def test_a_crash_of_the_emulator_costs_one_pane(desk: Desk, engine: str) -> None:
    if engine:
        pytest.skip("has no process of its own")
    await desk.prompted()
    await desk.focus()
    await desk.type("echo kept")
    await desk.sees("^kept$")
    terminal = desk.pane.view.engine
    assert isinstance(terminal, GhosttyEngine)
    os.kill(terminal.pid, signal.SIGILL)
    await desk.until(lambda: desk.pane.phase is Phase.EXITED, "the end")
    assert "the terminal's helper process crashed (SIGILL) · enter starts a new one" in desk.pane.facts
    await desk.sees("^kept$")
    await desk.pilot.press("enter")
    await desk.sees("crashed .SIGILL.; this is a new shell")
    await desk.prompted()
    await desk.type("echo again")
    await desk.sees("^again$")
    assert desk.app.is_running


async def test_a_helper_that_does_not_start_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    from labeltui.ui.widgets.terminal import engines

    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    made = await engines.start_engine(20, 5)
    assert made.name == "bittty"


@pytest.mark.parametrize(
    ("text", "wanted", "columns"),
    [
        ("abcABC", "bc", [(1, 3), (4, 6)]),
        ("中a中a", "a", [(2, 3), (5, 6)]),
        ("a.c", ".", [(1, 2)]),
        ("", "x", []),
    ],
)
def test_columns_of_words(text: str, wanted: str, columns: list[tuple[int, int]]) -> None:
    assert spans(text, wanted) == columns
