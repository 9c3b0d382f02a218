"""Writing the report from the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from textual.widgets import Input

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.choices import ChoicesScreen
from tests.ui.fake_session import connected, console, settled, wait_for
from tests.ui.screen_text import screen_text


async def test_the_proposed_file_is_written_and_an_earlier_one_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Mapping[str, Any]] = []

    async def run_action(_session: Any, action: str, params: Any, _report: Any, **_named: Any) -> Any:
        assert action == "report"
        given.append(params)
        if not params.get("replace"):
            raise Refused(Code.EXISTS, "It exists.", offers=("report.replace",))
        return {"message": "Report written to x.html"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("R")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await wait_for(pilot, lambda: "by the name of the file" in screen_text(app), "what no format means")
        proposed = app.screen.query(Input).first().value
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: isinstance(app.screen, ChoicesScreen))
        await pilot.press("1")
        await wait_for(pilot, lambda: "Report written" in app.last_flash)
    assert proposed.startswith("~/labeltui-")
    assert proposed.endswith(".html")
    assert given == [{"file": proposed}, {"file": proposed, "replace": True}]
