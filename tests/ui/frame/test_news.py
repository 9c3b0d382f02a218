"""The line above the keys shows the newest event or alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from labeltui.actions import BY_ID
from labeltui.domain.pod.events import PodEvent
from labeltui.domain.state import Alert, Level
from labeltui.ui.app import Console
from labeltui.ui.running import Running
from tests.fakes.store import put
from tests.ui.fake_session import NOW, FakeSession, settled, stopped, wait_for
from tests.ui.screen_text import screen_text

CRASH = Alert("server", Level.ERROR, "The server ran out of GPU memory.", "Restart it.", NOW)
SHARED = Alert("shared:a", Level.WARNING, "a is open at ana and ben.", "Ask.", NOW)
UNASKED = Alert("pod:stopped", Level.WARNING, "annot was stopped.", "", NOW)
OLD = Alert("balance", Level.ERROR, "The credit lasts 1 h.", "", NOW - timedelta(minutes=5))


async def test_a_new_alert_is_in_the_line_above_the_keys_with_its_key() -> None:
    session = FakeSession(stopped())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        put(session.store, alerts=(OLD,))
        put(session.store, alerts=(OLD, SHARED))
        await wait_for(pilot, lambda: "a is open at ana and ben." in screen_text(app))
        assert "[a] alerts" in screen_text(app)
        assert OLD.message not in app.last_flash, "news only"


async def test_an_alert_that_only_informs_has_no_tick() -> None:
    session = FakeSession(stopped())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        put(session.store, alerts=(Alert("untrained_models", Level.INFO, "deepedit is untrained.", "", NOW),))
        await wait_for(pilot, lambda: "deepedit is untrained." in str(app.frame_screen.flash.content))
        assert str(app.frame_screen.flash.content).startswith(" • 17:02:48 deepedit")
        app.flash("Start the server: running")
        assert str(app.frame_screen.flash.content).startswith(" ✓ 17:02:48 Start the server")


@pytest.mark.parametrize(("alerts", "glyph"), [((), "✓"), ((UNASKED,), "▲")])
async def test_a_pod_s_stop_is_a_warning_unless_it_was_asked_for(
    alerts: tuple[Alert, ...], glyph: str
) -> None:
    session = FakeSession(stopped())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        put(session.store, pod_events=(PodEvent(NOW, "stopped", UNASKED.message),), alerts=alerts)
        await wait_for(pilot, lambda: UNASKED.message in str(app.frame_screen.flash.content))
        assert str(app.frame_screen.flash.content).startswith(f" {glyph} ")


async def test_only_a_problem_offers_what_to_do() -> None:
    session = FakeSession(stopped())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for level, key in ((Level.INFO, "[a] alerts"), (Level.ERROR, "[W] what to do")):
            put(session.store, alerts=(Alert("training", level, "The training of deepedit ended.", "", NOW),))
            await wait_for(pilot, lambda key=key: key in screen_text(app), key)  # type: ignore[misc]
        app.flash("Start Slicer: no 3D Slicer was found.", Level.ERROR, failure=True)
        await wait_for(
            pilot, lambda: "no 3D Slicer" in screen_text(app) and "[W]" in screen_text(app), "the failure"
        )
        app.flash("the log was not saved", Level.ERROR)
        await wait_for(pilot, lambda: "[L] action log" in screen_text(app), "no action that failed")


async def test_a_crash_is_shown_at_once_in_red_although_an_action_runs() -> None:
    session = FakeSession(stopped())
    now = NOW
    app = Console(session=session, clock=lambda: now)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.dispatcher.running["labels.pull"] = Running(BY_ID["labels.pull"], last="3 of 9")
        app.paint()
        await wait_for(pilot, lambda: "3 of 9" in screen_text(app), "the progress")
        put(session.store, alerts=(CRASH, SHARED))
        await wait_for(
            pilot, lambda: CRASH.message in screen_text(app), "the crash, before what is less grave"
        )
        line = app.frame_screen.flash.content
        assert any("error" in str(span.style) for span in line.spans)  # type: ignore[union-attr]
        assert "[W] what to do" in screen_text(app)
        now = NOW + timedelta(seconds=11)
        app.paint()
        await wait_for(pilot, lambda: "3 of 9" in screen_text(app), "the progress again")


async def test_the_gravest_open_alert_stands_in_the_line_as_long_as_it_is_open() -> None:
    session = FakeSession(stopped())
    now = NOW
    app = Console(session=session, clock=lambda: now)
    line = app.frame_screen.flash
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)

        async def shows(*texts: str) -> None:
            app.paint()
            await wait_for(pilot, lambda: all(text in str(line.content) for text in texts), texts[0])

        put(session.store, alerts=(OLD,))
        await shows(OLD.message, "16:57:48", "[a] alerts")
        put(session.store, alerts=(OLD, SHARED))
        await shows(SHARED.message)  # news
        now += timedelta(seconds=11)
        await shows(OLD.message)
        app.flash("copied the URL")
        await shows("copied the URL")
        now += timedelta(seconds=11)
        put(session.store, alerts=(SHARED,))
        await shows(SHARED.message)
        put(session.store, alerts=())
        await shows("copied the URL")


async def test_a_solved_problem_leaves_the_line() -> None:
    session = FakeSession(stopped())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(60, 24)) as pilot:
        await settled(pilot)
        put(session.store, alerts=(CRASH,))
        await wait_for(pilot, lambda: "The server ran out" in screen_text(app), "the crash")
        await wait_for(pilot, lambda: "[W]" in screen_text(app), "the key, without room for more")
        put(session.store, alerts=())
        await wait_for(pilot, lambda: "The server ran out" not in screen_text(app), "the end of the crash")


async def test_a_shell_that_gets_the_keys_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSession, "prompt", b"pod# ")
    app = Console(session=FakeSession(stopped()), clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await wait_for(pilot, lambda: "pod#" in screen_text(app), "the prompt")
        frame = app.frame_screen.frame_of("shell")
        colour = frame.styles.border_top[1]
        assert "keys go to the host" not in screen_text(app)
        await pilot.press("2")
        await wait_for(pilot, lambda: "keys go to the host" in screen_text(app), "the title")
        assert frame.styles.border_top[1] not in (colour, app.theme_variables["border"])
        await pilot.press("ctrl+right_square_bracket")
        await wait_for(pilot, lambda: "keys go to the host" not in screen_text(app), "the title")


async def test_an_alert_that_is_too_long_for_one_row_has_two_for_as_long_as_it_is_open() -> None:
    session = FakeSession(stopped())
    now = NOW
    app = Console(session=session, clock=lambda: now)
    long = replace(OLD, hint="Pay in, or copy everything to this machine and stop the pod.")
    line = app.frame_screen.flash
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert line.size.height == 1
        put(session.store, alerts=(long,))
        now += timedelta(seconds=11)
        app.paint()
        await wait_for(pilot, lambda: line.size.height == 2, "the second row")
        first, second = str(line.content).split("\n")
        assert first.strip() == "✗ 16:57:48 The credit lasts 1 h. Pay in, or copy everything to this machine"
        assert " ".join(second.split()) == "and stop the pod. [a] alerts"
        app.flash("copied the URL")
        await wait_for(pilot, lambda: "copied the URL" in screen_text(app), "news")
        assert line.size.height == 2, "the panes stay where they are"
        put(session.store, alerts=())
        await wait_for(pilot, lambda: line.size.height == 1, "one row again")
