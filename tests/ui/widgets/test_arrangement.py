"""The order of a table's rows, through sorts, filters and changes."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from labeltui.domain.log.query import parse_query
from labeltui.ui.widgets.table.arrangement import FEW_CHANGES, FEW_KEYS, Arrangement, Prepared
from labeltui.ui.widgets.table.columns import Cell, Column, place

SORTS = ("state", "time", "id")


@dataclass(frozen=True)
class Item:
    id: str
    state: int = 0
    time: float | None = None


def columns() -> tuple[Column[Item], ...]:
    return (
        Column("state", "state", lambda i: i.state, lambda i, _w: Cell(str(i.state)), 3, 8, 0),
        Column("id", "id", lambda i: i.id, lambda i, _w: Cell(i.id), 4, 30, 1, lambda i: i.id, fixed=True),
        Column("time", "time", lambda i: i.time, lambda i, _w: Cell(str(i.time)), 5, 5, 5),
    )


def arrangement(*items: Item) -> Arrangement[Item]:
    made = Arrangement(columns(), lambda item: item.id, lambda item: f"{item.id} {item.state}")
    made.load(items)
    return made


def ids(made: Arrangement[Item]) -> list[str]:
    return [made.items[index].id for index in made.view]


def items(count: int) -> tuple[Item, ...]:
    dice = random.Random(1)
    return tuple(
        Item(f"case_{n:05}", dice.randrange(4), None if n % 3 == 0 else dice.random()) for n in range(count)
    )


def test_rows_that_are_equal_keep_the_order_of_the_sort_before() -> None:
    made = arrangement(Item("a", 1, 3.0), Item("b", 0, 2.0), Item("c", 1, 1.0), Item("d", 0, 9.0))
    made.sort("time", backwards=True)
    made.sort("state", backwards=False)
    assert ids(made) == ["d", "b", "a", "c"]
    made.sort("state", backwards=True)
    assert ids(made) == ["a", "c", "d", "b"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("count", [40, FEW_KEYS * 2])
def test_unknown_values_come_last_in_both_directions(backwards: bool, count: int) -> None:
    made = arrangement(*items(count))
    made.sort("time", backwards=backwards)
    times = [made.items[index].time for index in made.view]
    known = [time for time in times if time is not None]
    assert None in times
    assert times[: len(known)] == sorted(known, reverse=backwards)


@pytest.mark.parametrize("query", ["", "case_00", "!3", "~c1", "0 [12]$", "CASE"])
def test_a_change_leads_to_the_same_rows_as_loading_everything_anew(query: str) -> None:
    dice = random.Random(2)
    before = items(300)
    for name in SORTS:
        made = arrangement(*before)
        made.take(Prepared(made, before))
        made.filter(parse_query(query))
        made.sort("state", backwards=False)
        made.sort(name, backwards=dice.random() < 0.5)
        after = list(before)
        for _ in range(20):
            index = dice.randrange(len(after))
            after[index] = replace(after[index], state=dice.randrange(4), time=dice.choice((None, 1.5, 80.0)))
        changed = made.changes(after)
        assert changed
        made.follow(after, changed)
        fresh = made.emptied()
        fresh.load(after)
        assert ids(made) == ids(fresh)


def test_what_a_thread_prepared_fits_items_that_have_changed_meanwhile() -> None:
    before = items(50)
    made = arrangement(*before)
    prepared = Prepared(made, before)
    after = (replace(before[0], state=9), *before[1:])
    made.follow(after, made.changes(after) or ())
    assert made.take(prepared)
    made.filter(parse_query("9$"))
    assert ids(made) == [before[0].id]
    made.filter(None)
    made.sort("state", backwards=True)
    assert ids(made)[0] == before[0].id


def test_other_items_and_many_changes_are_loaded_anew() -> None:
    before = items(FEW_CHANGES + 10)
    made = arrangement(*before)
    assert made.changes(before) == []
    assert made.changes(before[1:]) is None
    assert made.changes((Item("other"), *before[1:])) is None
    assert made.changes([replace(item, state=7) for item in before]) is None


def test_columns_are_left_out_by_rank_and_get_what_their_texts_need() -> None:
    measured = {"id": 12}
    assert [(one.column.name, one.x, one.width) for one in place(columns(), measured, 40, frozenset())] == [
        ("state", 0, 8), ("id", 9, 12), ("time", 22, 5),
    ]  # fmt: skip
    assert [(one.column.name, one.width) for one in place(columns(), measured, 21, frozenset())] == [
        ("state", 8), ("id", 12)
    ]  # fmt: skip
    assert [one.column.name for one in place(columns(), measured, 5, frozenset())] == ["state"]
    assert [one.column.name for one in place(columns(), measured, 40, {"state"})] == ["id", "time"]


@pytest.mark.parametrize(
    ("room", "widths"),
    [(60, [("state", 8), ("id", 30), ("time", 5)]), (40, [("state", 8), ("id", 25), ("time", 5)]),
     (21, [("state", 8), ("id", 12)]), (12, [("state", 7), ("id", 4)])],
)  # fmt: skip
def test_long_texts_leave_other_columns_their_room(room: int, widths: list[tuple[str, int]]) -> None:
    elastic = tuple(replace(one, elastic=one.name == "id") for one in columns())
    assert [(one.column.name, one.width) for one in place(elastic, {"id": 30}, room, frozenset())] == widths
