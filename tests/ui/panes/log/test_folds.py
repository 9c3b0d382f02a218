"""Tracebacks in the log pane: one line each, opened on request, and never hiding a match."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labeltui.domain.state import Alert, Level
from tests.ui.fake_session import NOW, connected, console
from tests.ui.panes.log.log_reader import MANY, SIZE, lit, open_log, record

FRAMES = b"".join(
    b'  File "deep_%d.py", line 1, in f\n    call_%d()\n' % (number, number) for number in range(8)
)
TRACEBACK = b"Traceback (most recent call last):\n" + FRAMES + b"RuntimeError: CUDA out of memory\n"
CAUSE = b"\nThe above exception was the direct cause of the following exception:\n\n"
ASGI = record("Exception in ASGI application", b"ERROR")
LOG = (
    record("before") + ASGI + TRACEBACK + record("between") + TRACEBACK + CAUSE + TRACEBACK + record("after")
)
FOLDED = "RuntimeError: CUDA out of memory … (+18 lines ⏎)"


async def test_a_traceback_is_one_line_with_the_time_of_its_record() -> None:
    app = console(connected(), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.until(lambda: len(reader.messages) == 5, "folded")
        assert reader.messages[1].startswith("17:02:20 E datastore.local ")
        assert reader.messages[1].endswith(FOLDED)
        assert reader.messages[3] == FOLDED.replace("18", "38"), "what it caused is part of it"
        await reader.press("k", "k", "k")
        assert reader.pane.hints()[0] == ("enter", "open")
        await reader.press("enter")
        assert reader.pane.hints()[0] == ("enter", "fold")
        assert reader.view.text_of(reader.view.cursor or 0).startswith("RuntimeError: CUDA")
        assert len(reader.messages) == 23, "opened"
        assert "(+18" not in "".join(reader.messages)
        await reader.press("k", "k", "enter")
        assert len(reader.messages) == 5, "folded from within"
        assert reader.view.cursor_text.endswith(FOLDED)
        await reader.press("T")
        await reader.until(lambda: "tracebacks are unfolded" in app.last_flash, "its words")
        assert len(reader.messages) == reader.view.size.height
        await reader.press("T", "w")
        assert len(reader.messages) == 5, "folded, and wrapped"
        await reader.press("G", "k", "enter")
        assert "no traceback here" not in app.last_flash
        await reader.press("T", "T", "g", "enter")
        assert "no traceback here" in app.last_flash


@pytest.mark.slow
async def test_the_count_stays_in_sight_however_long_the_line() -> None:
    log = TRACEBACK.replace(b"memory", b"memory to allocate " * 30)
    app = console(connected(), log=log)
    async with app.run_test(size=(80, 24)) as pilot:
        reader = await open_log(pilot, app)
        await reader.until(lambda: len(reader.messages) == 1, "folded")
        assert reader.messages[0].endswith("… (+17 lines ⏎)")
        await reader.press("l", "l")
        assert reader.messages[0].endswith("… (+17 lines ⏎)")
        await reader.press("w")
        await reader.until(lambda: len(reader.messages) > 3, "wrapped")
        assert reader.messages[-1].endswith("… (+17 lines ⏎)")


async def test_one_that_arrives_in_pieces_grows_on_one_line() -> None:
    app = console(connected(), log=record("before"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        *lines, last = TRACEBACK.splitlines(keepends=True)
        reader.feed(b"".join(lines[:5]))
        await reader.until(lambda: reader.messages[-1].endswith("call_1() … (+4 lines ⏎)"), "its beginning")
        reader.feed(b"".join(lines[5:]))
        await reader.until(lambda: reader.messages[-1].endswith("call_7() … (+16 lines ⏎)"), "more of it")
        reader.feed(last)
        await reader.until(lambda: reader.messages[-1].endswith("memory … (+17 lines ⏎)"), "all of it")
        assert len(reader.messages) == 2


@pytest.mark.slow
async def test_a_reader_in_an_open_one_is_left_alone() -> None:
    app = console(connected(), log=MANY + TRACEBACK)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.until(lambda: "(+17" in reader.messages[-1], "folded")
        await reader.press("enter", "k")
        before = reader.screen_rows[:-1]
        reader.feed(TRACEBACK * 3 + record("more"))
        await reader.until(lambda: "new" in reader.screen_rows[-1], "the chip")
        assert reader.screen_rows[:-1] == before


async def test_find_counts_what_is_folded_and_opens_it() -> None:
    app = console(connected(), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.press("g")
        await reader.ask("ctrl+f", "call_5", end="")
        await reader.until(lambda: "(+18 lines, 1 match ⏎)" in reader.messages[1], "the count")
        assert "(+38 lines, 2 matches ⏎)" in reader.messages[3]
        assert lit(reader, 1)
        await reader.press("enter")
        assert reader.view.text_of(reader.view.cursor or 0) == "    call_5()"
        assert any("call_5()" in row for row in reader.messages)
        await reader.until(lambda: "find call_5 1 of 3" in reader.pane.facts, "the place")
        await reader.press("n", "n")
        await reader.until(lambda: "find call_5 3 of 3" in reader.pane.facts, "the last")
        await reader.press("escape")
        await reader.ask("ctrl+f", "lines")
        assert not any(lit(reader, row) for row in range(5)), "the count is no text of the log"


async def test_a_filter_shows_its_lines_and_folds_what_it_keeps_whole() -> None:
    app = console(connected(), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.ask("slash", "call_5")
        assert reader.messages == ["call_5()"] * 3
        await reader.press("g", "enter")
        assert "no traceback here" in app.last_flash
        await reader.press("v")
        assert reader.view.text_of(reader.view.cursor or 0) == "    call_5()", "opened in its context"
        await reader.press("escape", "T", "T")
        await reader.ask("slash", "!between")
        await reader.until(lambda: len(reader.messages) == 4, "both folded")
        await reader.press("escape", "o", "o")
        await reader.until(lambda: len(reader.messages) == 2, "errors only, with the one under an INFO")
        assert reader.messages[0].endswith(FOLDED)


@pytest.mark.slow
async def test_errors_are_gone_through_without_opening_them() -> None:
    app = console(connected(), log=LOG + MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.until(lambda: "2 errors" in reader.pane.facts, "the count")
        await reader.press("e")
        assert reader.view.cursor_text.endswith("(+38 lines ⏎)")
        await reader.press("E")
        assert reader.view.cursor_text.endswith("(+18 lines ⏎)")
        await reader.press("e")
        assert reader.view.cursor_text.endswith("(+38 lines ⏎)")


async def test_all_of_it_is_copied() -> None:
    log = LOG + record("it failed", b"ERROR") + TRACEBACK + record("Train", b"INFO") + TRACEBACK
    app = console(connected(), log=log)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.press("g", "j", "Y")
        assert app.clipboard == (ASGI + TRACEBACK).decode().rstrip()
        await reader.press("j", "j", "Y")
        assert app.clipboard == (TRACEBACK + CAUSE + TRACEBACK).decode().rstrip()
        await reader.press("y")
        assert app.clipboard == "RuntimeError: CUDA out of memory"
        await reader.press("j", "j", "j", "Y")
        assert app.clipboard == (record("it failed", b"ERROR") + TRACEBACK).decode().rstrip()
        await reader.press("j", "j", "Y")
        assert app.clipboard == TRACEBACK.decode().rstrip(), "what was said before is none of it"


async def test_the_mouse_opens_one() -> None:
    app = console(connected(), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.until(lambda: len(reader.messages) == 5, "folded")
        await pilot.click(reader.view, offset=(2, 1))
        assert len(reader.messages) == 5, "only the cursor goes there"
        await pilot.click(reader.view, offset=(reader.screen_rows[1].index("(+18") + 2, 1))
        assert len(reader.messages) == 23
        assert reader.view.text_selection is None


async def test_an_alert_opens_what_hides_its_line() -> None:
    line = 1 + LOG[: LOG.index(b"call_6")].count(b"\n")
    alert = Alert("log:x", Level.ERROR, "It failed.", "See.", NOW, line - 1)
    app = console(replace(connected(), alerts=(alert,)), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.ask("slash", "after")
        await reader.press("1", "a", "enter")
        await reader.until(lambda: reader.view.cursor == line - 1, "the line")
        assert any("call_6()" in row for row in reader.messages)


@pytest.mark.slow
async def test_another_run_is_folded_anew() -> None:
    app = console(connected(), log=LOG)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.press("g", "j", "enter")
        await reader.until(lambda: len(reader.messages) == 23, "opened")
        reader.store.begin("r2", "/other")
        reader.feed(LOG)
        await reader.until(lambda: len(reader.messages) == 5, "folded")


@pytest.mark.slow
async def test_a_gap_within_one_is_visible() -> None:
    app = console(connected(), log=LOG[: LOG.index(b"    call_3")])
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        reader.store.lost(NOW, "reset")
        reader.store.back(NOW)
        reader.feed(LOG[reader.store.size :])
        await reader.until(lambda: len(reader.messages) == 6, "folded, with a rule")
        assert "connection lost" in reader.messages[1]
        assert reader.messages[2].endswith(FOLDED)


async def test_a_folded_failure_says_what_it_means() -> None:
    log = ASGI.replace(b"monailabel.datastore.local", b"uvicorn.error") + TRACEBACK.replace(
        b"RuntimeError: CUDA out of memory", b"KeyError: 'no_such_model'"
    )
    app = console(connected(), log=log + record("after"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)

        def means() -> str:
            return str(reader.pane.query_one(".means").render())

        await reader.press("g")
        await reader.until(lambda: "HTTP 500" in means(), "what the record means")
