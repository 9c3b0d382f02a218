"""The study queue: states, counts, marks, collisions, and names that mean harm."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from labeltui.actions import BY_ID, why_disabled
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import BatchRun, ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.annotation import Work
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.ui.panes.queue.columns import name_of, touched
from labeltui.ui.presentation.options import options_of
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
