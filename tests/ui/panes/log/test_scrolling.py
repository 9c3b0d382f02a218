"""The log pane follows, never pulls a reader who scrolled up, and goes where it is sent."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from textual.geometry import Region
from textual.strip import Strip

from labeltui.ui.widgets.log.view import LogView
from tests.ui.fake_session import NOW, connected, console, wait_for
from tests.ui.panes.log.log_reader import MANY, SIZE, open_log, record


async def test_it_follows_and_leaves_a_reader_alone() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.until(lambda: reader.messages[-1] == "line 499", "the end")
        reader.feed(b"line 500\n")
        await reader.until(lambda: reader.messages[-1] == "line 500", "the line that came")
        await reader.press("pageup")
        before = reader.screen_rows
        assert "following" not in reader.pane.facts
        reader.feed(b"later\n" * 312)
        await reader.until(lambda: "▼ 312 new" in reader.screen_rows[-1], "the chip")
        assert reader.screen_rows[:-1] == before[:-1]
        for key in ("f", "end", "G"):
            await reader.press("pageup", key)
            assert reader.view.following
            assert reader.messages[-1] == "later"
            assert "new" not in reader.screen_rows[-1]
        await reader.until(lambda: "813 lines · following" in reader.pane.facts, "its border")


async def test_moving() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
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
        reader = await open_log(pilot, app)
        last = reader.messages[-1]
        await pilot._post_mouse_events(
            [__import__("textual.events", fromlist=["x"]).MouseScrollUp], reader.view, offset=(3, 3)
        )
        await reader.until(lambda: reader.messages[-1] != last, "the wheel")
        assert not reader.view.following
        await pilot.click(reader.view, offset=(5, 4))
        assert reader.view.cursor is not None
        assert reader.screen_rows[4].strip() == f"line {reader.view.cursor}"
        await pilot.click(reader.view, offset=(reader.view.size.width - 1, 0))
        assert reader.messages[0] == "line 0"
        await pilot.click(reader.view, offset=(reader.view.size.width - 1, reader.view.size.height - 1))
        assert reader.view.following


async def test_another_run_starts_over() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash", *"line", "enter", "g", "j")
        reader.store.begin("r2", "/other")
        reader.feed(b"line of another run\n")
        await reader.press("k")
        await reader.until(lambda: reader.messages == ["line of another run"], "the other run")
        assert "1 of 1" in reader.pane.facts or "/line" in reader.pane.facts


async def test_wrap_and_sideways() -> None:
    long = "word " * 60
    app = console(connected(), log=record(long) + record("short"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await pilot.pause()
        assert reader.view.render_line(0).text.rstrip("│ ").endswith("›")
        await reader.press("l")
        assert reader.screen_rows[0].startswith("17:02:20 I ")
        assert reader.view.page.left == 8
        reader.feed(record("more"))
        await reader.until(lambda: len(reader.messages) == 3)
        assert reader.view.page.left == 8, "following does not move it back"
        await reader.press("w")
        width = reader.view.size.width - 1
        shown = [row for row in reader.screen_rows if row.strip()]
        assert len(shown) > 5
        indent = reader.view.page.columns.width
        assert all(len(row) <= width for row in shown)
        assert all(row.startswith(" " * indent) for row in shown[1:-2])
        joined = "".join(row[indent:].ljust(width - indent) for row in shown[:-2])
        assert joined.split() == long.split()


TRACEBACK = b"Traceback (most recent call last):\n" + b"  File a.py\n    word line 4\n" * 8 + b"KeyError: 9\n"
KEYS = "jkhlgGfeEnNvwcyTmMo"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
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
        TRACEBACK,
        TRACEBACK[:50],
        record("Exception in ASGI application", b"ERROR"),
    ]
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        view = reader.view
        for _ in range(50):
            what = chance.random()
            if what < 0.15:
                text = chance.choice(["line 4", "!line", "zzz", "epoch", "["])
                await reader.ask("slash", text, chance.choice(["enter", "escape"]))
            elif what < 0.25:
                await reader.ask("ctrl+f", chance.choice(["9", "word", "~ln"]))
            elif what < 0.30:
                reader.store.begin(f"r{chance.random()}", "/log")
            elif what < 0.34:
                reader.store.lost(NOW, "reset")
                reader.store.back(NOW)
            elif what < 0.38:
                await pilot.resize_terminal(chance.choice([70, 120, 200]), chance.choice([20, 40]))
                await wait_for(pilot, lambda: view.size.width > 20, "the new layout")
            elif what < 0.55:
                await reader.press(chance.choice(["pageup", "pagedown", "home", "end", "escape", "enter"]))
            else:
                await reader.press(chance.choice(KEYS))
            reader.feed(chance.choice(lines))
            view.redraw()
            room = view.size.height
            assert len(view.rows) == room or (view.page.preceding(view.page.top) < 0 and not view.page.skip)
            for y, painted in enumerate(view.render_lines(view.size.region)):
                row = view.render_line(y)  # as the mouse sees it
                assert painted.cell_length == row.cell_length == view.size.width
                assert painted.text == row.text
            screen_rows = [shown.line for shown in view.rows if shown.line is not None]
            assert view.cursor is None or view.page.visible_line(view.cursor) == view.cursor
            assert screen_rows == sorted(screen_rows)
            matching = reader.store.line_count if view.filter is None else len(view.filter.lines)
            assert not view.following or not matching or view.page.at_end


@pytest.mark.slow
async def test_two_hundred_thousand_lines_cost_what_fifty_do() -> None:
    app = console(connected(), log=b"".join(record(f"line {number}") for number in range(200_000)))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
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
        assert reader.screen_rows[0].endswith(f"line {199_999 - 21 * (reader.view.size.height - 1)}")


async def test_the_first_paint_of_a_new_size_has_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    app = console(
        connected(), log=b"".join(b"line %d %s\n" % (number, b"word " * 30) for number in range(500))
    )
    paints: list[tuple[int, list[str]]] = []
    render = LogView.render_lines

    def painted(view: LogView, crop: Region) -> list[Strip]:
        strips = render(view, crop)
        paints.append((view.size.height, [strip.text for strip in strips]))
        return strips

    async with app.run_test(size=(120, 24)) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.press("w")
        await reader.until(lambda: reader.view.following and len(reader.messages) > 10, "the end, wrapped")
        monkeypatch.setattr(LogView, "render_lines", painted)
        for size in ((90, 50), (140, 30), (60, 20), (120, 60)):
            before = reader.view.size
            await pilot.resize_terminal(*size)
            await reader.until(lambda before=before: reader.view.size != before, "the new size")
    whole = [rows for height, rows in paints if len(rows) == height]
    assert len(whole) >= 4
    for rows in whole:
        assert all(row.strip(" │┃") for row in rows)
        assert "line 499" in "".join(rows)
