"""Uploading studies from the console."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from labeltui.actions.studies import STUDIES_UPLOAD
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Refused
from labeltui.ui.screens.action_form import FormScreen, parse
from labeltui.ui.screens.choices import ChoicesScreen
from tests.ui.fake_session import connected, console, settled, wait_for


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{0}/my scans", ["{0}/my scans"]),
        ("{0}/ana's scans", ["{0}/ana's scans"]),
        ("{0}/a.nii {0}/my scans {0}/none there", ["{0}/a.nii", "{0}/my scans", "{0}/none", "there"]),
        ("'{0}/my scans' {0}/a.nii", ["{0}/my scans", "{0}/a.nii"]),
    ],
)
def test_a_path_that_exists_needs_no_quotes(tmp_path: Path, text: str, paths: list[str]) -> None:
    for name in ("my scans", "ana's scans"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.nii").touch()
    (param,) = (param for param in STUDIES_UPLOAD.params if param.name == "paths")
    assert parse(param, text.format(tmp_path)) == [path.format(tmp_path) for path in paths]


async def test_the_form_has_what_was_typed_until_the_upload_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Any]] = []

    async def run_action(_session: Any, _action: str, params: Any, _report: Any, **_named: Any) -> Any:
        asked.append(params)
        if len(asked) == 1:
            raise Failed(Code.DISK_FULL, "The disk is full.", "Delete files.")
        return {"message": "2 studies sent"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        texts = []
        for said in ("The disk is full.", "2 studies sent", ""):
            await pilot.press("Q", "U")
            await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
            paths = app.screen.query(Input).first()
            texts.append(paths.value)
            paths.value = paths.value or "~/scans b.nii"
            await pilot.press("ctrl+s" if said else "escape")
            await wait_for(pilot, lambda said=said: said in app.last_flash)
            await pilot.press("escape")
            await wait_for(pilot, lambda: app.screen is app.frame_screen)
    assert texts == ["", "~/scans b.nii", ""]
    assert asked == [{"paths": ["~/scans", "b.nii"]}] * 2


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
