"""A click on the strip, the footer, the line above it, or an alert does what it names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from labeltui.ui.frame.frame import FrameScreen, PaneFrame
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.guide import GuideScreen
from labeltui.ui.screens.help import HelpScreen
from labeltui.ui.screens.leader import LeaderScreen
from labeltui.ui.screens.records import ActionLogScreen, AlertsScreen
from tests.ui.fake_session import connected, console, settled, stopped, wait_for
from tests.ui.screen_text import rows, screen_text


@pytest.mark.parametrize(
    ("row", "text", "pane"),
    [("#strip", "queue", "queue"), ("#strip", "train", "training"), ("#strip", "host", "pod")],
)
async def test_a_fact_of_the_strip_leads_to_its_pane(row: str, text: str, pane: str) -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        at = app.frame_screen.strip.content.plain.index(text)  # type: ignore[union-attr]
        await pilot.click(row, offset=(at, 0))
        await wait_for(pilot, lambda: app.current_pane == pane)


async def test_keys_of_the_footer_alerts_and_the_action_log_are_clicked() -> None:
    app = console(connected())
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        screen = app.frame_screen
        app.flash("done")  # an open alert has another key
        for line, text, opened in (
            (screen.keys, "server▸", LeaderScreen),
            (screen.strip, "alerts", AlertsScreen),
            (screen.flash, "[L]", ActionLogScreen),
        ):
            await pilot.click(line, offset=(line.content.plain.index(text), 0))  # type: ignore[union-attr]
            await wait_for(pilot, lambda opened=opened: isinstance(app.screen, opened), text)  # type: ignore[misc]
            await pilot.press("escape")
            await wait_for(pilot, lambda: app.screen is screen, "closed")
        frame = next(one for one in screen.query(PaneFrame) if one.pane == "alerts")
        await pilot.click(frame, offset=(4, 0))
        await wait_for(pilot, lambda: isinstance(app.screen, AlertsScreen), "the alerts")


async def test_tabs_are_clicked() -> None:
    app = console(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        at = app.frame_screen.tabs.content.plain.index("5 training")  # type: ignore[union-attr]
        await pilot.click("#tabs", offset=(at, 0))
        await wait_for(pilot, lambda: app.current_pane == "training")


async def click(pilot: Pilot[Any], text: str) -> None:
    """Click the first place where the screen shows a text."""
    lines = [row.text for row in rows(pilot.app)]
    at = next(index for index, line in enumerate(lines) if text in line)
    await pilot.click(offset=(lines[at].index(text), at))


async def test_windows_are_used_and_closed_with_clicks() -> None:
    app = console(stopped())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)

        async def on_top(screen: type[Screen[Any]]) -> None:
            await wait_for(pilot, lambda: isinstance(app.screen, screen), screen.__name__)
            await pilot.pause()

        await click(pilot, "server▸")
        await on_top(LeaderScreen)
        await click(pilot, "Start with options")
        await on_top(FormScreen)
        await pilot.click(offset=(0, 20))
        await pilot.pause()
        assert isinstance(app.screen, FormScreen), "a form closes with its button, so that no text is lost"
        await click(pilot, "Cancel")
        await on_top(FrameScreen)
        await pilot.press("H")
        await on_top(GuideScreen)
        await click(pilot, "better model")
        await wait_for(pilot, lambda: re.search(r"›.*better model", screen_text(app)), "the chosen step")
        await click(pilot, "· esc")
        await on_top(FrameScreen)
        await click(pilot, "help")
        await on_top(HelpScreen)
        await pilot.click(offset=(0, 20))
        await on_top(FrameScreen)
