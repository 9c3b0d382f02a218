"""Hostile output of a remote raises nothing, types nothing for the operator, and lets no escape sequence out."""

from __future__ import annotations

import asyncio
import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from labeltui.ui.widgets.terminal.engine import Frame
from labeltui.ui.widgets.terminal.gate import Gate
from labeltui.ui.widgets.terminal.paint import strip_of, with_cursor
from tests.unit.ui.widgets.terminal.test_vectors import fed, texts

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ANSWER = re.compile(rb"(\x1b\[\d+;\d+R|\x1b\[0n|\x1b\[[?>]?[\d;]+c|\x1bP!\|0{8}\x1b\\|\x1b\[\??\d+;\d\$y)*")

csi = st.builds(
    lambda private, numbers, between, final: (
        f"\x1b[{private}{';'.join(map(str, numbers))}{between}{final}".encode()
    ),
    st.sampled_from(["", "?", ">", "=", "<"]),
    st.lists(st.integers(0, 99999), max_size=5),
    st.sampled_from(["", " ", "!", '"', "$", "*", "'"]),
    st.characters(min_codepoint=0x40, max_codepoint=0x7E),
)
strings = st.builds(
    lambda kind, body, end: b"\x1b" + kind + body + end,
    st.sampled_from([b"]", b"P", b"_", b"^", b"X"]),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"52;c;?", b"8;;http://x", b"0;t", b"$qm", b"4;1;?", b"P1234567"]),
    ),
    st.sampled_from([b"\x07", b"\x1b\\", b"\x18", b"", b"\x1b"]),
)  # fmt: skip
escapes = st.sampled_from(
    [b"\x1b7", b"\x1b8", b"\x1bM", b"\x1bD", b"\x1bc", b"\x1b#8", b"\x1b(0", b"\x1b=", b"\x1b%G"]
)
words = st.one_of(
    st.binary(max_size=30), st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
hostile = st.lists(st.one_of(csi, strings, escapes, words), max_size=25)


def check(frame: Frame, columns: int, rows: int) -> None:
    assert len(frame.rows) == rows
    assert not CONTROLS.search(frame.title)
    if frame.cursor is not None:
        assert 0 <= frame.cursor.column < columns
        assert 0 <= frame.cursor.row < rows
    for row in frame.rows:
        for run in row:
            assert not CONTROLS.search(run.text)
            assert cell_len(run.text) == run.cells
        assert sum(run.cells for run in row) <= columns
        strip = strip_of(row, columns, Style(), flipped=frame.reversed)
        assert strip.cell_length == columns == cell_len(strip.text)
        if frame.cursor is not None:
            assert with_cursor(strip, frame.cursor, focused=True).cell_length == columns


@settings(max_examples=250, deadline=None)
@given(hostile, st.integers(2, 40), st.integers(1, 12), st.integers(2, 40), st.integers(1, 12))
def test_anything_can_be_fed(pieces: list[bytes], columns: int, rows: int, wider: int, higher: int) -> None:
    async def run() -> None:
        engine = BitttyEngine(columns, rows)
        for index, piece in enumerate(pieces):
            answers = await engine.feed(piece)
            assert ANSWER.fullmatch(answers), answers
            if index == len(pieces) // 2:
                check(engine.frame(), columns, rows)
                engine.resize(wider, higher)
                engine.scroll(-3)
                check(engine.frame(), wider, higher)
        check(engine.frame(), wider if pieces else columns, higher if pieces else rows)

    asyncio.run(run())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(strings, words), max_size=8), st.lists(st.integers(0, 200), max_size=6))
def test_where_a_stream_is_cut_changes_nothing_at_the_gate(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    whole = Gate().take(data + b" ")
    gate, parts = Gate(), []
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, stop in itertools.pairwise(edges):
        parts.append(gate.take(data[start:stop]))
    assert "".join(parts) + gate.take(b" ") == whole


plain_lines = st.lists(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=14), min_size=20, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(
    plain_lines,
    st.sampled_from([b"", b"\x1b[31mred", b"\x1b[3;2Hhere", b"one\r\ntwo", b"x" * 25]),
    st.integers(2, 4),
)
def test_a_flood_ends_as_if_every_line_had_been_drawn(lines: list[str], before: bytes, rows: int) -> None:
    async def run() -> None:
        flood = "".join(f"{line}\r\n" for line in lines).encode()
        at_once, slowly = BitttyEngine(12, rows), BitttyEngine(12, rows)
        await at_once.feed(before)
        await at_once.feed(flood + b"end")
        for byte in before + flood + b"end":
            await slowly.feed(bytes([byte]))
        assert at_once.frame().rows == slowly.frame().rows
        assert at_once.frame().cursor == slowly.frame().cursor
        for engine in (at_once, slowly):
            engine.scroll(-len(lines) * 3)
        for _ in range(len(lines) // 2):
            assert at_once.frame().behind == slowly.frame().behind
            assert at_once.frame().rows == slowly.frame().rows
            at_once.scroll(rows - 1)
            slowly.scroll(rows - 1)

    asyncio.run(run())


async def test_scrollback_keeps_what_left_the_screen_and_stops_at_both_ends() -> None:
    engine, _answers = await fed(b"".join(b"line %d\r\n" % n for n in range(300)))
    engine.scroll(-1000)
    assert texts(engine.frame()) == tuple(f"line {n}" for n in range(5))
    engine.scroll(3)
    frame = engine.frame()
    assert texts(frame)[0] == "line 3"
    assert frame.cursor is None
    await engine.feed(b"more\r\n")
    assert texts(engine.frame())[0] == "line 3"  # a reader is left where he reads
    engine.scroll_to_end()
    assert (texts(engine.frame())[-1], engine.frame().behind) == ("more", 0)


async def test_scrollback_is_laid_out_again_when_the_width_changes() -> None:
    engine, _answers = await fed(b"abcdefghijklmnopqrstuvwxy\r\n" + b"\r\n" * 10)
    engine.resize(10, 5)
    engine.scroll(-1000)
    assert texts(engine.frame())[:3] == ("abcdefghij", "klmnopqrst", "uvwxy")


async def test_scrollback_forgets_the_oldest() -> None:
    engine = BitttyEngine(20, 5, history=100)
    await engine.feed(b"".join(b"line %d\r\n" % n for n in range(1000)))
    engine.scroll(-100_000)
    frame = engine.frame()
    assert frame.behind == 100
    assert texts(frame)[0] == "line 896"


async def test_the_alternate_screen_has_no_past() -> None:
    engine, _answers = await fed(b"x\r\n" * 50 + b"\x1b[?1049h\x1b[Hfull")
    engine.scroll(-10)
    assert engine.frame().behind == 0
    assert texts(engine.frame()) == ("full",)


async def test_feeding_gives_the_event_loop_its_turns() -> None:
    engine = BitttyEngine(80, 24)
    dense = b"".join(b"\x1b[38;5;%dm%d " % (n % 256, n) for n in range(30_000))
    task = asyncio.create_task(engine.feed(dense))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5
