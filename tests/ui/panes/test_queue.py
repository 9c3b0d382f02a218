"""The study queue: order, filter, collisions, and names that mean harm."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len
from textual import events
from textual.widgets import Input

from labeltui.actions import BY_ID, why_disabled
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.log.query import parse_query
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import BatchRun, ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.annotation import Work
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.ui.app import Console
from labeltui.ui.panes.queue.columns import name_of, touched
from labeltui.ui.presentation.options import options_of
from labeltui.ui.widgets.table.column_table import ColumnTable
from tests.fakes.store import put
from tests.ui.fake_session import NOW, connected, console, fresh, stopped, wait_for
from tests.ui.panes.queue_pane import SIZE, opened, with_studies
from tests.ui.screen_text import screen_text

HOSTILE = "[red]x[/] $(touch pwned) \x1b]0;t\x07\u202e.nii.gz"


async def test_a_study_two_people_have_comes_first_and_is_marked() -> None:
    app = console(connected())
    async with app.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, app)
        assert queue.chosen is not None
        assert queue.chosen.id == "liver_081"
        assert "▲ open×2" in app.export_screenshot().replace("&#160;", " ")


async def test_a_final_label_that_is_damaged_is_not_shown_as_final() -> None:
    study = Study("liver_001", {"final": NOW})
    copies = LabelCopies(1, 0, damaged=frozenset({("final", "liver_001")}))
    for labels, word in ((fresh(LabelCopies(1, 1)), "● final"), (fresh(copies), "✗ broken")):
        app = console(replace(with_studies(study), labels=labels))
        async with app.run_test(size=SIZE) as pilot:
            await opened(pilot, app)
            assert word in app.export_screenshot().replace("&#160;", " ")


async def test_the_footer_of_the_smallest_terminal_names_the_keys_of_a_study() -> None:
    app = console(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await wait_for(pilot, lambda: "/ filter  Q study▸" in screen_text(app))


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


async def test_a_long_name_leaves_who_and_since_their_room() -> None:
    name = "sub-0042_ses-baseline_acq-portalvenous_run-01_desc-resampled_thorax_abdomen"
    study = Study(
        name,
        {"second_reader": NOW},
        (Fetch("first", "annotator-anna", NOW - timedelta(minutes=7)),),
        size=5_000_000,
    )
    app = console(with_studies(study))
    async with app.run_test(size=(80, 24)) as pilot:
        queue = await opened(pilot, app)
        text = screen_text(app)
        for part in ("open", "sub-0042", "abdomen", "annotator-anna", " 7m", "second_reader"):
            assert part in text
        await pilot.press("y")
        assert queue.chosen is not None
        await wait_for(pilot, lambda: app.clipboard == name, "the whole name")


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


async def test_hostile_names_show_literally() -> None:
    app = console(with_studies(Study(HOSTILE), Study("[bold", {"[/]\x9b31m": NOW})))
    async with app.run_test(size=(80, 24)) as pilot:
        queue = await opened(pilot, app)
        shot = app.export_screenshot()
        ElementTree.fromstring(shot)
        text = shot.replace("&#160;", " ")
        assert "[red]x" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        await pilot.press("z")
        await pilot.resize_terminal(160, 40)
        await pilot.pause()
        app.paint()
        await wait_for(
            pilot,
            lambda: (
                "[red]x[/] $(touch pwned) ␛]0;t␇\\u202e.nii.gz"
                in app.export_screenshot().replace("&#160;", " ")
            ),
        )
        await pilot.press("g", "y")
        assert queue.chosen is not None
        await wait_for(pilot, lambda: app.clipboard == queue.chosen.id, "exactly the id")  # type: ignore[union-attr]


async def test_the_last_of_a_hundred_thousand_studies_is_reached_by_one_key() -> None:
    many = tuple(Study(f"case_{number:06}") for number in range(100_000))
    app = console(with_studies(*many))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        assert "0/100000" in queue.note
        await wait_for(pilot, lambda: queue.table.count == len(many), "the studies to be arranged")
        await pilot.press("G")
        assert queue.chosen is not None
        assert queue.chosen.id == "case_099999"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (stopped(), "s s starts it"),
        (replace(connected(), queue=fresh(StudyQueue(0, 0))), "no studies in the folder"),
        (replace(connected(), queue=fresh(StudyQueue(40, 3, (), {}, False))), "3 of 40 studies are final"),
        (replace(connected(), queue=Reading(error="the server stalls")), "the server stalls"),
    ],
)
async def test_an_empty_queue_teaches(state: SessionState, said: str) -> None:
    app = console(state)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await wait_for(pilot, lambda: said in app.export_screenshot().replace("&#160;", " "), said)


async def test_counts_of_the_server_that_differ_are_shown_and_unknown_ones_are_no_zero() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        one = StudyQueue(1, 0, (Study("a"),), server_total=1, server_completed=0)
        for counts, note, server in (
            (one, "0/1", ""),
            (replace(one, server_total=3), "0/1", "server: 0/3"),
            (replace(one, total=None, completed=None), "?/?", "server: 0/1"),
        ):
            queue.show(replace(connected(), queue=fresh(counts)), NOW)
            assert queue.note == note
            assert ("server: " in queue.facts, server in queue.facts) == (bool(server), True)


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


async def test_who_submitted_a_final_label_is_beside_who_fetched_it_since() -> None:
    done = Study("liver_1", {"final": NOW}, authors={"final": "ana"})
    again = done._replace(id="liver_2", fetches=(Fetch("first", "ben", NOW + timedelta(minutes=1)),))
    app = console(with_studies(done, again))
    async with app.run_test(size=(200, 60)) as pilot:
        await opened(pilot, app)
        shown = re.sub(r"<[^>]*>", "", app.export_screenshot()).replace("&#160;", " ")
        assert re.search(r"liver_1 +ana ✓ ", shown)
        assert re.search(r"liver_2 +ben, ana ✓ ", shown)


async def test_a_series_is_shown_by_modality_images_and_description() -> None:
    series = Study("1.2.840.113654.2.55.24", name="[red]liver[/]", modality="MR", images=120)
    queue = StudyQueue(1, None, (series,), source_problem="1 SEG can't be read.", modality="MR")
    app = console(replace(connected(), queue=fresh(queue)))
    async with app.run_test(size=(200, 60)) as pilot:
        pane = await opened(pilot, app)
        await pilot.press("z")
        assert re.search(r"MR +120 \[red\]liver\[/\] 1\.2\.840", screen_text(app))
        assert "1 SEG can't be read." in screen_text(app)
        assert pane.note == "?/1"
        assert pane.copy_text() == series.id


@pytest.mark.parametrize(
    ("width", "shown"),
    [(60, "[red]liver[/] 1.2.840.113654.2.55.24"), (12, "[red… .55.24"), (8, "… .55.24")],
)
def test_a_long_description_leaves_room_for_the_end_of_the_id(width: int, shown: str) -> None:
    series = Study("1.2.840.113654.2.55.24", name="[red]liver[/]", modality="MR", images=120)
    assert name_of(series, width) == shown


@pytest.mark.parametrize(
    ("others", "said"),
    [((), "no series of the modality CT."), (("MR",), "no series of the modality CT, only of MR")],
)
async def test_a_modality_without_series_is_said_with_what_there_is(
    others: tuple[str, ...], said: str
) -> None:
    queue = StudyQueue(0, 0, modality="CT", other_modalities=others)
    app = console(replace(connected(), queue=fresh(queue)))
    async with app.run_test(size=(200, 60)) as pilot:
        await opened(pilot, app)
        await pilot.press("z")
        await wait_for(pilot, lambda: said in " ".join(screen_text(app).split()))
        assert "start it for another modality" in " ".join(screen_text(app).split())


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


async def test_marks_stay_on_their_studies_and_are_what_is_copied() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("space", "space", "o", "g")
        assert {study.id for study in queue.targets} == {"liver_081", "liver_014"}
        assert "2 marked" in queue.facts
        await pilot.press("y")
        await wait_for(pilot, lambda: app.clipboard == "liver_081\nliver_014")
        await pilot.press("escape")
        assert not queue.table.marked
        await wait_for(pilot, lambda: "marked" not in queue.facts)


async def test_the_cursor_stays_on_its_study_when_others_come_and_change() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("j", "j", "j", "space", "k")
        assert queue.chosen is not None
        chosen = queue.chosen.id
        listed = (Study("aaa"), *app.state.queue.value.studies)  # type: ignore[union-attr]
        changed = tuple(s._replace(tags={"final": NOW}) if s.id == chosen else s for s in listed)
        for state in (with_studies(*listed), with_studies(*changed)):
            queue.show(state, NOW)
            assert queue.chosen is not None
            assert queue.chosen.id == chosen
            assert queue.table.marked == {chosen}


async def test_the_first_rows_stay_in_sight_until_the_cursor_is_moved() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        many = tuple(Study(f"s{at:02}") for at in range(40))
        queue.show(with_studies(*many), NOW)
        assert queue.chosen is not None
        first = queue.chosen.id
        done = tuple(one._replace(tags={"final": NOW}) if one.id == first else one for one in many)
        queue.show(with_studies(*done), NOW)
        assert (queue.table.cursor, queue.table.top) == (0, 0)
        assert queue.chosen.id != first


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


async def test_wide_characters_leave_the_columns_in_line() -> None:
    names = ("肝脏_001", "emoji_👩‍⚕️_2", "plain_003")
    studies = [Study(name, {}, (Fetch("random", "ana", NOW),)) for name in names]
    app = console(with_studies(*studies))
    async with app.run_test(size=(80, 24)) as pilot:
        queue = await opened(pilot, app)
        person = next(one for one in queue.table.placed if one.column.name == "who")
        for y in (1, 2, 3):
            text = queue.table.render_line(y).text
            assert cell_len(text.partition("ana")[0]) == person.x


async def test_what_is_left_and_how_long_a_label_took_is_shown() -> None:
    label = Study("a", {"final": NOW - timedelta(minutes=5)}, authors={"final": "ana"}, work=Work(720, 60))
    app = console(with_studies(label, Study("b")))
    async with app.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("z")
        queue.show(replace(app.state, queue=fresh(StudyQueue(2, 1, (label, Study("b"))))), NOW)
        assert "12m+" in screen_text(app)
        assert re.search(r"50% final · 1 left · 0\.9/h · done \d\d:\d\d", screen_text(app))
        down = fresh(ServerStatus(ServerState.STOPPED, started_at=NOW - timedelta(hours=1)))
        queue.show(replace(app.state, queue=fresh(StudyQueue(2, 1, (label, Study("b")))), server=down), NOW)
        await wait_for(pilot, lambda: "1 left · 1.0/h" in screen_text(app))
        assert "done" not in screen_text(app)


def test_a_models_later_label_does_not_date_the_final_one() -> None:
    final, later = NOW - timedelta(minutes=13), NOW - timedelta(minutes=3)
    assert touched(Study("a", {"final": final, "original": later})) == final
    assert touched(Study("a", {"original": later})) == later
    assert touched(Study("a", {"final": None, "original": later})) is None


async def test_a_batch_inference_is_shown_with_its_key_whoever_started_it() -> None:
    state = connected()
    assert state.server.value is not None
    server = replace(state.server.value, batch=BatchRun(3, 12, "deepedit_seg", 130.0), reads_tasks=True)
    app = console(replace(state, server=fresh(server)))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await wait_for(pilot, lambda: "infers 3/12, 2m left · Q X stops" in screen_text(app))
        await pilot.press("z")
        line = "deepedit_seg infers studies: 3 of 12, 2m left · Q X stops it"
        await wait_for(pilot, lambda: line in screen_text(app))


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


def test_the_score_form_lists_the_methods_of_the_server_and_is_closed_without_any() -> None:
    state = connected()
    assert state.info.value is not None
    scored = replace(state, info=fresh(replace(state.info.value, scoring=("dice", "deepedit_epistemic"))))
    (method,) = BY_ID["score"].params
    assert [name for name, _ in options_of(BY_ID["score"], method, scored, ()) or ()] == [
        "dice",
        "deepedit_epistemic",
    ]
    for action in ("score", "score.options"):
        assert why_disabled(BY_ID[action], scored) is None
        assert "no scoring methods; start it with --worklist epistemic" in (
            why_disabled(BY_ID[action], state) or ""
        )
