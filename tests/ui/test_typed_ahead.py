"""Keys that arrive faster than the console handles them: typed ahead, pasted without marks, or sent by a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.ui.app import Console
from labeltui.ui.screens.help import HelpScreen
from labeltui.ui.screens.leader import LeaderScreen
from labeltui.ui.screens.records import ActionLogScreen
from tests.ui.fake_session import connected, console, dead, fresh, settled, wait_for

SIZE = (120, 40)
Ran = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """What was run, in place of running it."""
    calls: Ran = []

    async def run_action(
        _session: Any, action_id: str, params: Any, _report: Any, *, confirmed: bool = False
    ) -> Any:
        calls.append((action_id, dict(params)))
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    return calls


def idle() -> Console:
    """A console on which a training may start."""
    return console(replace(connected(), training=fresh(TrainStatus(TrainState.IDLE))))


def type_at_once(app: Console, keys: Sequence[str]) -> None:
    """Let all keys arrive in one piece, as from one write to the terminal."""
    for key in keys:
        character = key if len(key) == 1 else {"enter": "\r", "tab": "\t", "slash": "/"}.get(key)
        app.post_message(events.Key(key, character))


async def test_a_form_gets_every_key_in_the_field_it_was_meant_for(ran: Ran) -> None:
    app = idle()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, ["t", "o", "tab", "ctrl+u", "2", "ctrl+s"])
        await wait_for(pilot, lambda: ran, "a training")
        assert ran == [("train.start", {"max_epochs": 2})]


async def test_text_goes_to_the_field_that_the_key_before_opened(ran: Ran) -> None:
    app = idle()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, ["4", "slash", *"077", "enter", "3", "slash", *"CUDA", "enter", "5"])
        await wait_for(pilot, lambda: app.current_pane == "training", "the last key")
        assert app.screen is app.frame_screen
        found = {field.value for field in app.frame_screen.query(Input)}
        assert {"077", "CUDA"} <= found
        assert ran == []


async def test_keys_after_a_closed_screen_go_to_the_one_below(ran: Ran) -> None:
    app = idle()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, ["question_mark", *"quit", "escape", "L", "escape", "s", "escape", "5", "z"])
        await wait_for(pilot, lambda: app.frame_screen.zoomed, "the last key")
        assert app.screen is app.frame_screen
        assert app.current_pane == "training"
        assert ran == []


async def test_a_confirmation_is_answered_by_the_next_key(ran: Ran) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, ["s", "x", "n", "t", "x", "y", "5"])
        await wait_for(pilot, lambda: app.current_pane == "training", "the last key")
        await wait_for(pilot, lambda: ran, "the training's stop")
        assert ran == [("train.stop", {})]


@pytest.mark.parametrize(
    ("keys", "screen"),
    [(["s"], LeaderScreen), (["question_mark"], HelpScreen), (["s", "escape", "L"], ActionLogScreen)],
)
async def test_a_screen_opened_by_the_last_key_stays(keys: list[str], screen: type[Any]) -> None:
    app = idle()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, keys)
        await wait_for(pilot, lambda: isinstance(app.screen, screen), screen.__name__)


async def test_what_is_pasted_between_keys_keeps_its_place(ran: Ran) -> None:
    app = idle()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        type_at_once(app, ["t", "o", "tab", "ctrl+u"])
        app.post_message(events.Paste("17"))
        type_at_once(app, ["backspace", "ctrl+s"])
        await wait_for(pilot, lambda: ran, "a training")
        assert ran == [("train.start", {"max_epochs": 1})]


@pytest.mark.parametrize("keys", [["s", "s"], ["s", "%"]], ids=["refused", "unknown"])
async def test_keys_for_a_screen_that_did_not_open_go_nowhere_else(ran: Ran, keys: list[str]) -> None:
    app = console(dead())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        before = app.current_pane
        type_at_once(app, [*keys, "2", *"rm x", "enter"])
        await wait_for(pilot, lambda: app.last_flash, "the reason")
        await wait_for(pilot, lambda: app.screen is app.frame_screen, "the pop-up to close")
        await pilot.pause(0.1)
        assert app.current_pane == before
        assert ran == []
