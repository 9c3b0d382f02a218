"""Exporting labels from the console."""

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


async def test_an_earlier_export_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Any]] = []

    async def run_action(_session: Any, action: str, params: Any, _report: Any, **_named: Any) -> Any:
        assert action == "labels.export"
        asked.append(params)
        if not params.get("replace"):
            raise Refused(Code.EXISTS, "out is an earlier export.", offers=("export.replace",))
        return {"message": "2 labels exported"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(connected())
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        await pilot.press("Q", "e")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        fields = list(app.screen.query(Input))
        fields[0].value = "~/out"
        fields[2].value = "final original"
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: isinstance(app.screen, ChoicesScreen))
        await pilot.press("1")
        await wait_for(pilot, lambda: "2 labels exported" in app.last_flash)
    assert asked == [
        {"dest": "~/out", "tag": ["final", "original"]},
        {"dest": "~/out", "tag": ["final", "original"], "replace": True},
    ]
