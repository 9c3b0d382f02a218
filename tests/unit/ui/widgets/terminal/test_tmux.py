"""The engines show what tmux showed for the same bytes; its screens are recorded."""

from __future__ import annotations

import asyncio
import re
import shutil

import pytest

from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from labeltui.ui.widgets.terminal.engine import Frame
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.terminal import oracle
from tests.terminal.cases import ANSWERS, IN_PYTHON_ANSWERS, QUESTIONS, everything, questions
from tests.terminal.direct_engine import DirectEngine
from tests.terminal.oracle import Capture, Span
from tests.terminal.sessions import COLUMNS as SESSION_COLUMNS
from tests.terminal.sessions import ROWS as SESSION_ROWS
from tests.terminal.sessions import Session, sessions
from tests.terminal.tmux_vectors import IN_PYTHON, TMUX_VECTORS
from tests.terminal.vectors import COLUMNS, ROWS, VECTORS, Vector

VERSION, RECORDS = oracle.recorded()
TABLE = [*VECTORS, *TMUX_VECTORS]
NATIVE = pytest.mark.skipif(not GhosttyEngine.installed(), reason="no wheel of it here")
ENGINES = ["bittty", pytest.param("ghostty", marks=NATIVE)]
SCREEN = SESSION_COLUMNS, SESSION_ROWS
Fed = DirectEngine | BitttyEngine


def engine_of(kind: str, columns: int = COLUMNS, rows: int = ROWS) -> Fed:
    return DirectEngine(columns, rows) if kind == "ghostty" else BitttyEngine(columns, rows)


def capture_of(vector: Vector) -> Capture:
    return RECORDS[vector.name][1]


def wanted(vector: Vector, kind: str) -> tuple[tuple[str, ...], tuple[int, int] | None]:
    rows, cursor = vector.expected(kind)
    return (capture_of(vector).text, capture_of(vector).cursor) if rows is None else (rows, cursor)


def texts(frame: Frame) -> tuple[str, ...]:
    rows = ["".join(run.text for run in row).rstrip() for row in frame.rows]
    while rows and not rows[-1]:
        rows.pop()
    return tuple(rows)


def place(frame: Frame) -> tuple[int, int] | None:
    return None if frame.cursor is None else (frame.cursor.column, frame.cursor.row)


async def shown(kind: str, *pieces: bytes) -> Frame:
    engine = engine_of(kind)
    for piece in pieces:
        await engine.feed(piece)
    frame = await engine.sync()
    engine.close()
    await engine.closed()
    return frame


def test_there_are_enough_of_them_and_each_was_recorded() -> None:
    names = [one.name for one in everything()]
    assert len(TABLE) > 250
    assert len(names) == len(set(names))
    stale = [one.name for one in everything() if RECORDS.get(one.name, ("",))[0] != oracle.digest(one)]
    assert not stale, "python -m tests.terminal.oracle records them"
    assert set(RECORDS) == set(names)


@pytest.mark.parametrize("vector", TABLE, ids=lambda vector: vector.name)
def test_what_is_asked_of_an_engine_is_what_tmux_shows_or_a_reason_is_given(vector: Vector) -> None:
    rows, cursor = vector.rows, vector.cursor
    same = rows in (None, capture_of(vector).text) and cursor in (None, capture_of(vector).cursor)
    assert same or vector.tmux or vector.known
    assert not (same and vector.tmux), "tmux agrees"


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("vector", TMUX_VECTORS, ids=lambda vector: vector.name)
async def test_the_screen_after(kind: str, vector: Vector) -> None:
    whole = await shown(kind, vector.data)
    cut = await shown(kind, *(bytes([byte]) for byte in vector.data))
    assert (texts(whole), place(whole)) == (texts(cut), place(cut))
    rows, cursor = wanted(vector, kind)
    differs = texts(whole) != rows or (cursor is not None and place(whole) not in (None, cursor))
    compared = vector.rows is None and not vector.known and not differs
    looks_differ = compared and looks(whole, capture_of(vector)) != tmux_looks(capture_of(vector))
    if kind == "bittty" and vector.name in IN_PYTHON:
        assert differs or looks_differ, "it does not differ"
    else:
        assert not differs, (texts(whole), place(whole))
        assert not looks_differ, looks(whole, capture_of(vector))


def tmux_looks(capture: Capture) -> list[tuple[Span, ...]]:
    return [oracle.without_invisible(row) for row in capture.rows]


def looks(frame: Frame, capture: Capture) -> list[tuple[Span, ...]]:
    """As far as tmux's rows go: its capture leaves out what is painted beyond the last character."""
    rows = []
    for row, theirs in zip(frame.rows, capture.rows, strict=True):
        left = sum(len(text) for text, _look in theirs)
        spans: list[Span] = []
        for run in row:
            spans.append((run.text[:left], run.look))
            left -= len(spans[-1][0])
        rows.append(oracle.without_invisible(spans))
    return rows


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("session", sessions(), ids=lambda session: session.name)
async def test_a_real_program_shows_as_in_tmux(kind: str, session: Session) -> None:
    engine, fed = engine_of(kind, *SCREEN), 0
    for case, at in zip(session.cases(), session.cuts, strict=True):
        await engine.feed(session.data[fed:at])
        frame, theirs, fed = await engine.sync(), RECORDS[case.name][1], at
        assert texts(frame) == theirs.text, case.name
        assert place(frame) in (None, theirs.cursor), case.name
        if kind == "ghostty":
            assert looks(frame, theirs) == tmux_looks(theirs), case.name
    engine.close()
    await engine.closed()


def test_recordings_name_nobody_and_no_place() -> None:
    assert {session.name for session in sessions()} >= {"vim", "htop", "tmux", "less", "pip"}
    assert sum(len(session.cuts) for session in sessions()) > 60
    for session in sessions():
        assert not re.search(rb"/(tmp|home|Users|root|work)\b|https?://(?!127\.0\.0\.1)", session.data), (
            session.name
        )


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("name", QUESTIONS)
async def test_what_a_terminal_answers(kind: str, name: str) -> None:
    theirs = RECORDS[f"? {name}"][1].answer
    ours, why = ANSWERS.get(name, (theirs, ""))
    assert bool(why) == (ours != theirs), (
        "a reason is given where tmux answers something else, and only there"
    )
    engine = engine_of(kind)
    ours = IN_PYTHON_ANSWERS.get(name, ours) if kind == "bittty" else ours
    assert await engine.feed(QUESTIONS[name]) == ours
    engine.close()
    await engine.closed()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
async def test_tmux_still_shows_what_was_recorded() -> None:
    if oracle.version() != VERSION:
        pytest.skip(f"recorded with {VERSION}, and here is {oracle.version()}")
    cases = everything()
    found = await asyncio.to_thread(oracle.capture_all, cases)
    assert {one.name: capture for one, capture in zip(cases, found, strict=True)} == {
        name: capture for name, (_digest, capture) in RECORDS.items()
    }
    assert len(questions()) == len(QUESTIONS)
