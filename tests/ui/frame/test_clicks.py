"""A click on the strip, the footer, the line above it, or an alert does what it names."""

from __future__ import annotations

import pytest

from labeltui.ui.frame.frame import PaneFrame
from labeltui.ui.screens.leader import LeaderScreen
from labeltui.ui.screens.records import ActionLogScreen, AlertsScreen
from tests.ui.fake_session import connected, console, settled, wait_for


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
