"""The guide's screen, and the line with the next step: they follow the session, and the line can be hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.guide.guide import guide
from labeltui.domain.host import Prepared
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.session.runtime.fields import Field, Fields
from labeltui.ui.app import Console
from labeltui.ui.screens.guide import GuideScreen
from tests.ui.fake_session import FakeSession, connected, console, fresh, settled, stopped, wait_for
from tests.ui.screen_text import screen_text
from tests.unit.domain.guide.test_guide import whole

SIZES = ((80, 24), (120, 40))
HOSTILE = "[red]\x1b[31m"


def guided(state: SessionState) -> Console:
    """A console whose line with the next step is not hidden."""
    app = console(replace(state, prepared=fresh(Prepared(True, True))))
    assert isinstance(app._given, FakeSession)
    app._given.state_folder.documents.clear()
    return app


def write(app: Console, field: Field[Any], value: Any) -> None:
    assert app.session is not None
    store = app.session.store
    store.publish(field.replaced(store.state, fresh(value)))


def line(app: Console) -> str:
    shown = app.frame_screen.next
    return str(shown.render()).strip() if shown.has_class("-on") else ""


def rows(app: Console) -> str:
    assert isinstance(app.screen, GuideScreen)
    return "\n".join(one.plain for one in app.screen._list.lines)


@pytest.mark.parametrize("size", SIZES)
async def test_the_line_names_the_key_of_the_next_step_and_goes_once_the_report_is_written(
    size: tuple[int, int],
) -> None:
    app = guided(stopped())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert line(app).startswith("▸ now press s s: Start the server.")
        assert line(app).endswith("[H] guide")
        assert app.frame_screen.next.region.bottom <= size[1] - 2
        write(app, Fields.server, ServerStatus(ServerState.CRASHED))
        await wait_for(pilot, lambda: "now press W" in line(app), "the crash")
        write(app, Fields.labels, LabelCopies(1, 1))
        write(app, Fields.server, ServerStatus(ServerState.STOPPED))
        await wait_for(pilot, lambda: "now press s s" in line(app), "the next step after a label is here")
        assert app.session is not None
        store = app.session.store
        store.publish(Fields.day_ended.replaced(store.state, True))
        await wait_for(pilot, lambda: "now press R: Write the report" in line(app), "the report")
        store.publish(Fields.report_written.replaced(store.state, True))
        await wait_for(pilot, lambda: line(app) == "", "an empty line")
        await wait_for(pilot, lambda: app.frame_screen.next.region.height == 0, "the row to be given back")


async def test_the_line_is_hidden_and_shown_and_the_profile_remembers_it() -> None:
    app = guided(stopped())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.run_action("guide_line")
        await wait_for(pilot, lambda: line(app) == "", "a hidden line")
        assert app.session is not None
        assert app.session.state_folder.read("guide") == {"hidden": True}
        await pilot.press("H", "h")
        await wait_for(pilot, lambda: "now press s s" in line(app), "the line again")
        assert app.session.state_folder.read("guide") == {"hidden": False}


async def test_a_terminal_that_is_too_small_has_no_line() -> None:
    app = guided(stopped())
    async with app.run_test(size=(50, 16)) as pilot:
        await settled(pilot)
        assert app.frame_screen.next.region.height == 0


async def test_ticks_go_on_and_off_while_the_guide_is_open(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = guided(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("H")
        await wait_for(pilot, lambda: isinstance(app.screen, GuideScreen) and "✓ done  server" in rows(app))
        write(app, Fields.server, ServerStatus(ServerState.STOPPED))
        await wait_for(pilot, lambda: "▸ next  server         s s" in rows(app), "the tick to go")
        await wait_for(pilot, lambda: "›▸ next  server" in rows(app), "the cursor on the next step")
        await pilot.press("enter")
        await wait_for(pilot, lambda: ran and ran[0][0] == "server.start", "the server's start")


async def test_a_step_of_which_nothing_can_be_done_says_so() -> None:
    app = guided(stopped())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("H")
        await wait_for(pilot, lambda: isinstance(app.screen, GuideScreen) and "›▸ next  server" in rows(app))
        await pilot.press("j")
        await wait_for(
            pilot, lambda: "Nothing to press yet: an earlier step comes first." in screen_text(app)
        )


async def test_the_chosen_step_says_why_and_what_is_wrong_and_its_text_is_shown_literally() -> None:
    app = guided(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        write(app, Fields.labels, LabelCopies(7, 6, reason=f"disk {HOSTILE} is full"))
        await pilot.press("H")
        await wait_for(pilot, lambda: isinstance(app.screen, GuideScreen) and "labels here" in rows(app))
        assert isinstance(app.screen, GuideScreen)
        screen = app.screen
        while "›✗ wrong labels here" not in rows(app):
            before = rows(app)
            await pilot.press("j")
            assert rows(app) != before, "the cursor never came to the labels"
        details = "\n".join(one.plain for one in screen._details.lines)
    assert "A copy on this machine survives the host." in details
    assert "Now: disk [red]" in details
    assert "\x1b" not in details + rows_of(screen)
    assert "Copy the labels here." in details


def rows_of(screen: GuideScreen) -> str:
    return "\n".join(one.plain for one in screen._list.lines)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [(), ("H",)], ids=["line", "guide"])
def test_pictures(snap_compare: Callable[..., bool], size: tuple[int, int], keys: tuple[str, ...]) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press(*keys)
        app = pilot.app
        assert isinstance(app, Console)
        await wait_for(pilot, lambda: not keys or "▸ next  server" in rows(app))
        await pilot.pause()

    assert snap_compare(guided(stopped()), terminal_size=size, run_before=press)


@pytest.mark.parametrize("size", [(80, 24), (80, 18)])
async def test_the_cursor_is_always_in_sight(size: tuple[int, int]) -> None:
    app = console(whole())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("H")
        await wait_for(pilot, lambda: isinstance(app.screen, GuideScreen) and "report" in rows(app))
        await pilot.press("j")
        for step in reversed(guide(whole())):
            await wait_for(pilot, lambda step=step: f"{step.title} " in pointed(app), step.title)
            await pilot.press("k")


def pointed(app: Console) -> str:
    """The row with the cursor, if it is on screen."""
    return next((row for row in screen_text(app).splitlines() if "›" in row), "")
