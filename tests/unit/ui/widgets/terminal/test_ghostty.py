"""The helper process of the native engine: what it keeps, what it may say, and how it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from labeltui.ui.widgets.terminal.answers import known
from labeltui.ui.widgets.terminal.engine import Cursor, EngineDied, Frame, Modes
from labeltui.ui.widgets.terminal.ghostty import wire
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine, ended, frame_of
from tests.unit.ui.widgets.terminal.test_hostile import check
from tests.unit.ui.widgets.terminal.test_vectors import texts

pytestmark = pytest.mark.skipif(not GhosttyEngine.installed(), reason="no wheel of it here")


@pytest.fixture
async def engine() -> AsyncIterator[GhosttyEngine]:
    engine = await GhosttyEngine.start(20, 5)
    yield engine
    engine.close()
    await engine.closed()


async def test_scrollback_holds_ten_thousand_lines_and_a_reader_stays_where_he_reads(
    engine: GhosttyEngine,
) -> None:
    await engine.feed(b"".join(b"line %d\r\n" % n for n in range(30_000)))
    engine.scroll(-10_000)
    frame = await engine.sync()
    assert frame.behind == 10_000
    assert frame.cursor is None
    assert texts(frame)[0] == "line 19996"
    await engine.feed(b"more\r\n" * 10)
    assert texts(await engine.sync())[0] == "line 19996"
    engine.resize(10, 5)
    assert (await engine.sync()).columns == 10
    engine.scroll_to_end()
    frame = await engine.sync()
    assert (frame.behind, texts(frame)[-1]) == (0, "more")


async def test_more_rows_bring_lines_back_from_the_scrollback(engine: GhosttyEngine) -> None:
    await engine.feed(b"".join(b"line %d\r\n" % n for n in range(20)) + b"$ ")
    engine.resize(20, 10)
    frame = await engine.sync()
    assert texts(frame) == (*(f"line {n}" for n in range(11, 20)), "$")
    assert frame.cursor == Cursor(2, 9)
    engine.resize(20, 5)
    assert texts(await engine.sync()) == (*(f"line {n}" for n in range(16, 20)), "$")


async def test_a_soft_reset_that_is_cut_anywhere_leaves_the_cursor(engine: GhosttyEngine) -> None:
    for byte in b"\x1b[2;4r\x1b[?6h\x1b[4h\x1b[2;3H\x1b[5 q\x1b[!pX\x1b[5;1H\nY":
        await engine.feed(bytes([byte]))
    frame = await engine.sync()
    assert texts(frame) == ("", "  X", "", "", "Y")  # the last line feed scrolled all of it
    assert frame.cursor == Cursor(1, 4, "block")


async def test_odd_characters_take_the_columns_that_the_terminal_gave_them(engine: GhosttyEngine) -> None:
    await engine.feed("\x1b[31m中e\u0301\u202e🇩🇪👍🏽a\u200bb\x1b[44mß─é".encode())
    check(await engine.sync(), 20, 5)


async def test_an_engine_that_was_closed_says_so(engine: GhosttyEngine) -> None:
    engine.close()
    with pytest.raises(EngineDied, match="was ended"):
        await engine.feed(b"x")
    assert engine.frame().columns == 20


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with code 0"), (-4, "crashed (SIGILL)"), (-99, "crashed (signal 99)")]
)
def test_how_it_ended(code: int, words: str) -> None:
    assert ended(code) == words


FRAME_DOCUMENT = {"size": [4, 1], "rows": {"0": [["ab", 2, 1, [300, 2, 3], 1]]}, "cursor": [9, 9, "bar"],
        "modes": {"mouse": "off"}, "title": "a\u001bb", "behind": 0, "bells": 1, "reversed": False}  # fmt: skip
BLANK = Frame(4, ((),), None, Modes())


def test_what_the_helper_sends_is_made_safe() -> None:
    frame = frame_of(
        FRAME_DOCUMENT | {"rows": {"0": [["a\x1b", 2, None, None, 0], [["\u202e", 1], 1, None, None, 0]]}},
        BLANK,
    )
    check(frame, 4, 1)
    assert (frame.title, frame.cursor) == ("ab", Cursor(3, 0, "bar"))


@pytest.mark.parametrize(
    "message",
    [
        FRAME_DOCUMENT | {"rows": {"7": []}},
        FRAME_DOCUMENT | {"modes": {"mouse": "x"}},
        FRAME_DOCUMENT | {"size": 3},
        {},
        FRAME_DOCUMENT | {"modes": {"x": 1}},
    ],
)
def test_what_makes_no_sense_is_refused(message: dict[str, object]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        frame_of(json.loads(json.dumps(message)), BLANK)


def test_messages_come_whole_however_they_are_cut() -> None:
    sent = [(wire.FEED, b"abc"), (wire.SYNC, b""), (wire.FRAME, b"x" * 300)]
    stream, reader = b"".join(wire.message(*one) for one in sent), wire.Reader()
    assert [one for byte in stream for one in reader.take(bytes([byte]))] == sent
    with pytest.raises(wire.Garbled):
        list(reader.take(b"F\xff\xff\xff\xff"))


def test_answers_are_of_known_shapes_only() -> None:
    said = b"\x1b[1;1Rrm -rf\r\x1b]lrm\x1b\\\x1bP>|labeltui\x1b\\\x1bP>|rm\x1b\\"
    assert known(said) == b"\x1b[1;1R\x1bP>|labeltui\x1b\\"
    assert known(b"\x1b[0n" * 1000) == b"\x1b[0n" * 32
