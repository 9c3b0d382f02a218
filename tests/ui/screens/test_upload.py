"""Uploading studies from the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from textual.widgets import Input

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.ui.screens.choices import ChoicesScreen
from labeltui.ui.screens.dialogs.form import FormScreen
from tests.ui.fake_session import connected, console, settled, wait_for


async def test_other_versions_on_the_host_are_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Any]] = []

    async def run_action(_session: Any, action: str, params: Any, report: Any, **_named: Any) -> Any:
        assert action == "studies.upload"
        asked.append(params)
        report.progress("Comparing 2 files")
        if not params.get("replace"):
            raise Refused(
                Code.EXISTS, "The host has other versions of a.nii.", "Replace them.",
                offers=("upload.replace", "upload.skip"),
            )  # fmt: skip
        return {"message": "2 studies sent"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("Q", "U")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        app.screen.query(Input).first().value = "'~/my scans' b.nii"
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: isinstance(app.screen, ChoicesScreen))
        await pilot.press("1")
        await wait_for(pilot, lambda: "2 studies sent" in app.last_flash)
    assert asked == [{"paths": ["~/my scans", "b.nii"]}, {"paths": ["~/my scans", "b.nii"], "replace": True}]
