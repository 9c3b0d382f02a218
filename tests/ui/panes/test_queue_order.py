"""Order, filter and columns of the study queue."""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.widgets import Input

from labeltui.domain.log.query import parse_query
from labeltui.domain.studies.study import Study, StudyQueue
from labeltui.ui.app import Console
from labeltui.ui.widgets.table.column_table import ColumnTable
from tests.fakes.store import put
from tests.ui.fake_session import NOW, connected, console, fresh, wait_for
from tests.ui.panes.queue_pane import SIZE, opened, with_studies
from tests.ui.screen_text import screen_text


async def test_motion_sort_and_reverse() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("o")
        assert queue.table.sort_by == ("id", False)
        assert queue.chosen is not None
        chosen = queue.chosen.id
        assert chosen == "liver_081", "the cursor stays on its study"
        await pilot.press("g")
        assert queue.chosen.id == "liver_012"
        await pilot.press("j", "j", "k")
        assert queue.chosen.id == "liver_014"
        await pilot.press("G")
        assert queue.chosen.id == "spleen_025"
        await pilot.press("O", "g")
        assert queue.chosen.id == "spleen_025"


async def test_a_filter_that_nothing_matches_says_so_and_how_to_clear_it() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("slash", *"zzz", "enter")
        await wait_for(pilot, lambda: "No study matches the filter. esc" in screen_text(app))
        await pilot.press("escape")
        await wait_for(pilot, lambda: "No study matches" not in screen_text(app))


async def test_the_arrow_says_whether_the_shown_values_grow() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        table = (await opened(pilot, app)).table
        for name, arrow in (
            ("id", "↑"),
            ("age", "↑"),
            ("score.dice", "↓"),
        ):  # a to z, young to old, best first
            table.sort(name)
            assert table.arrow == arrow
            table.sort(name, backwards=True)
            assert table.arrow != arrow


async def test_filter_grammar_and_count() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        for query, left in [
            ("spleen", 6), ("!spleen", 17), ("~sl025", 1), ("final", 7), ("ANA", 0), ("ana", 3),
            ("^liver_1", 12),
        ]:  # fmt: skip
            await pilot.press("slash")
            queue.query_one(Input).value = query
            await wait_for(
                pilot, lambda left=left: f"{left} of 23" in queue.facts, f"{left} of 23 for {query}"
            )  # type: ignore[misc]
            await pilot.press("enter")
            await wait_for(pilot, lambda: app.frame_screen.focused is queue.focus_target)
            await pilot.press("escape")
            await wait_for(pilot, lambda: "of 23" not in queue.facts)


async def test_a_filter_that_is_no_expression_says_so_and_changes_nothing() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("slash", "left_square_bracket")
        await wait_for(pilot, lambda: "not a regular" in app.frame_screen.flash.content.plain)  # type: ignore[union-attr]
        assert "of 23" not in queue.facts


async def test_keys_typed_into_the_filter_do_nothing_else() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("slash", *"sq1zt")
        await wait_for(pilot, lambda: "0 of 23" in queue.facts)
        assert app.is_running
        assert app.screen is app.frame_screen
        assert app.frame_screen.current == "queue"


async def test_images_are_sorted_and_filtered_by_their_size() -> None:
    small, large = Study("small", size=1_200), Study("large", size=3_000_000_000)
    app = console(with_studies(small, Study("unknown"), large))
    async with app.run_test(size=(120, 40)) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("z")
        queue.table.sort("size", backwards=True)
        assert [queue.table.arrangement.items[i].id for i in queue.table.arrangement.view] == [
            "large", "small", "unknown",
        ]  # fmt: skip
        await wait_for(pilot, lambda: "2.8G" in app.export_screenshot())
        queue.table.filter(parse_query("2.8G"))
        assert queue.table.count == 1


async def test_an_image_that_is_cut_off_is_marked_explained_sorted_first_and_found_by_the_filter() -> None:
    state = with_studies(Study("a_whole"), Study("b_cut", {"final": NOW}), Study("c_whole"))
    app = console(state)
    async with app.run_test(size=(120, 40)) as pilot:
        queue = await opened(pilot, app)
        await pilot.press(*"/cut off", "enter")
        await wait_for(pilot, lambda: queue.table.count == 0)
        app._given.store.publish(replace(state, cut_off=frozenset({"b_cut"})))  # type: ignore[union-attr]
        await wait_for(pilot, lambda: queue.table.count == 1 and "✗ cut off" in screen_text(app))
        assert "its image is cut off: upload it again" in queue.facts
        await pilot.press("escape")
        view = queue.table.arrangement
        await wait_for(
            pilot, lambda: [view.items[i].id for i in view.view] == ["b_cut", "a_whole", "c_whole"]
        )
        app._given.store.publish(state)  # type: ignore[union-attr]
        await wait_for(pilot, lambda: "cut off" not in screen_text(app))


async def test_a_filter_typed_in_one_go_loses_no_key() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        queue = await opened(pilot, app)
        for key in ("slash", "0", "4", "2"):
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await wait_for(
            pilot, lambda: queue.query_one(Input).value == "042", "the filter to hold what was typed"
        )
        assert app.frame_screen.current == "queue"


async def test_a_click_on_a_title_sorts_by_it_and_a_second_click_reverses() -> None:
    app = console(connected())
    async with app.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, app)
        person = next(one for one in queue.table.placed if one.column.name == "who")
        for backwards, first in ((False, "liver_077"), (True, "liver_081")):
            await pilot.click(ColumnTable, offset=(person.x, 0))
            assert queue.table.sort_by == ("who", backwards)
            await pilot.press("g")
            assert queue.chosen is not None
            assert queue.chosen.id == first
        assert ("who↑" if not backwards else "who↓") in screen_text(app)


async def test_columns_and_order_are_chosen_and_stay_with_the_profile() -> None:
    app = console(connected())
    async with app.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("z", "C")
        await wait_for(pilot, lambda: "✓ tags" in screen_text(app))
        await pilot.press("t")
        assert "tags" not in [one.column.name for one in queue.table.placed]
        assert "· tags" in screen_text(app)
        await pilot.press("escape", "o", "O")
        sort = queue.table.sort_by
        session = app.session
    again = Console(session=session, clock=lambda: NOW)
    async with again.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, again)
        assert queue.table.sort_by == sort
        assert queue.table.hidden == {"tags"}


async def test_each_score_has_a_column_where_it_is_measured_and_is_sorted_and_filtered() -> None:
    studies = [
        Study("a", scores={"dice": 0.5, "sum": 2048}),
        Study("b", scores={"epistemic_entropy": 1.25}),
        Study("c", scores={"dice": 0.9123}),
        Study("d"),
    ]
    app = console(with_studies(*studies))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("z")
        await wait_for(pilot, lambda: "epist." in screen_text(app))
        text = screen_text(app)
        assert all(part in text for part in ("dice", "epist.", "sum", "0.912", "1.250", "2048"))
        queue.table.sort("score.dice")
        await pilot.press("g")
        assert queue.chosen is not None
        assert queue.chosen.id == "c", "the best first"
        queue.table.filter(parse_query("dice 0.9"))
        assert [queue.table.count, queue.chosen.id] == [1, "c"]
        assert app.session is not None
        put(app.session.store, queue=fresh(StudyQueue(1, 0, (Study("d"),))))
        await wait_for(pilot, lambda: "epist." not in screen_text(app), "no column without a score")
