"""The worklist in the queue pane: its facts, and the keys that decide about the study under the cursor."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.widgets import Input

from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import Fetch, Study
from labeltui.domain.studies.worklist import Holder, Left, Reading, Worklist
from labeltui.operations.table import BEFORE_ASKING
from labeltui.ui.panes.queue.columns import columns
from labeltui.ui.panes.queue.pane import QueuePane
from labeltui.ui.panes.queue.plan import plan_of
from labeltui.ui.panes.queue.shown import Shown
from labeltui.ui.panes.queue.worklist import study_fact, worklist_fact
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.find import FindScreen
from labeltui.ui.screens.study import DeletionScreen
from tests.ui.fake_session import NOW, connected, console, fresh, wait_for
from tests.ui.panes.test_queue import SIZE, opened
from tests.ui.screen_text import screen_text

HELD = Worklist(
    order=("liver_081",),
    assigned={"liver_012": "[red]ben"},
    skipped=frozenset({"liver_014"}),
    holders={"liver_012": (Holder("ana", NOW + timedelta(minutes=30)), Holder("", NOW))},
    left=Left(final=2, held=1),
)


def with_worklist(worklist: Worklist) -> SessionState:
    return replace(connected(), worklist=fresh(worklist))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was run, in place of running it."""
    calls: list[tuple[str, dict[str, Any]]] = []

    async def run_action(_session: Any, action_id: str, params: Any, *_: Any, **__: Any) -> Any:
        calls.append((action_id, dict(params)))
        return {}

    async def note(*_: Any) -> str:
        return "Read this."

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    monkeypatch.setitem(BEFORE_ASKING, "labels.restore", note)
    return calls


def test_the_border_says_who_has_the_study_and_what_is_left() -> None:
    state = with_worklist(HELD)
    study = next(s for s in state.queue.value.studies if s.id == "liver_012")  # type: ignore[union-attr]
    assert study_fact(study, HELD).startswith("for [red]ben, ana until ")
    assert study_fact(study, HELD).count(" until ") == 2
    assert worklist_fact(state) == "worklist: 1 is reserved for others, 2 are final"
    assert worklist_fact(with_worklist(Worklist(left=Left(free=3)))) == "worklist 3 free"
    assert (
        worklist_fact(with_worklist(Worklist(why_not="labeltui did not start this server"))) == "no worklist"
    )
    assert study_fact(None, HELD) == worklist_fact(connected()) == ""


async def test_keys_decide_about_the_study_under_the_cursor_and_take_it_back(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        assert queue.chosen is not None
        assert queue.chosen.id == "liver_081"
        await pilot.press("Q", "n")
        await wait_for(pilot, lambda: "liver_081 is assigned to nobody" in app.last_flash)
        assert ran == []
        app.session.store.publish(with_worklist(replace(HELD, assigned={"liver_081": "[red]ben"})))  # type: ignore[union-attr]
        for keys in (("Q", "f"), ("Q", "x"), ("Q", "n")):
            await pilot.press(*keys)
            await wait_for(pilot, lambda: not app.dispatcher.running)
        await pilot.press("Q", "a")
        await wait_for(pilot, lambda: isinstance(app.screen, FindScreen))
        assert "[red]ben, ana" in screen_text(app)
        await pilot.press("ctrl+u", "a")
        await wait_for(pilot, lambda: "ana" in str(app.screen.query_one(Input).render_line(0).text))
        await pilot.press("right", "enter")
        await wait_for(pilot, lambda: len(ran) == 4)
    study = {"studies": ("liver_081",)}
    assert ran == [
        ("studies.order", {**study, "undo": True}),  # it is the first already
        ("studies.skip", {**study, "undo": False}),
        ("studies.assign", {**study, "undo": True}),
        ("studies.assign", {**study, "to": "ana"}),
    ]


async def test_a_key_lets_a_model_label_the_study_under_the_cursor(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("Q", "b")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        assert "liver_081" in screen_text(app)
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: len(ran) == 1)
    assert ran == [("infer.batch", {"images": "marked", "studies": ["liver_081"]})]


@pytest.mark.parametrize(
    ("key", "ran_then"),
    [
        ("D", ("studies.delete", {"study": "liver_081"})),
        ("r", ("labels.restore", {"studies": ("liver_081",)})),
    ],
)
async def test_what_changes_the_servers_files_names_the_study_and_asks(
    ran: list[tuple[str, dict[str, Any]]], key: str, ran_then: tuple[str, dict[str, Any]]
) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("Q", key)
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "liver_081" in screen_text(app)
        assert ("Read this." in screen_text(app)) == (key == "r")
        assert ran == []
        await pilot.press("y")
        await wait_for(pilot, lambda: ran == [ran_then])


async def test_one_label_of_a_study_can_be_deleted(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        for label in ("label", ""):
            queue.table.place(ids(queue).index("liver_042"))
            await pilot.press("Q", "D")
            await wait_for(pilot, lambda: isinstance(app.screen, DeletionScreen))
            assert isinstance(app.screen, DeletionScreen)
            texts = [str(option.prompt) for option in app.screen.options.options]
            await pilot.press(*(["down"] if label else []), "enter")
            await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            assert ("the label final" in screen_text(app)) is bool(label)
            await pilot.press("y")
            await wait_for(pilot, lambda expected=1 if label else 2: len(ran) == expected)
    assert texts == [
        "liver_042: image and 2 labels", "only the label final by ana", "only the label original",
    ]  # fmt: skip
    assert ran == [
        ("studies.delete", {"study": "liver_042", "label": "final"}), ("studies.delete", {"study": "liver_042"}),
    ]  # fmt: skip


async def test_marked_studies_are_decided_about_together(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("space", "space", "Q", "x")
        await wait_for(pilot, lambda: ran)
        marked = tuple(study.id for study in queue.targets)
    assert len(marked) == 2
    assert ran == [("studies.skip", {"studies": marked, "undo": False})]


async def test_delete_takes_one_study_and_says_so_when_more_are_marked(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("space", "space", "Q", "D")
        await wait_for(pilot, lambda: "2 studies are marked" in app.last_flash)
        await pilot.press("escape", "g", "space", "j", "Q", "D")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        marked = queue.targets[0].id
        await pilot.press("y")
        await wait_for(pilot, lambda: ran == [("studies.delete", {"study": marked})])


async def test_without_a_worklist_the_keys_say_why(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(with_worklist(Worklist(why_not="labeltui did not start this server")))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("Q", "x")
        await wait_for(pilot, lambda: "labeltui did not start this server" in app.last_flash)
    assert ran == []


async def test_the_column_shows_and_sorts_the_plan_and_follows_its_changes() -> None:
    app = console(with_worklist(HELD))
    async with app.run_test(size=(200, 60)) as pilot:
        queue = await opened(pilot, app)
        queue.table.sort("worklist")
        await wait_for(pilot, lambda: queue.table.arrangement.view)
        await pilot.press("g")
        assert ids(queue)[:3] == ["liver_081", "liver_012", "liver_014"]
        await pilot.press("z")
        await wait_for(pilot, lambda: "skipped" in screen_text(app))
        assert "#1" in screen_text(app)
        app.session.store.publish(with_worklist(replace(HELD, skipped=frozenset({"liver_081"}), order=())))  # type: ignore[union-attr]
        await wait_for(pilot, lambda: ids(queue)[:2] == ["liver_012", "liver_081"])


def twice(*clients: str) -> SessionState:
    """The last of the studies has a final label by ana, is to be read twice, and has readings by these clients."""
    state = with_worklist(HELD)
    queue = state.queue.value
    assert queue is not None
    study = Study("zoe_001", {"final": NOW}, authors={"final": "ana"})
    readings = tuple(Reading(client, f"final_{client}", "0" * 64, NOW) for client in clients)
    worklist = replace(
        HELD, doubled=frozenset({study.id}), readings={study.id: readings} if readings else {},
        second={} if len(readings) > 1 else {study.id: "" if readings else "it is [red]not stored"},
    )  # fmt: skip
    return replace(
        state, queue=fresh(replace(queue, studies=(*queue.studies, study))), worklist=fresh(worklist)
    )


def test_a_study_that_lacks_its_second_reading_says_why_nobody_gets_it_or_who_has_read_it() -> None:
    study = Study("zoe_001", {"final": NOW}, authors={"final": "ana"})
    assert study_fact(study, twice().worklist.value) == "second reading waits: it is [red]not stored"
    assert study_fact(study, twice("ana").worklist.value) == "read by ana"
    assert plan_of(study, twice("ana").worklist.value) == "×2"


def test_studies_that_lack_a_second_reading_sort_together_before_those_that_nobody_has_begun() -> None:
    by_state = columns(Shown(second=frozenset({"twice"})))[0].key
    twice_read = Study("twice", {"final": NOW}, authors={"final": "ana"})
    opened_again = Study("opened", fetches=(Fetch("first", "ben", NOW),))
    others = (Study("new"), opened_again, Study("done", {"final": NOW}, authors={"final": "ana"}))
    ordered = sorted((*others, twice_read), key=by_state)
    assert [study.id for study in ordered] == ["opened", "twice", "new", "done"]
    assert by_state(twice_read) not in {by_state(one) for one in others}


async def test_the_second_reading_has_a_state_of_its_own_that_a_filter_finds_and_that_ends(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(twice("ana"))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("slash", *"zoe.*2nd", "enter")
        await wait_for(pilot, lambda: ids(queue) == ["zoe_001"])
        assert "◐ 2nd" in screen_text(app)
        await pilot.press("Q", "c")
        await wait_for(pilot, lambda: "zoe_001 does not have two readings" in app.last_flash)
        app.session.store.publish(twice("ana", "ben"))  # type: ignore[union-attr]
        await wait_for(pilot, lambda: ids(queue) == [])
        await pilot.press("escape", "slash", *"zoe", "enter")
        await wait_for(pilot, lambda: ids(queue) == ["zoe_001"])
        assert "● final" in screen_text(app)
    assert ran == []


async def test_keys_let_a_study_be_read_twice_and_choose_the_other_reading_after_a_question(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(twice("ana", "ben"))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("Q", "d")
        await wait_for(pilot, lambda: len(ran) == 1)
        assert ran[0] == ("studies.double", {"studies": ("liver_081",), "undo": False})
        await pilot.press("slash", *"zoe", "enter")
        await wait_for(pilot, lambda: ids(queue) == ["zoe_001"])
        await wait_for(pilot, lambda: not app.dispatcher.running)
        await pilot.press("Q", "d")
        await wait_for(pilot, lambda: len(ran) == 2)
        assert ran[1] == ("studies.double", {"studies": ("zoe_001",), "undo": True})
        for keys in (("Q", "c"), ("enter", "c")):  # in the queue, and in the details
            await wait_for(pilot, lambda: not app.dispatcher.running)
            before = len(ran)
            await pilot.press(keys[0])
            await wait_for(pilot, lambda: len(app.screen_stack) > 1)
            await pilot.press(keys[1])
            await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await wait_for(pilot, lambda: "the reading of ben" in screen_text(app))
            await pilot.press("y")
            await wait_for(pilot, lambda before=before: len(ran) > before)  # type: ignore[misc]
            assert ("studies.choose", {"study": "zoe_001", "client": "ben"}) in ran[before:]


async def test_the_reader_is_asked_for_if_more_than_two_have_read_a_study(
    ran: list[tuple[str, dict[str, Any]]],
) -> None:
    app = console(twice("ana", "ben", "cleo"))
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("slash", *"zoe", "enter")
        await wait_for(pilot, lambda: ids(queue) == ["zoe_001"])
        await pilot.press("Q", "c")
        await wait_for(pilot, lambda: isinstance(app.screen, FindScreen))
        await wait_for(pilot, lambda: "ben, cleo" in screen_text(app))
        await pilot.press("b", "right", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_for(pilot, lambda: ("studies.choose", {"study": "zoe_001", "client": "ben"}) in ran)


async def test_a_filter_keeps_the_keyboard_though_its_pane_was_focused_by_the_key_before() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        laid_out = asyncio.Event()
        app.focus_pane("queue")
        queue.open_filter()
        app.call_after_refresh(laid_out.set)
        await wait_for(pilot, laid_out.is_set)
        assert app.focused is queue.query_one(Input)


def ids(queue: QueuePane) -> list[str]:
    items = queue.table.arrangement.items
    return [items[index].id for index in queue.table.arrangement.view]
