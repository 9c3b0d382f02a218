"""Pane 3 in the console: it follows, and never pulls a reader who scrolled up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from stand_in import NOW, connected, console, settled, stopped, wait_for

from labeltui.session.logstore import LogStore
from labeltui.ui.panes.log import LogPane

MANY = b"".join(b"line %d\n" % number for number in range(500))


def pane_of(app: Any) -> LogPane:
    pane = app.panes["log"]
    assert isinstance(pane, LogPane)
    return pane


def seen(pane: LogPane) -> list[str]:
    return [pane.view.render_line(y).text.rstrip(" ┃") for y in range(pane.view.size.height)]


async def test_a_reader_who_scrolled_up_stays() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        pane = pane_of(app)
        await wait_for(pilot, lambda: pane.view.has_focus, "the log's keyboard")
        await wait_for(pilot, lambda: "line 499" in seen(pane), "the end")
        await pilot.press("k", "k")
        before = seen(pane)[:-1]
        store: LogStore = pane.view.store
        store.feed(store.size, b"later\n")
        await wait_for(pilot, lambda: "▼ 1 new" in seen(pane)[-1], "the chip")
        assert seen(pane)[:-1] == before
        await pilot.press("f")
        await wait_for(pilot, lambda: "later" in seen(pane), "the end again")
        assert pane.view.following


async def test_a_gap_is_a_rule_between_lines() -> None:
    app = console(connected(), log=b"before\n")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        pane = pane_of(app)
        store = pane.view.store
        store.lost(NOW, "reset")
        store.back(NOW + timedelta(seconds=7))
        store.feed(store.size, b"after\n")
        await wait_for(pilot, lambda: "after" in seen(pane), "the new line")
        at = seen(pane).index("before")
        assert "lost 17:02:48 · back 17:02:55 (7 s" in seen(pane)[at + 1]
        assert seen(pane)[at + 2] == "after"


async def test_e_finds_the_error() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        pane = pane_of(app)
        await wait_for(pilot, lambda: pane.view.has_focus, "the log's keyboard")
        await pilot.press("e")
        assert "[ERROR]" in pane.copy_text()


async def test_without_lines_it_says_why() -> None:
    app = console(stopped(), log=b"")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "The server is stopped." in str(pane_of(app).why.render())
