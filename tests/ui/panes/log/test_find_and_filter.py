"""The log pane answers what it is asked: filter, find, levels, time, errors."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from tests.ui.fake_session import connected, console
from tests.ui.panes.log.log_reader import MANY, SIZE, at, lit, open_log, record
from tests.ui.screen_text import screen_text


@pytest.mark.parametrize(
    ("asked", "matching"),
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
async def test_filter(asked: str, matching: int) -> None:
    rows = ("Saving label a", "Train request", "Saving label b", "Epoch 1/2 train_loss", "Return code: 0")
    app = console(connected(), log=b"".join(record(row) for row in rows))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash")
        reader.pane.query_one(Input).value = asked
        await reader.until(lambda: f"{matching} of 5" in reader.pane.facts, "the count")
        await reader.press("enter")
        assert len(reader.messages) == matching
        await reader.until(
            lambda: ("No line matches. esc" in screen_text(app)) == (matching == 0), "why nothing is shown"
        )
        reader.feed(record("Train: Saving label c"))
        more = matching + (asked in ("train", "~svlbl", "saving"))
        await reader.until(lambda: f"{more} of 6" in reader.pane.facts, "what came, filtered")
        await reader.press("escape")
        await reader.until(lambda: len(reader.messages) == 6, "everything again")


async def test_a_filtered_line_in_its_context_and_back() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash", *"line 250", "enter", "g", "v")
        assert reader.view.cursor == 250
        assert "line 249" in reader.messages
        assert "line 251" in reader.messages
        await reader.press("v")
        assert reader.messages == ["line 250"]


async def test_what_is_typed_does_not_move_the_reader_letter_by_letter() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("g", "j", "slash", *"!1", "0", "enter")
        assert reader.view.cursor == 1, "line 1 was dropped by !1, and is kept by !10"


async def test_a_filter_that_is_no_expression_says_so_and_changes_nothing() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash", "left_square_bracket")
        await reader.until(lambda: "not a regular" in app.last_flash, "the words")
        assert reader.view.filter is None


async def test_find_lights_every_match_and_goes_round() -> None:
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("n", *"line 49", "enter")
        assert reader.view.cursor == 499, "the newest first"
        await reader.until(lambda: "find line 49 11 of 11" in reader.pane.facts, "the place")
        bright = [row for row in range(reader.view.size.height) if lit(reader, row)]
        assert len(bright) == 10
        await reader.press("N", "N")
        assert reader.view.cursor == 497
        await reader.press("n", "n", "n")
        assert reader.view.cursor == 49
        assert "continued at the first" in app.last_flash
        await reader.press("escape")
        assert reader.view.find is None
        assert app.screen is app.frame_screen


async def test_errors_are_counted_and_visited() -> None:
    log = MANY + record("first", b"ERROR") + MANY + record("second", b"CRITICAL") + MANY
    app = console(connected(), log=log)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.until(lambda: "2 errors" in reader.pane.facts, "the count")
        await reader.press("e")
        assert reader.view.cursor == 1001, "the newest first"
        assert "second" in reader.view.text_of(1001)
        await reader.press("E")
        assert reader.view.cursor == 500
        await reader.press("slash", *"second", "enter", "e")
        assert reader.view.cursor == 1001, "only those that the filter keeps"


async def test_quiet_hides_the_lines_of_iterations_and_no_others() -> None:
    rows = ("Saving label a", "Epoch: 2/50, Iter: 3/5 -- train_loss: 1.13", "Epoch[2] Complete.")
    app = console(connected(), log=b"".join(record(row) for row in rows) + b"bare\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("o")
        await reader.until(lambda: "quiet: 3 of 4 lines" in reader.pane.facts, "quiet")
        assert not any("Iter:" in message for message in reader.messages)
        reader.feed(record("Epoch: 2/50, Iter: 4/5 -- train_loss: 1.1") + record("Return code: 0"))
        await reader.until(lambda: "quiet: 4 of 6 lines" in reader.pane.facts, "what came")
        await reader.press("o", "o")
        await reader.until(lambda: "6 lines" in reader.pane.facts and len(reader.messages) == 6, "all")


async def test_levels_time_places_and_a_clear_view() -> None:
    log = b"".join(
        at(n, "ERROR" if n % 100 == 50 else "WARNING" if n % 100 == 20 else "INFO") for n in range(600)
    )
    app = console(connected(), log=log)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("o")
        await reader.until(lambda: "quiet: 600 of 600 lines" in reader.pane.facts, "quiet")
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
        await reader.until(lambda: "marked at" in reader.screen_rows[2], "the rule")

        await reader.press("C")
        await reader.until(lambda: not reader.messages and "cleared" in reader.pane.facts, "nothing")
        reader.feed(at(700))
        await reader.until(lambda: len(reader.messages) == 1 and "at 700" in reader.messages[0], "what came")
        assert reader.store.line_count == 601, "nothing is lost"
        await reader.press("C")
        await reader.until(lambda: "601 lines" in reader.pane.facts, "all of it")


async def test_what_is_typed_in_one_go_is_the_answer() -> None:
    """Letters that lead to pop-ups elsewhere are only letters, though the focus only moves a little later."""
    app = console(connected(), log=MANY + b"stop the train\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        for key in ("slash", *"stp", "enter"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await reader.until(
            lambda: app.screen is app.frame_screen and "/stp " in reader.pane.facts, "the filter"
        )
        await reader.press("escape", "slash", "escape", "s")
        await reader.until(
            lambda: type(app.screen).__name__ == "LeaderScreen", "the pop-up, once nothing is asked"
        )
