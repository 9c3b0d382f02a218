"""How the log pane shows single lines: hostile ones, coloured ones, progress bars, gaps."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from labeltui.session.log.store import APP_LOG, LogStore
from tests.ui.fake_session import NOW, connected, console
from tests.ui.panes.log.log_reader import HEAD, SIZE, open_log, record


async def test_hostile_lines_are_text() -> None:
    hostile = "[red]x[/] \x1b]0;t\x07\x1b[2J\x1b[6n \u202e\x9b31m \x08\x00 $(touch pwned)"
    app = console(connected(), log=record(hostile) + b"\xff\xfe\xc3\n" + hostile.encode() + b"\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        for keys in ((), ("c", "r", "c"), ("w",), ("slash", *"[red", "backspace", "enter")):
            await reader.press(*keys)
            shot = app.export_screenshot()
            ElementTree.fromstring(shot)
            text = shot.replace("&#160;", " ")
            assert "[red]x[/] ␛]0;t␇␛[2J␛[6n \\u202e\\u009b31m ␈␀ $(touch pwned)" in text
            assert not re.search("[\x00-\x08\x0b-\x1f\x80-\x9f\u202e]", text)


async def test_colours_of_the_log_are_shown() -> None:
    app = console(connected(), log=b"\x1b[1;38;2;1;200;3mgreen\x1b[0m plain\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        segment = next(s for s in reader.view.render_line(0) if s.text == "green")
        assert segment.style is not None
        assert segment.style.bold
        assert segment.style.color is not None
        assert segment.style.color.get_truecolor() == (1, 200, 3)


async def test_a_progress_bar_is_one_changing_line() -> None:
    app = console(connected(), log=b"start\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        for percent in (10, 55, 99):
            reader.feed(b"\r%3d%%|##" % percent)
            await reader.until(lambda percent=percent: reader.messages == ["start", f"{percent}%|##"])  # type: ignore[misc]
        reader.feed(b"\r100%|##\nend\n")
        await reader.until(lambda: reader.messages == ["start", "100%|##", "end"])


async def test_a_gap_is_a_rule_between_lines() -> None:
    app = console(connected(), log=b"before\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        reader.store.lost(NOW, "reset")
        await reader.until(lambda: "connection lost 17:02:48 ─" in reader.screen_rows[1], "the open gap")
        reader.store.back(NOW + timedelta(seconds=7))
        reader.feed(b"after\n")
        await reader.until(lambda: reader.screen_rows[2].strip() == "after", "the line after")
        assert "── connection lost 17:02:48 · back 17:02:55 (7 s) ──" in reader.screen_rows[1]
        await reader.press("slash", *"after", "enter")
        assert "connection lost" in reader.screen_rows[0], "a filter hides no gap"
        await reader.press("escape", "g", "M")
        assert reader.view.cursor == 1, "the line after the gap"


async def test_each_column_can_be_hidden_and_stays_so() -> None:
    app = console(connected(), log=record("Saving label") + b"bare\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        assert reader.screen_rows[0] == "17:02:20 I datastore      Saving label"
        for keys, first, second in (
            ("ct", "I datastore      Saving label", "  bare"),
            ("g", "I Saving label", "  bare"),
            ("l", "Saving label", "bare"),
            ("r", (HEAD % b"INFO").decode()[:40], "bare"),
            ("g", "datastore      Saving label", "  bare"),
            ("tl", "17:02:20 I datastore      Saving label", "         bare"),
            ("lg", "17:02:20 Saving label", "         bare"),
        ):
            await reader.press(*keys)
            assert reader.screen_rows[0].startswith(first)
            assert reader.screen_rows[1] == second
            shot = app.export_screenshot().replace("&#160;", " ")
            assert "columns" in shot
        assert "source" not in shot, "all of it is from one"
        await reader.press("c")
        assert not reader.pane.switches.open
        reader.view.attach(LogStore())
        reader.feed(record("of another session"))
        await reader.until(lambda: reader.screen_rows[0] == "17:02:20 of another session")
        await reader.press("c", "w")
        assert not reader.pane.switches.open, "a key that is no switch is obeyed, and closes them"
        assert reader.view.page.wrap


@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_a_progress_bar_over_many_pieces_is_one_line(end: bytes) -> None:
    """Every byte comes alone: no drawing is ever two lines, nor half of one and half of another."""
    bar = (
        b"start\n"
        + b"".join(b"\rsaving %3d%%|%b" % (part, b"#" * (part // 10)) for part in range(0, 101, 10))
        + end
    )
    app = console(connected(), log=b"")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        for at in range(len(bar)):
            reader.feed(bar[at : at + 1])
            reader.view.redraw()
            assert len(reader.messages) <= 2
            assert re.fullmatch(r"|s\w*( +\d*%?\|?#*)?", (*reader.messages, "", "")[1])
        app.paint()
        await reader.until(lambda: reader.messages == ["start", "saving 100%|##########"])


async def test_the_sideways_position_stays_while_it_follows() -> None:
    app = console(connected(), log=record("x" * 300))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("l", "l", "l")
        reader.feed(record("a" * 25 + "and what follows"))
        await reader.until(lambda: reader.messages[-1].endswith(" ‹and what follows"), "the line, moved")
        assert reader.view.following


async def test_what_only_another_source_has_says_so() -> None:
    app = console(connected(), log=record("printed"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        assert reader.screen_rows[0] == "17:02:20 I datastore      printed"
        reader.store.add(APP_LOG, record("written by another server", b"ERROR"))
        reader.store.add(APP_LOG, record("said long ago"), late=True)
        reader.feed(record("printed again") + b"bare\n")
        await reader.until(lambda: len(reader.messages) == 6, "all of them, with a rule")
        assert reader.screen_rows[0] == "17:02:20   I datastore      printed"
        assert reader.screen_rows[1] == "17:02:20 a E datastore      written by another server"
        assert "in app.log only: 1 line" in reader.screen_rows[2]
        assert reader.screen_rows[3].startswith("17:02:20 a I ")
        assert reader.screen_rows[5] == "           bare"
        await reader.press("g", "j")
        await reader.until(lambda: "in app.log only" in reader.pane.facts, "the border")
        await reader.press("j", "j")
        await reader.until(lambda: "in app.log only" not in reader.pane.facts, "the border")
        await reader.press("c", "s")
        assert reader.screen_rows[1] == "17:02:20 E datastore      written by another server"
