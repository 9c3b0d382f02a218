"""Uploading studies from the console."""

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


@pytest.mark.parametrize(
    ("code", "offers", "key", "answer"),
    [
        (Code.EXISTS, ("upload.replace", "upload.skip"), "1", "replace"),
        (Code.EXISTS, ("upload.replace", "upload.skip"), "2", "skip"),
        (Code.UNCONFIRMED, ("upload.deidentify", "upload.identified"), "1", "deidentify"),
        (Code.UNCONFIRMED, ("upload.deidentify", "upload.identified"), "2", "identified"),
    ],
)
async def test_what_to_do_with_other_versions_and_headers_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, code: Code, offers: tuple[str, ...], key: str, answer: str
) -> None:
    asked: list[Mapping[str, Any]] = []

    async def run_action(_session: Any, action: str, params: Any, report: Any, **_named: Any) -> Any:
        assert action == "studies.upload"
        asked.append(params)
        report.progress("Comparing 2 files")
        if len(asked) == 1:
            raise Refused(code, "a.nii needs a decision.", "Decide.", offers=offers)
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
        await pilot.press(key)
        await wait_for(pilot, lambda: "2 studies sent" in app.last_flash)
    assert asked == [{"paths": ["~/my scans", "b.nii"]}, {"paths": ["~/my scans", "b.nii"], answer: True}]
