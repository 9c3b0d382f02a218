"""The lists of alerts and actions: the present ones first, then those of earlier sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from labeltui.domain.state import Alert, Level
from labeltui.ui.screens.records import ActionLogScreen, AlertsScreen
from tests.ui.fake_session import NOW, FakeSession, connected, settled, wait_for
from tests.ui.fake_session import console as console_of


async def test_alerts_that_are_over_are_listed_below_the_present_ones() -> None:
    present = Alert("host", Level.ERROR, "The host is gone.", "", NOW)
    over = Alert("training", Level.ERROR, "The [b]GPU[/] had no memory.", "", NOW - timedelta(days=1))
    app = console_of(replace(connected(), alerts=(present,)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        app.session.alert_history.alerts = (over,)
        await pilot.press("a")
        await wait_for(
            pilot, lambda: isinstance(app.screen, AlertsScreen) and app.screen.options.option_count
        )
        assert isinstance(app.screen, AlertsScreen)
        texts = [str(option.prompt) for option in app.screen.options.options]
    assert ["host is gone" in text for text in texts] == [True, False, False]
    assert "earlier session" in texts[1]
    assert "The [b]GPU[/] had no memory." in texts[2]


async def test_an_action_of_another_day_says_which() -> None:
    app = console_of(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        journal = app.session.journal
        journal.begin(NOW - timedelta(days=3), "Start the server", "labeltui server start")
        journal.begin(NOW, "Stop the server", "labeltui server stop")
        await pilot.press("L")
        await wait_for(
            pilot, lambda: isinstance(app.screen, ActionLogScreen) and app.screen.options.option_count
        )
        assert isinstance(app.screen, ActionLogScreen)
        today, earlier = (str(option.prompt) for option in app.screen.options.options)
    day = f"{(NOW - timedelta(days=3)).astimezone():%a %d %b}"
    assert "Stop the server" in today
    assert day not in today
    assert day in earlier
