"""The engines against a table: bytes in, and what xterm shows for them."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from labeltui.ui.widgets.terminal.engine import Attr, Frame, Look, Mouse
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.terminal.direct_engine import DirectEngine
from tests.terminal.vectors import COLUMNS, FILLED, ROWS, VECTORS, Vector


def texts(frame: Frame) -> tuple[str, ...]:
    rows = ["".join(run.text for run in row).rstrip() for row in frame.rows]
    while rows and not rows[-1]:
        rows.pop()
    return tuple(rows)


Fed = BitttyEngine | DirectEngine
NATIVE = GhosttyEngine.installed()
ENGINES = [
    "bittty",
    pytest.param("ghostty", marks=pytest.mark.skipif(not NATIVE, reason="no wheel of it here")),
]


class Bench:
    """Engines of one kind, closed at the end."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.made: list[Fed] = []

    async def fed(self, *pieces: bytes, columns: int = COLUMNS, rows: int = ROWS) -> tuple[Fed, bytes]:
        """A new engine that took ``pieces``, and what it answered."""
        engine: Fed = DirectEngine(columns, rows) if self.kind == "ghostty" else BitttyEngine(columns, rows)
        self.made.append(engine)
        return engine, b"".join([await engine.feed(piece) for piece in pieces])


@pytest.fixture(params=ENGINES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    bench = Bench(request.param)
    yield bench
    for engine in bench.made:
        engine.close()
        await engine.closed()


async def fed(*pieces: bytes, columns: int = COLUMNS, rows: int = ROWS) -> tuple[BitttyEngine, bytes]:
    """As Bench.fed, for tests of the engine in Python alone."""
    engine = BitttyEngine(columns, rows)
    return engine, b"".join([await engine.feed(piece) for piece in pieces])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_the_screen_after(bench: Bench, vector: Vector) -> None:
    engine, _answers = await bench.fed(vector.data)
    frame = await engine.sync()
    rows, cursor = vector.expected(bench.kind)
    assert texts(frame) == rows
    if cursor is not None:
        assert frame.cursor is not None
        assert (frame.cursor.column, frame.cursor.row) == cursor


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_cuts_between_bytes_change_nothing(bench: Bench, vector: Vector) -> None:
    engine, _answers = await bench.fed(*(bytes([byte]) for byte in vector.data))
    assert texts(await engine.sync()) == vector.expected(bench.kind)[0]


LOOKS = [
    (b"\x1b[1mX", Look(attrs=Attr.BOLD)),
    (b"\x1b[2mX", Look(attrs=Attr.DIM)),
    (b"\x1b[3mX", Look(attrs=Attr.ITALIC)),
    (b"\x1b[4mX", Look(attrs=Attr.UNDERLINE)),
    (b"\x1b[4:2mX", Look(attrs=Attr.UNDERLINE | Attr.DOUBLE_UNDERLINE)),
    (b"\x1b[7mX", Look(attrs=Attr.REVERSE)),
    (b"\x1b[8mX", Look(attrs=Attr.CONCEAL)),
    (b"\x1b[9mX", Look(attrs=Attr.STRIKE)),
    (b"\x1b[53mX", Look(attrs=Attr.OVERLINE)),
    (b"\x1b[31mX", Look(foreground=1)),
    (b"\x1b[97;104mX", Look(foreground=15, background=12)),
    (b"\x1b[38;5;208mX", Look(foreground=208)),
    (b"\x1b[38;2;1;2;3mX", Look(foreground=(1, 2, 3))),
    (b"\x1b[38:2::1:2:3mX", Look(foreground=(1, 2, 3))),
    (b"\x1b[48:5:17mX", Look(background=17)),
    (b"\x1b[1;31m\x1b[22mX", Look(foreground=1)),
    (b"\x1b[1;31;44m\x1b[mX", Look()),
    (b"\x1b[31;41m\x1b[39;49mX", Look()),
    (b"\x1b[1;3;4;7;9m\x1b[22;23;24;27;29mX", Look()),
    (b"\x1b[31m\x1b7\x1b[m\x1b8X", Look(foreground=1)),  # DECRC brings the colours back too
]


@pytest.mark.parametrize(("data", "look"), LOOKS, ids=lambda value: repr(value)[:40])
async def test_looks(bench: Bench, data: bytes, look: Look) -> None:
    engine, _answers = await bench.fed(data)
    run = (await engine.sync()).rows[0][0]
    assert (run.text, run.look) == ("X", look)


async def test_erasing_paints_the_background(bench: Bench) -> None:
    engine, _answers = await bench.fed(b"\x1b[44m\x1b[K\x1b[mX")
    row = (await engine.sync()).rows[0]
    assert sum(run.cells for run in row) == COLUMNS
    assert row[-1].look == Look(background=4)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[5n", b"\x1b[0n"),
        (b"ab\x1b[6n", b"\x1b[1;3R"),
        (b"\x1b[?2004$p", b"\x1b[?2004;2$y"),
    ],
)
async def test_questions_have_well_known_answers(bench: Bench, asked: bytes, answer: bytes) -> None:
    assert (await bench.fed(asked))[1] == answer


@pytest.mark.parametrize(
    "asked",
    [
        b"\x1b]0;rm -rf ~\r\x07\x1b[21t", b"\x1b]2;x\x07\x1b[20t", b"\x1b]52;c;?\x07", b"\x1b]50;?\x07",
        b"\x1b]52;c;cm0gLXJmCg==\x07\x1b]52;c;?\x07", b"\x1bP$qrm -rf\r\x1b\\", b"\x1bP+q544e\x1b\\", b"\x05",
        b"\x1b[1;1;1;1;5;20*y", b"\x1b]11;?\x07", b"\x1b]4;1;?\x07", b"\x1bP1;0;0!z6c730d\x1b\\\x1b[1*z",
        b"\x1b[?1;1;1S", b"\x1b[18t", b"\x1b[2$w", b"ls\x1b[5i\x1b[4i", b"\x1b[?15n", b"\x1b[?u",
    ],
)  # fmt: skip
async def test_no_question_types_for_the_remote(bench: Bench, asked: bytes) -> None:
    assert (await bench.fed(asked))[1] == b""


async def test_a_flood_of_questions_is_not_answered_in_full(bench: Bench) -> None:
    _engine, answers = await bench.fed(b"\x1b[6n" * 10_000)
    assert 0 < len(answers) < 1000


async def test_modes(bench: Bench) -> None:
    engine, _answers = await bench.fed(
        b"\x1b[?1h\x1b=\x1b[?2004h\x1b[?1049h\x1b[?1004h\x1b[?1002h\x1b[?1006h\x1b[?2026h"
    )
    modes = (await engine.sync()).modes
    assert modes.application_cursor
    assert modes.application_keypad
    assert modes.bracketed_paste
    assert modes.alternate_screen
    assert modes.focus_events
    assert modes.synchronized
    assert (modes.mouse, modes.mouse_sgr) == (Mouse.DRAGS, True)
    await engine.feed(b"\x1b[?1l\x1b[?2004l\x1b[?1049l\x1b[?1002l\x1b[?2026l")
    modes = (await engine.sync()).modes
    assert (modes.application_cursor, modes.bracketed_paste) == (False, False)
    assert (modes.alternate_screen, modes.synchronized) == (False, False)
    assert modes.mouse is Mouse.OFF


async def test_cursor_shape_and_hiding(bench: Bench) -> None:
    engine, _answers = await bench.fed(b"\x1b[4 q")
    cursor = (await engine.sync()).cursor
    assert cursor is not None
    assert cursor.shape == "underline"
    await engine.feed(b"\x1b[?25l")
    assert (await engine.sync()).cursor is None


async def test_a_title_is_one_clean_short_line(bench: Bench) -> None:
    engine, _answers = await bench.fed("\x1b]2;a\u202eb\tc\x08d\u009de\x07".encode())
    assert (await engine.sync()).title == "abcde"
    await engine.feed(b"\x1b]0;" + b"x" * 10_000 + b"\x07")
    assert (await engine.sync()).title == "x" * 256


@contextmanager
def allocated() -> Iterator[list[int]]:
    """Yields a list that receives the bytes by which memory has grown when the block ends."""
    grown: list[int] = []
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        yield grown
        grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()


async def test_a_string_that_never_ends_costs_no_memory() -> None:
    engine, _answers = await fed(b"\x1b]52;c;")
    with allocated() as grown:
        for _ in range(64):
            await engine.feed(b"A" * 65536)
    assert grown[0] < 200_000
    await engine.feed(b"\x07after")
    assert texts(engine.frame()) == ("after",)


async def test_a_sequence_that_never_ends_costs_no_memory() -> None:
    engine, _answers = await fed(b"\x1b[", *[b"1;" * 4096] * 16)
    assert "1;1;" in "".join(texts(engine.frame())), (
        "too long for a sequence, so it is printed and not stored"
    )
    await engine.feed(b"m\x1b[2J\x1b[Hafter")
    assert texts(engine.frame()) == ("after",)


async def test_rows_that_did_not_change_stay_the_same_objects(bench: Bench) -> None:
    engine, _answers = await bench.fed(FILLED)
    before = (await engine.sync()).rows
    await engine.feed(b"\x1b[2;1HX")
    after = (await engine.sync()).rows
    assert [a is b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]


async def test_resize_rewraps_and_keeps_the_text(bench: Bench) -> None:
    engine, _answers = await bench.fed(b"abcdefghijklmnopqrstuvwxyz\r\n$ ")
    engine.resize(10, 5)
    assert texts(await engine.sync()) == ("abcdefghij", "klmnopqrst", "uvwxyz", "$")
    engine.resize(30, 5)
    assert texts(await engine.sync()) == ("abcdefghijklmnopqrstuvwxyz", "$")
