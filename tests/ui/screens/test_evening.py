"""The end of the day in the console: its parts, and the one question before the day is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from labeltui.domain.state import Identity, SessionState
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.guide import EveningScreen
from tests.ui.fake_session import connected, console, settled, wait_for
from tests.ui.sample_pods import with_pod
from tests.ui.screen_text import screen_text


def rented() -> SessionState:
    return replace(with_pod(), identity=Identity("liver-ct", rents=True))


def rows(screen: object) -> str:
    assert isinstance(screen, EveningScreen)
    return "\n".join(one.plain for one in screen._list.lines)


async def test_one_question_ends_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    async def run_action(
        _session: Any, action: str, _params: Any, _report: Any, **_named: Any
    ) -> Mapping[str, Any]:
        ran.append(action)
        return {"message": "all is here"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await wait_for(pilot, lambda: isinstance(app.screen, EveningScreen) and app.screen._list.lines)
        shown = rows(app.screen)
        await pilot.press("e")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert not ran
        await pilot.press("y")
        await wait_for(pilot, lambda: "all is here" in app.last_flash)
    assert ran == ["evening.end"]
    assert "server stopped" in shown


async def test_the_question_says_what_ends_and_no_answer_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    async def run_action(_session: Any, action: str, *_given: Any, **_named: Any) -> Mapping[str, Any]:
        ran.append(action)
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(rented())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for answer in ("n", "escape"):
            await pilot.press("D")
            await wait_for(pilot, lambda: isinstance(app.screen, EveningScreen) and app.screen._list.lines)
            await pilot.press("e")
            await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            words = " ".join(screen_text(app).replace("┃", " ").split())
            await pilot.press(answer)
            await wait_for(pilot, lambda: app.screen is app.frame_screen)
    assert not ran
    for words_of_it in (
        "copy labels and models",
        "wait for a running training",
        "stop the server",
        "stop the pod",
    ):
        assert words_of_it in words, words


async def test_a_cancelled_end_stays_on_screen_with_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_action(_session: Any, _action: str, _params: Any, report: Any, **_named: Any) -> Any:
        for name in ("labels", "server", "pod"):
            report.emit({"step": name, "title": name, "state": "waiting"})
        report.emit({"step": "labels", "title": "labels", "state": "done"})
        report.emit({"step": "server", "title": "server", "state": "running"})
        try:
            await asyncio.Event().wait()
        finally:
            report.emit({"step": "server", "title": "server", "state": "cancelled"})
            report.progress("Not done: server; pod.")

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(rented())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.call_later(app.dispatcher.invoke, "evening.end")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_for(pilot, lambda: "▶ server" in screen_text(app))
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: "End the day: cancelled" in screen_text(app))
        shown = screen_text(app)
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: app.screen is app.frame_screen)
    for line in ("✓ labels", "■ server", "· pod", "Not done: server; pod."):
        assert line in shown, shown
