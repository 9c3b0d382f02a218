"""Pane 3 in the console: it follows, never pulls a reader who scrolled up, and answers what it is asked."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from stand_in import NOW, connected, console, dead, fresh, settled, stopped, wait_for
from textual.pilot import Pilot

from labeltui.domain.state import Alert, Level, SessionState
from labeltui.session.logstore import LogStore
from labeltui.ui.app import Console
from labeltui.ui.panes.log import LogPane

SIZE = (120, 40)
MANY = b"".join(b"line %d\n" % number for number in range(500))
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [%s] (monailabel.datastore.local:408) - "


def record(message: str, level: bytes = b"INFO") -> bytes:
    return HEAD % level + message.encode() + b"\n"


class Reader:
    """The log pane of a console, with the keyboard."""

    def __init__(self, app: Console, pilot: Pilot[int]) -> None:
        pane = app.panes["log"]
        assert isinstance(pane, LogPane)
        self.app, self.pilot, self.pane, self.view = app, pilot, pane, pane.view

    @property
    def store(self) -> LogStore:
        return self.view.store

    @property
    def seen(self) -> list[str]:
        return [self.view.render_line(y).text[:-1].rstrip() for y in range(self.view.size.height)]

    @property
    def messages(self) -> list[str]:
        return [row.strip() for row in self.seen if row.strip()]

    async def until(self, holds: Callable[[], object], what: str = "it") -> None:
        await wait_for(self.pilot, holds, f"{what}; seen: {self.messages[-8:]}, facts: {self.pane.facts}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def feed(self, data: bytes) -> None:
        self.store.feed(self.store.size, data)


async def reading(pilot: Pilot[int], app: Console) -> Reader:
    await settled(pilot)
    reader = Reader(app, pilot)
    await reader.until(lambda: app.frame_screen.focused is reader.pane.focus_target, "the keyboard")
    return reader


async def test_it_follows_and_leaves_a_reader_alone() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.until(lambda: reader.messages[-1] == "line 499", "the end")
        reader.feed(b"line 500\n")
        await reader.until(lambda: reader.messages[-1] == "line 500", "the line that came")
        await reader.press("pageup")
        before = reader.seen
        assert "following" not in reader.pane.facts
        reader.feed(b"later\n" * 312)
        await reader.until(lambda: "▼ 312 new" in reader.seen[-1], "the chip")
        assert reader.seen[:-1] == before[:-1]
        for key in ("f", "end", "G"):
            await reader.press("pageup", key)
            assert reader.view.following
            assert reader.messages[-1] == "later"
            assert "new" not in reader.seen[-1]
        await reader.until(lambda: "813 lines · following" in reader.pane.facts, "its border")


async def test_moving() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("k", "k")
        assert reader.view.cursor == 497
        await reader.press("j", "j")
        assert (reader.view.cursor, reader.view.following) == (499, False)
        await reader.press("j")
        assert reader.view.following, "past the last line it follows again"
        await reader.press("g")
        assert (reader.view.cursor, reader.messages[0]) == (0, "line 0")
        height = reader.view.size.height
        await reader.press("pagedown")
        assert reader.messages[0] == f"line {height - 1}"
        await reader.press("k")
        assert reader.messages[0] == f"line {height - 2}"
        await pilot.resize_terminal(100, 30)
        await reader.until(lambda: reader.view.size.height < height, "the smaller room")
        assert reader.view.cursor == height - 2


async def test_the_wheel_and_the_mouse() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        last = reader.messages[-1]
        await pilot._post_mouse_events(
            [__import__("textual.events", fromlist=["x"]).MouseScrollUp], reader.view, offset=(3, 3)
        )
        await reader.until(lambda: reader.messages[-1] != last, "the wheel")
        assert not reader.view.following
        await pilot.click(reader.view, offset=(5, 4))
        assert reader.view.cursor is not None
        assert reader.seen[4].strip() == f"line {reader.view.cursor}"
        await pilot.click(reader.view, offset=(reader.view.size.width - 1, 0))
        assert reader.messages[0] == "line 0"
        await pilot.click(reader.view, offset=(reader.view.size.width - 1, reader.view.size.height - 1))
        assert reader.view.following


async def test_another_run_starts_over() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash", *"line", "enter", "g", "j")
        reader.store.begin("r2", "/other")
        reader.feed(b"line of another run\n")
        await reader.press("k")
        await reader.until(lambda: reader.messages == ["line of another run"], "the other run")
        assert "1 of 1" in reader.pane.facts or "/line" in reader.pane.facts


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("train", 2),
        ("!train", 3),
        ("~svlbl", 2),
        ("SAVING", 0),
        ("saving", 2),
        ("epoch \\d+/", 1),
        ("nothing", 0),
    ],
)
async def test_filter(asked: str, kept: int) -> None:
    rows = ("Saving label a", "Train request", "Saving label b", "Epoch 1/2 train_loss", "Return code: 0")
    app = console(connected(), log=b"".join(record(row) for row in rows))
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash")
        reader.pane._input.value = asked
        await reader.until(lambda: f"{kept} of 5" in reader.pane.facts, "the count")
        await reader.press("enter")
        assert len(reader.messages) == kept
        reader.feed(record("Train: Saving label c"))
        more = kept + (asked in ("train", "~svlbl", "saving"))
        await reader.until(lambda: f"{more} of 6" in reader.pane.facts, "what came, filtered")
        await reader.press("escape")
        await reader.until(lambda: len(reader.messages) == 6, "everything again")


async def test_a_filtered_line_in_its_context_and_back() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash", *"line 250", "enter", "g", "v")
        assert reader.view.cursor == 250
        assert "line 249" in reader.messages
        assert "line 251" in reader.messages
        await reader.press("v")
        assert reader.messages == ["line 250"]


async def test_what_is_typed_does_not_move_the_reader_letter_by_letter() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("g", "j", "slash", *"!1", "0", "enter")
        assert reader.view.cursor == 1, "line 1 was dropped by !1, and is kept by !10"


async def test_a_filter_that_is_no_expression_says_so_and_changes_nothing() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash", "left_square_bracket")
        await reader.until(lambda: "not a regular" in app.last_words, "the words")
        assert reader.view.filter is None


async def test_find_lights_every_match_and_goes_round() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("n", *"line 49", "enter")
        assert reader.view.cursor == 499, "the newest first"
        await reader.until(lambda: "find line 49 11 of 11" in reader.pane.facts, "the place")
        lit = [row for row in range(reader.view.size.height) if _lit(reader, row)]
        assert len(lit) == 10
        await reader.press("N", "N")
        assert reader.view.cursor == 497
        await reader.press("n", "n", "n")
        assert reader.view.cursor == 49
        assert "went round to the first" in app.last_words
        await reader.press("escape")
        assert reader.view.find is None
        assert app.screen is app.frame_screen


def _lit(reader: Reader, row: int) -> bool:
    tone = reader.view.page.tones.match.bgcolor
    return any(segment.style and segment.style.bgcolor == tone for segment in reader.view.render_line(row))


async def test_errors_are_counted_and_visited() -> None:
    log = MANY + record("first", b"ERROR") + MANY + record("second", b"CRITICAL") + MANY
    app = console(connected(), log=log)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.until(lambda: "2 errors" in reader.pane.facts, "the count")
        await reader.press("e")
        assert reader.view.cursor == 1001, "the newest first"
        assert "second" in reader.view.text_of(1001)
        await reader.press("E")
        assert reader.view.cursor == 500
        await reader.press("slash", *"second", "enter", "e")
        assert reader.view.cursor == 1001, "only those that the filter keeps"


async def test_hostile_lines_are_text() -> None:
    hostile = "[red]x[/] \x1b]0;t\x07\x1b[2J\x1b[6n \u202e\x9b31m \x08\x00 $(touch pwned)"
    app = console(connected(), log=record(hostile) + b"\xff\xfe\xc3\n" + hostile.encode() + b"\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        for keys in ((), ("c",), ("w",), ("slash", *"[red", "backspace", "enter")):
            await reader.press(*keys)
            shot = app.export_screenshot()
            ElementTree.fromstring(shot)
            text = shot.replace("&#160;", " ")
            assert "[red]x[/] ␛]0;t␇␛[2J␛[6n \\u202e\\u009b31m ␈␀ $(touch pwned)" in text
            assert not re.search("[\x00-\x08\x0b-\x1f\x80-\x9f\u202e]", text)


async def test_colours_of_the_log_are_kept() -> None:
    app = console(connected(), log=b"\x1b[1;38;2;1;200;3mgreen\x1b[0m plain\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        segment = next(s for s in reader.view.render_line(0) if s.text == "green")
        assert segment.style is not None
        assert segment.style.bold
        assert segment.style.color is not None
        assert segment.style.color.get_truecolor() == (1, 200, 3)


async def test_a_progress_bar_is_one_changing_line() -> None:
    app = console(connected(), log=b"start\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        for percent in (10, 55, 99):
            reader.feed(b"\r%3d%%|##" % percent)
            await reader.until(lambda percent=percent: reader.messages == ["start", f"{percent}%|##"])  # type: ignore[misc]
        reader.feed(b"\r100%|##\nend\n")
        await reader.until(lambda: reader.messages == ["start", "100%|##", "end"])


async def test_a_gap_is_a_rule_between_lines() -> None:
    app = console(connected(), log=b"before\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        reader.store.lost(NOW, "reset")
        await reader.until(lambda: "connection lost 17:02:48 ─" in reader.seen[1], "the open gap")
        reader.store.back(NOW + timedelta(seconds=7))
        reader.feed(b"after\n")
        await reader.until(lambda: reader.seen[2].strip() == "after", "the line after")
        assert "── connection lost 17:02:48 · back 17:02:55 (7 s) ──" in reader.seen[1]
        await reader.press("slash", *"after", "enter")
        assert "connection lost" in reader.seen[0], "a filter hides no gap"


async def test_wrap_and_sideways() -> None:
    long = "word " * 60
    app = console(connected(), log=record(long) + record("short"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await pilot.pause()
        assert reader.view.render_line(0).text.rstrip("│ ").endswith("›")
        await reader.press("l")
        assert reader.seen[0].startswith("17:02:20 I ")
        assert reader.view.page.left == 8
        reader.feed(record("more"))
        await reader.until(lambda: len(reader.messages) == 3)
        assert reader.view.page.left == 8, "following does not move it back"
        await reader.press("w")
        width = reader.view.size.width - 1
        shown = [row for row in reader.seen if row.strip()]
        assert len(shown) > 5
        indent = reader.view.page.columns.width
        assert all(len(row) <= width for row in shown)
        assert all(row.startswith(" " * indent) for row in shown[1:-2])
        joined = "".join(row[indent:].ljust(width - indent) for row in shown[:-2])
        assert joined.split() == long.split()


async def test_copy() -> None:
    app = console(connected(), log=record("Saving \x1b[31mlabel\x1b[0m") + b"last\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("y")
        assert app.clipboard == "last"
        await reader.press("k", "y")
        assert app.clipboard == (HEAD % b"INFO").decode() + "Saving label"
        assert "copied" in app.last_words


KEYS = "jkhlgGfeEnNvwcy"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_pressed_while_lines_come(seed: int) -> None:
    chance = random.Random(seed)
    lines = [
        record("word " * 40, b"ERROR"),
        b"bare\n",
        b"half",
        b"\r 50%",
        b"\n",
        record("漢字 epoch"),
        MANY[:500],
    ]
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        view = reader.view
        for _ in range(120):
            what = chance.random()
            if what < 0.15:
                await reader.press(
                    "slash", *["backspace"] * 8, *chance.choice(["line 4", "!line", "zzz", "epoch", "["])
                )
                await reader.press(chance.choice(["enter", "escape"]))
            elif what < 0.25:
                await reader.press(
                    "ctrl+f", *["backspace"] * 8, *chance.choice(["9", "word", "~ln"]), "enter"
                )
            elif what < 0.30:
                reader.store.begin(f"r{chance.random()}", "/log")
            elif what < 0.34:
                reader.store.lost(NOW, "reset")
                reader.store.back(NOW)
            elif what < 0.38:
                await pilot.resize_terminal(chance.choice([70, 120, 200]), chance.choice([20, 40]))
            elif what < 0.55:
                await reader.press(chance.choice(["pageup", "pagedown", "home", "end", "escape"]))
            else:
                await reader.press(chance.choice(KEYS))
            reader.feed(chance.choice(lines))
            view.redraw()
            room = view.size.height
            assert len(view.rows) == room or view.page.top == view.page.skip == 0
            assert all(view.render_line(y).cell_length == view.size.width for y in range(room))
            kept = reader.store.line_count if view.filter is None else len(view.filter.lines)
            assert not view.following or not kept or view.page.at_end


@pytest.mark.slow
async def test_two_hundred_thousand_lines_cost_what_fifty_do() -> None:
    app = console(connected(), log=b"".join(record(f"line {number}") for number in range(200_000)))
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        laid: list[int] = []
        lay = reader.view.page.laid

        def counted(line: int) -> Any:
            laid.append(line)
            return lay(line)

        reader.view.page.laid = counted  # type: ignore[method-assign]
        started = time.perf_counter()
        await reader.press("g", *["pagedown"] * 20, "G", *["pageup"] * 20)
        assert len(laid) < 42 * 40 * 8, "only lines near those in sight are laid out"
        assert time.perf_counter() - started < 30
        assert reader.seen[0].endswith(f"line {199_999 - 21 * (reader.view.size.height - 1)}")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (stopped(), "s s starts it"),
        (dead(), "connection to the host was refused"),
        (connected(), "has said nothing yet"),
        (
            replace(connected(), server=fresh(replace(connected().server.value, run_id=None))),
            "did not start this server",
        ),
    ],
)
async def test_an_empty_log_teaches(state: SessionState, said: str) -> None:
    app = console(state, log=b"")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        text = app.export_screenshot().replace("&#160;", " ")
        assert said in text
        assert not reader.pane.hints()
        reader.feed(b"hello\n")
        app.paint()
        await reader.until(lambda: reader.messages == ["hello"], "the first line")
        await reader.until(lambda: app.frame_screen.focused is reader.view, "the keyboard goes to the lines")


async def test_an_alert_opens_the_log_at_its_line_and_the_line_says_what_it_means() -> None:
    lines = [b"line %d\n" % number for number in range(300)]
    lines[120] = b"torch.OutOfMemoryError: CUDA out of memory.\n"
    alert = Alert("log:gpu_memory", Level.ERROR, "The GPU had no memory.", "End it.", NOW, 120)
    app = console(replace(connected(), alerts=(alert,)), log=b"".join(lines))
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash", *"line", "enter")
        assert not reader.pane.has_class("-means")
        await reader.press("1", "a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")
        await reader.press("enter")
        await reader.until(lambda: reader.view.cursor == 120, "the line")
        await reader.until(lambda: app.frame_screen.focused is reader.view, "the keyboard")
        await reader.until(lambda: "GPU had no memory" in str(reader.pane.query_one(".means").render()))
        assert reader.pane.has_class("-means")
        await reader.press("j")
        await reader.until(lambda: not reader.pane.has_class("-means"), "a line that means nothing")


async def test_an_alert_without_a_line_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = Alert("host", Level.ERROR, "It went.", "It comes back.", NOW)
    app = console(replace(connected(), alerts=(alert,)), log=MANY)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy", copied.append)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")
        await reader.press("enter")
        await wait_for(pilot, lambda: copied == ["It went. It comes back."])


def at(second: int, level: str = "INFO") -> bytes:
    return b"[2026-11-23 17:%02d:%02d,000] [42] [T] [%b] (a.b:1) - at %d\n" % (
        second // 60, second % 60, level.encode(), second,
    )  # fmt: skip


async def test_levels_time_places_and_a_clear_view() -> None:
    log = b"".join(
        at(n, "ERROR" if n % 100 == 50 else "WARNING" if n % 100 == 20 else "INFO") for n in range(600)
    )
    app = console(connected(), log=log)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("o")
        await reader.until(lambda: "12 of 600 lines · WARNING+" in reader.pane.facts, "warnings")
        await reader.press("o")
        await reader.until(lambda: "6 of 600 lines · ERROR+" in reader.pane.facts, "errors")
        await reader.press("slash", *"50", "enter")
        await reader.until(lambda: "/50 6 of 600" in reader.pane.facts, "both")
        await reader.press("escape", "o")
        await reader.until(lambda: "600 lines" in reader.pane.facts, "all")

        await reader.press("g", "right_square_bracket")
        assert reader.view.cursor == 60
        await reader.press("right_square_bracket", "left_square_bracket", "left_square_bracket")
        assert reader.view.cursor == 0
        await reader.press("right_curly_bracket")
        assert reader.view.cursor == 599
        await reader.press("left_curly_bracket")
        assert reader.view.cursor == 0

        await reader.press("O", *">17:05 <17:06", "enter")
        await reader.until(
            lambda: "120 of 600 lines · from 17:05:00 to 17:06:59" in reader.pane.facts, "a time"
        )
        await reader.press("escape")
        await reader.until(lambda: "600 lines" in reader.pane.facts, "all again")

        await reader.press("g", "j", "j", "m", "g", "M")
        assert reader.view.cursor == 2
        await reader.until(lambda: "marked at" in reader.seen[2], "the rule")

        await reader.press("C")
        await reader.until(lambda: not reader.messages and "cleared" in reader.pane.facts, "nothing")
        reader.feed(at(700))
        await reader.until(lambda: len(reader.messages) == 1 and "at 700" in reader.messages[0], "what came")
        assert reader.store.line_count == 601, "nothing is lost"
        await reader.press("C")
        await reader.until(lambda: "601 lines" in reader.pane.facts, "all of it")


def taken(folder: Path) -> tuple[bytes, int]:
    """Content and mode of the only file; it is gone afterwards."""
    (saved,) = folder.iterdir()
    found = saved.read_bytes(), saved.stat().st_mode & 0o777
    saved.unlink()
    return found


async def test_what_is_shown_is_saved_for_the_reader_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        await reader.press("slash", *"line 4.7$", "enter")
        await reader.press("S")
        await reader.until(lambda: reader.pane._saving is not None and reader.pane._saving.done(), "the file")
        assert taken(tmp_path) == (b"".join(b"line 4%d7\n" % n for n in range(10)), 0o600)
        await reader.press("escape", "S")
        await reader.until(
            lambda: reader.pane._saving is not None and reader.pane._saving.done(), "all of it"
        )
        assert taken(tmp_path) == (MANY, 0o600)
