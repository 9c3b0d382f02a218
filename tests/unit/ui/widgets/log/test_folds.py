"""Tracebacks are found as the log grows: each once, whole, whatever the pieces it comes in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.log.query import parse_query
from labeltui.ui.widgets.log.folds import Fold, Folds
from labeltui.ui.widgets.log.query import Sieve
from labeltui.ui.widgets.log.rows import Rows
from tests.indexed_log import IndexedLog
from tests.paths import MONAILABEL

STAMP = "[2026-11-23 17:02:20,004] [4242] [MainThread] [{}] (uvicorn.error:408) - {}\n"
ASGI = STAMP.format("ERROR", "Exception in ASGI application")
FRAMES = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n    ^^^\n'
CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in f
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "a.py", line 2, in g
    | ValueError: no such label
    +------------------------------------
"""
BOXED = "╭─── Traceback (most recent call last) ───╮\n│ /a.py:1 in f │\n╰───╯\nRuntimeError: x\n"


def of(text: str | bytes) -> tuple[IndexedLog, Folds]:
    store = IndexedLog()
    store.feed(0, text if isinstance(text, bytes) else text.encode())
    folds = Folds(store)
    assert folds.advance(9.0)
    return store, folds


def found(text: str) -> list[tuple[str, int]]:
    """Of each fold, the line that stands for it and how many it hides."""
    store, folds = of(text)
    return [(store.line(fold.summary).decode(), fold.hidden) for fold in all_folds(folds)]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (f"a\n{FRAMES}KeyError: 'x'\nb\n", [("KeyError: 'x'", 4)]),
        (f"{ASGI}{FRAMES}KeyError: 'x'\n{ASGI}", [("KeyError: 'x'", 5)]),
        (f"{STAMP.format('ERROR', 'it failed')}{FRAMES}KeyError: 'x'\n", [("KeyError: 'x'", 4)]),
        (f"{STAMP.format('ERROR', FRAMES)[:-1]}SystemExit: -1\n\nlast\n", [("SystemExit: -1", 5)]),
        (f"{FRAMES}KeyError: 'x'\n{CAUSED}{FRAMES}RuntimeError: y\n", [("RuntimeError: y", 12)]),
        (f"{FRAMES}A\n{CAUSED}{FRAMES}B\n{MEANWHILE}{FRAMES}C: d\n", [("C: d", 20)]),
        # A child's output comes without its empty lines.
        (f"{FRAMES}A: 1\n{CAUSED.strip()}\n{FRAMES}B: 2\n{FRAMES}C: 3\n", [("C: 3", 15)]),
        (
            f"{FRAMES}RuntimeError: no reader.\n    Please install one.\nanother\n",
            [("RuntimeError: no reader.", 5)],
        ),
        (f"{FRAMES}  [Previous line repeated 990 more times]\nRecursionError\n", [("RecursionError", 5)]),
        (f"x._RemoteTraceback: \n\"\"\"\n{FRAMES}A: 1\n\"\"\"\n{CAUSED}{FRAMES}A: 1\n", [("A: 1", 15)]),
        (
            f"{FRAMES}RuntimeError: Caught it in worker 0.\nOriginal {FRAMES}KeyError: 1\n",
            [("KeyError: 1", 9)],
        ),
        (GROUP + "after\n", [("    | ValueError: no such label", 7)]),
        (BOXED + "after\n", [("RuntimeError: x", 3)]),
        # A record in the middle ends it: what follows is no part of that record.
        (FRAMES + ASGI, [("    ^^^", 3)]),
        # A progress bar is none, however it is drawn.
        (f"{FRAMES}A: 1\n\r 10%|#\r 20%|##\n", [("A: 1", 4)]),
        (f"{FRAMES}A: 1\n\r 10%|#\n", [("A: 1", 4)]),
        (f"{FRAMES}A: 1\n".replace("\n", "\r\n") + " x\r\n", [("A: 1\r", 5)]),
        ("Traceback (most recent call last):\n", [("Traceback (most recent call last):", 0)]),
        ("he said Traceback (most recent call last): ...\n  x\n", []),
        ("  File\n    raise\nKeyError: 1\n", []),
    ],
)  # fmt: skip
def test_what_one_line_stands_for(text: str, summary: list[tuple[str, int]]) -> None:
    assert found(text) == summary


def test_an_error_its_traceback_and_those_it_caused_count_as_one() -> None:
    chained = f"{FRAMES}A: 1\n{CAUSED}{FRAMES}B: 2\n"
    text = (
        f"{ASGI}{chained}x\n{STAMP.format('ERROR', 'it failed')}{chained}{STAMP.format('INFO', 'y')}{chained}"
    )
    store, _ = of(text)
    assert list(store.errors.firsts) == [0, 15, 30]


@pytest.mark.parametrize("path", sorted(MONAILABEL.glob("log_*.txt")), ids=lambda path: path.stem)
def test_recordings(path: Path) -> None:
    """Every traceback recorded is inside one, and no record is hidden but the one that a fold begins with."""
    store, folds = of(path.read_bytes())
    for index in range(store.line_count):
        line, fold = store.line(index), folds.of(index)
        if re.search(rb"(?:^|- )Traceback \(most recent", line):
            assert fold is not None
        if fold is not None and re.match(rb"\[?20\d\d-", line):
            assert index == fold.first
    for fold in all_folds(folds):
        summary = store.line(fold.summary)
        assert re.match(rb"[\w.]+(?:Error|Exception|Exit|Group)?(?:: |$)", summary), summary


PIECES = st.sampled_from([
    ASGI, FRAMES, "KeyError: 1\n", CAUSED, "bare\n", "  indented\n", "\n", STAMP.format("INFO", "x"),
    "\r 10%|#\r 20%|##\n", GROUP, '"""\n', "half", STAMP.format("ERROR", FRAMES)[:-1],
])  # fmt: skip


def all_folds(folds: Folds) -> list[Fold]:
    return [folds[index] for index in range(len(folds))]


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=25), st.data())
def test_the_pieces_it_comes_in_make_no_difference(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    store = IndexedLog()
    folds = Folds(store)
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        store.feed(start, text[start:end])
        assert folds.advance(9.0)
    whole = of(text)
    assert all_folds(folds) == all_folds(whole[1])
    assert store.errors.firsts == whole[0].errors.firsts
    last = -1
    for fold in all_folds(folds):
        assert last < fold.first <= fold.summary <= fold.last < store.finished_count
        last = fold.last
        assert [error.last >= fold.last for error in store.errors.within(fold.first, fold.last + 1)] == [True]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES, max_size=25),
    st.sampled_from([None, "!indented", "error", "!zzz", "e"]),
    st.booleans(),
    st.data(),
)
def test_walking_down_and_up_sees_the_same_rows(
    pieces: list[str], asks: str | None, unfolded: bool, data: st.DataObject
) -> None:
    """Every line of the filter is shown, or the fold that it belongs to is; nothing is shown twice."""
    store, folds = of("".join(pieces))
    rows = Rows(store)
    rows.folds, rows.unfolded = folds, unfolded
    query = parse_query(asks) if asks else None
    if query is not None:
        rows.subset = Sieve(store, query)
        assert rows.subset.advance(1.0)
    for fold in all_folds(folds):
        if data.draw(st.booleans()):
            rows.turn(fold)
    down, row = [], rows.following(-1)
    while row < rows.count:
        down.append(row)
        row = rows.following(row)
    up, row = [], rows.preceding(rows.count)
    while row >= 0:
        up.append(row)
        row = rows.preceding(row)
    assert down == up[::-1]
    assert {rows.visible_row(row) for row in range(rows.count)} == set(down)
    for row in range(rows.count):
        fold = rows.closed(rows.line_of(row))
        assert fold is None or (rows.whole(fold) and not rows.is_open(fold))


def test_what_is_in_sight_is_folded_before_its_turn() -> None:
    """A million lines take a second to examine; the last ones are shown at once, folded."""
    text = "line\n" * 40_000 + f"{FRAMES}KeyError: 1\n" + "line\n" * 10
    store = IndexedLog()
    store.feed(0, text.encode())
    folds = Folds(store)
    assert not folds.advance(0.0)
    assert folds.of(40_002) == Fold(40_000, 40_004, 40_004)
    assert folds.of(39_999) is None
    assert folds.of(0) is None
    assert not folds.none
    while not folds.advance(0.0):
        assert folds.of(40_002) == Fold(40_000, 40_004, 40_004)
    assert all_folds(folds) == [Fold(40_000, 40_004, 40_004)]
