"""The end of the day in the console: its parts, and the one question before the day is ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.guide import EveningScreen
from tests.ui.fake_session import connected, console, settled, wait_for


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
