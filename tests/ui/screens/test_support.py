"""The support bundle in the console: listed with sizes first, saved only then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labeltui.ui.screens.support import SupportScreen
from tests.ui.fake_session import connected, console, settled, wait_for
from tests.ui.screen_text import screen_text

FILES = [
    {"file": "server.log", "bytes": 43_000, "about": "the last 500 lines"},
    {"file": "crash.txt", "bytes": 900, "about": "[red]x[/] \x1b[31m"},
]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_files_are_listed_before_they_are_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: tuple[int, int]
) -> None:
    ran: list[tuple[str, dict[str, Any]]] = []

    async def run_action(
        _session: Any, action: str, params: Mapping[str, Any], _report: Any, **_named: Any
    ) -> Mapping[str, Any]:
        ran.append((action, dict(params)))
        named = "names are in it" if params.get("names") else "numbers instead of names"
        return {"files": FILES, "redacted": named, "message": "2 files saved"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    monkeypatch.chdir(tmp_path)
    app = console(connected())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("B")
        await wait_for(pilot, lambda: isinstance(app.screen, SupportScreen) and "all" in screen_text(app))
        shown = screen_text(app)
        await pilot.press("n")
        await wait_for(pilot, lambda: "names are in it" in screen_text(app))
        assert all("file" not in params for _action, params in ran)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "2 files saved" in app.last_flash)
    action, params = ran[-1]
    assert (action, params["names"], Path(str(params["file"])).parent) == ("support", True, tmp_path)
    for words in ("server.log", "42K", "numbers instead of names", "Nothing is saved yet", "[red]x[/]"):
        assert words in shown, shown
    assert "\x1b" not in shown
