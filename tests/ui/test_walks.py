"""From no profile to the report in the demo, with keys only and with clicks only, led by nothing but the screen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.states import TrainState
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from tests.ui.screen_text import rows, screen_text
from tests.ui.test_guide_in_demo import quicken

pytestmark = pytest.mark.slow
LONGEST_S = 120.0


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LABELTUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def seen(pilot: Pilot[Any], text: str) -> None:
    """Wait until the screen shows a text."""
    app, end = pilot.app, time.monotonic() + LONGEST_S
    while text not in screen_text(app):
        assert time.monotonic() < end, f"never on screen: {text!r}\n{screen_text(app)}"
        await pilot.pause(0.05)


async def click(pilot: Pilot[Any], text: str) -> None:
    """Click the first place where the screen shows a text."""
    await seen(pilot, text)
    lines = [row.text for row in rows(pilot.app)]
    at = next(index for index, line in enumerate(lines) if text in line)
    await pilot.click(offset=(lines[at].index(text), at))
    await pilot.pause()


def report_in(home: Path) -> str:
    (file,) = home.glob("labeltui-demo*.html")
    return file.read_text()


async def test_keys_lead_from_no_profile_to_the_report(home: Path) -> None:
    app = Console(Launch())
    async with app.run_test(size=(80, 24)) as pilot:
        await seen(pilot, "Where does MONAI Label run?")
        await seen(pilot, " d  Try the demo")
        await pilot.press("d")
        await seen(pilot, "DEMO")
        await seen(pilot, "[H] guide")
        for key, text in (("1", "pod"), ("4", "study queue"), ("5", "training"), ("3", "server log")):
            await pilot.press(key)
            await seen(pilot, f"{key} {text}")
        await trained(pilot)
        await pilot.press("H")
        await seen(pilot, "model here")
        await pilot.press("escape", "D")
        await seen(pilot, "R report")
        await pilot.press("R")
        await seen(pilot, "~/labeltui-demo")
        await pilot.press("ctrl+s")
        await seen(pilot, "Report written")
    assert "deepedit" in report_in(home)


async def test_clicks_lead_from_no_profile_to_the_report(home: Path) -> None:
    app = Console(Launch())
    async with app.run_test(size=(120, 40)) as pilot:
        await click(pilot, "Try the demo")
        await seen(pilot, "[H] guide")
        await trained(pilot)
        await click(pilot, "[H] guide")
        await seen(pilot, "better model")
        await click(pilot, "· esc")
        await gone(pilot, "better model")
        await click(pilot, "ctrl+p commands")
        await click(pilot, "Write the report")
        await seen(pilot, "~/labeltui-demo")
        await click(pilot, "  Report  ")
        await seen(pilot, "Report written")
    assert "deepedit" in report_in(home)


async def gone(pilot: Pilot[Any], text: str) -> None:
    end = time.monotonic() + LONGEST_S
    while text in screen_text(pilot.app):
        assert time.monotonic() < end, f"still on screen: {text!r}"
        await pilot.pause(0.05)


async def trained(pilot: Pilot[Any]) -> None:
    """Wait for the end of the demo's story: a trained model."""
    app, end = pilot.app, time.monotonic() + LONGEST_S
    assert isinstance(app, Console)
    while not any(one.state is TrainState.DONE for one in app.state.trainings):
        assert time.monotonic() < end, screen_text(app)
        if app.session is not None:
            quicken(Path(app.session.state_folder.folder).parent)
        await pilot.pause(0.05)
