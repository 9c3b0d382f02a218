"""The engine against a table: bytes in, and what xterm shows for them.

Screens are 20 by 5. A vector that is marked ``known`` is one where the engine differs from xterm, with the
reason why that is lived with; the test holds it to what it does, so that a change is noticed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from labeltui.ui.widgets.terminal.engine import Attr, Engine, Frame, Look, Mouse
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine

COLUMNS, ROWS = 20, 5


@dataclass(frozen=True)
class Vector:
    name: str
    data: bytes
    rows: tuple[str, ...]  # from the top; the rest is blank
    cursor: tuple[int, int] | None = None  # column, row
    known: str = ""
    native: tuple[str, ...] | None = None  # rows on libghostty-vt, where the engines differ
    native_cursor: tuple[int, int] | None = None

    def asked(self, kind: str) -> tuple[tuple[str, ...], tuple[int, int] | None]:
        if kind == "ghostty" and self.native is not None:
            return self.native, self.native_cursor
        return self.rows, self.cursor


def texts(frame: Frame) -> tuple[str, ...]:
    rows = ["".join(run.text for run in row).rstrip() for row in frame.rows]
    while rows and not rows[-1]:
        rows.pop()
    return tuple(rows)


NATIVE = GhosttyEngine.installed()
ENGINES = [
    "bittty",
    pytest.param("ghostty", marks=pytest.mark.skipif(not NATIVE, reason="no wheel of it here")),
]


class Bench:
    """Engines of one kind, closed at the end."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.made: list[Engine] = []

    async def fed(self, *pieces: bytes, columns: int = COLUMNS, rows: int = ROWS) -> tuple[Engine, bytes]:
        """A new engine that took ``pieces``, and what it answered."""
        engine: Engine
        if self.kind == "ghostty":
            engine = await GhosttyEngine.start(columns, rows)
        else:
            engine = BitttyEngine(columns, rows)
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


FILLED = b"1\r\n2\r\n3\r\n4\r\n5"
VECTORS = [
    # printing and the controls
    Vector("text", b"hello", ("hello",), (5, 0)),
    Vector("line feed keeps the column", b"ab\ncd", ("ab", "  cd"), (4, 1)),
    Vector("carriage return", b"abc\rX", ("Xbc",), (1, 0)),
    Vector("backspace stops at the margin", b"ab\x08\x08\x08X", ("Xb",), (1, 0)),
    Vector("vertical tab and form feed are line feeds", b"a\x0bb\x0cc", ("a", " b", "  c"), (3, 2)),
    Vector("delete and nul print nothing", b"a\x7f\x00b", ("ab",), (2, 0)),
    Vector("bell prints nothing", b"a\x07b", ("ab",)),
    # tabs
    Vector("tab stops are every eight", b"a\tb", ("a       b",), (9, 0)),
    Vector("tab stops at the last column", b"\t\t\tx", (" " * 19 + "x",)),
    Vector("HTS sets a stop, TBC clears it", b"   \x1bH\r\tX\r\x1b[3g\tY", ("   X" + " " * 15 + "Y",)),
    Vector("CBT goes back a stop", b"0123456789\x1b[ZX", ("01234567X9",), (9, 0)),
    Vector("CHT goes on two stops", b"\x1b[2IX", (" " * 16 + "X",)),
    # wrapping
    Vector("the last column waits with its wrap", b"a" * 20, ("a" * 20,), (19, 0)),
    Vector("the next character wraps", b"a" * 20 + b"b", ("a" * 20, "b"), (1, 1)),
    Vector("a carriage return drops the waiting wrap", b"a" * 20 + b"\rb", ("b" + "a" * 19,), (1, 0)),
    Vector("without autowrap the last cell is overwritten", b"\x1b[?7l" + b"a" * 20 + b"bc", ("a" * 19 + "c",)),
    Vector("the last row scrolls", FILLED + b"\r\n6", ("2", "3", "4", "5", "6"), (1, 4)),
    # moving
    Vector("CUP counts from one", b"\x1b[2;3HX", ("", "  X"), (3, 1)),
    Vector("CUP without numbers goes home", b"abc\x1b[HX", ("Xbc",)),
    Vector("CUP beyond the edge stops there", b"\x1b[99;99HX", ("", "", "", "", " " * 19 + "X")),
    Vector("CUU CUD CUF CUB", b"\x1b[3;3H\x1b[A\x1b[2B\x1b[C\x1b[2DX", ("", "", "", " X"), (2, 3)),
    Vector("a count of nought is one", b"abc\x1b[0DX", ("abX",)),
    Vector("CNL and CPL go to the first column", b"ab\x1b[2Ecd\x1b[Fe", ("ab", "e", "cd")),
    Vector("CHA and VPA", b"\x1b[5Ga\x1b[3db", ("    a", "", "     b")),
    Vector("HVP is CUP", b"\x1b[2;2fX", ("", " X")),
    Vector("IND and NEL", b"a\x1bDb\x1bEc", ("a", " b", "c"), (1, 2)),
    Vector("RI goes up", b"a\r\nb\x1bMX", ("aX", "b"), (2, 0)),
    Vector("RI scrolls down at the top", b"a\r\nb\x1b[H\x1bMX", ("X", "a", "b")),
    Vector("DECSC and DECRC", b"ab\x1b7\x1b[4;4H\x1b8X", ("abX",), (3, 0)),
    Vector("SCO save and restore", b"ab\x1b[s\x1b[4;4H\x1b[uX", ("abX",)),
    Vector("DECRC without a save goes home", b"abc\x1b8X", ("Xbc",)),
    # erasing
    Vector("EL to the end", b"abcdef\x1b[3G\x1b[K", ("ab",), (2, 0)),
    Vector("EL from the start", b"abcdef\x1b[3G\x1b[1K", ("   def",)),
    Vector("EL of the line", b"abcdef\x1b[3G\x1b[2K", (), (2, 0)),
    Vector("ED below", FILLED + b"\x1b[3;1H\x1b[J", ("1", "2")),
    Vector("ED above", FILLED + b"\x1b[3;1H\x1b[1J", ("", "", "", "4", "5")),
    Vector("ED of everything keeps the cursor", FILLED + b"\x1b[2J", (), (1, 4)),
    Vector("ECH erases without moving", b"abcdef\x1b[2G\x1b[3X", ("a   ef",), (1, 0)),
    # inserting and deleting
    Vector("ICH", b"abcdef\x1b[2G\x1b[2@", ("a  bcdef",), (1, 0)),
    Vector("DCH", b"abcdef\x1b[2G\x1b[2P", ("adef",), (1, 0)),
    Vector("ICH pushes off the edge", b"a" * 18 + b"bc\x1b[1G\x1b[2@", ("  " + "a" * 18,)),
    Vector("IL", b"1\r\n2\r\n3\x1b[2;1H\x1b[L", ("1", "", "2", "3"), (0, 1)),
    Vector("DL", b"1\r\n2\r\n3\x1b[1;1H\x1b[M", ("2", "3"), (0, 0)),
    Vector("insert mode", b"abc\x1b[1G\x1b[4hX\x1b[4lY", ("XYbc",)),
    Vector("REP repeats the last character", b"ab\x1b[3b", ("abbbb",)),
    # regions
    Vector("a scroll region scrolls alone", FILLED + b"\x1b[2;4r\x1b[4;1H\nX", ("1", "3", "4", "X", "5")),
    Vector("DECSTBM goes home", b"abc\x1b[2;4rX", ("Xbc",)),
    Vector("RI at the top of a region", FILLED + b"\x1b[2;4r\x1b[2;1H\x1bMX", ("1", "X", "2", "3", "5")),
    Vector("SU and SD", FILLED + b"\x1b[2S\x1b[T", ("", "3", "4", "5")),
    Vector("IL stays within the region", FILLED + b"\x1b[2;4r\x1b[2;1H\x1b[L", ("1", "", "2", "3", "5")),
    Vector("origin mode counts from the region", b"\x1b[2;4r\x1b[?6h\x1b[1;1HX", ("", "X")),
    Vector("DECSLRM limits the columns", b"\x1b[?69h\x1b[3;6s\x1b[1;3Habcdef", ("  abcd", "  ef")),
    # the alternate screen
    Vector("1049 hides the main screen", b"main\x1b[?1049halt", ("    alt",), (7, 0)),
    Vector("1049 brings it back, with its cursor", b"main\x1b[?1049h\x1b[Halt\x1b[?1049lX", ("mainX",)),
    Vector("1047 clears the alternate screen", b"m\x1b[?1047ha\x1b[?1047l\x1b[?1047h\x1b[?1047l", ("m",)),
    # characters
    Vector("a wide character takes two cells", "中x".encode(), ("中x",), (3, 0)),
    Vector("a wide one that does not fit wraps whole", b"a" * 19 + "中".encode(), ("a" * 19, "中"), (2, 1)),
    Vector("half of a wide one overwritten goes whole", "中\x1b[2GX".encode(), (" X",)),
    Vector("a combining mark joins", "e\u0301x".encode(), ("e\u0301x",), (2, 0)),
    Vector("bytes that are no UTF-8", b"a\xff\xfeb", ("a\ufffd\ufffdb",), (4, 0)),
    Vector("line drawing", b"\x1b(0lqk\x1b(Bx", ("┌─┐x",)),
    Vector("shift out and in", b"\x1b)0q\x0eq\x0fq", ("q─q",)),
    # resets and tests
    Vector("RIS clears everything", b"abc\x1b[2;3r\x1b[31m\x1bcX", ("X",), (1, 0)),
    Vector("DECALN fills the screen", b"\x1b#8", ("E" * 20,) * 5, (0, 0)),
    Vector("DECSTR resets the region", FILLED + b"\x1b[2;3r\x1b[!p\x1b[5;1H\nX", ("2", "3", "4", "5", "X")),
    # strings that must not show
    Vector("an OSC is not text", b"a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b]8;;\x1b\\d", ("abcd",)),
    Vector("DCS, APC, PM and SOS are not text", b"a\x1bPq#0\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d\x1bXz\x1b\\e", ("abcde",)),
    Vector("CAN breaks a sequence off", b"a\x1b[3\x18b", ("ab",)),
    Vector("a control inside a sequence acts at once", b"ab\x1b[\x081GX", ("Xb",)),
    Vector("an unknown sequence does nothing", b"a\x1b[999zb\x1b[?9999hc", ("abc",)),
    Vector("vim's first words leave no trace", b"\x1b[>4;2m\x1b[?4m\x1b[22;0;0t\x1b[>cX", ("X",)),
    Vector(
        "8-bit controls over UTF-8 are dropped", "a\u009b31mb".encode(), ("a31mb",),
        known="xterm obeys U+009B; over UTF-8 it is nearly always damaged text, and other terminals ignore it",
    ),
    Vector(
        "the program can't resize the window", b"\x1b[8;3;7t" + b"a" * 20, ("a" * 20,),
        known="xterm resizes its window; the pane's size is the console's",
    ),
    Vector(
        "132 columns are not offered", b"\x1b[?40h\x1b[?3hab", ("ab",),
        known="xterm clears and resizes when mode 40 allows it; the pane's size is the console's",
    ),
    Vector(
        "a family is its first sign", "👩\u200d👩\u200d👧x".encode(), ("👩x",), (3, 0),
        known="terminals disagree about the width of joined emoji; a wrong guess would tear the frame. libghostty-vt "
        "counts them one by one, as the C library of the program does, unless the program sets mode 2027",
        native=("👩👩👧x",), native_cursor=(7, 0),
    ),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_the_screen_after(bench: Bench, vector: Vector) -> None:
    engine, _answers = await bench.fed(vector.data)
    frame = await engine.sync()
    rows, cursor = vector.asked(bench.kind)
    assert texts(frame) == rows
    if cursor is not None:
        assert frame.cursor is not None
        assert (frame.cursor.column, frame.cursor.row) == cursor


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_cuts_between_bytes_change_nothing(bench: Bench, vector: Vector) -> None:
    engine, _answers = await bench.fed(*(bytes([byte]) for byte in vector.data))
    assert texts(await engine.sync()) == vector.asked(bench.kind)[0]


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


async def test_a_string_that_never_ends_costs_no_memory() -> None:
    engine, _answers = await fed(b"\x1b]52;c;")
    for _ in range(64):
        await engine.feed(b"A" * 65536)
    assert len(engine._board.parser.buffer) < 1000
    await engine.feed(b"\x07after")
    assert texts(engine.frame()) == ("after",)


async def test_a_sequence_that_never_ends_costs_no_memory() -> None:
    engine, _answers = await fed(b"\x1b[", *[b"1;" * 4096] * 16, b"m\x1b[2J\x1b[Hafter")
    assert len(engine._board.parser.buffer) < 10_000
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
