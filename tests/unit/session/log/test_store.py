"""The stored lines are those that were written, in order, once; a search finds what a test of each line finds."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.session.log.blocks import CACHED_LONGEST, Blocks
from labeltui.session.log.search import caseless
from labeltui.session.log.store import SEARCH_BLOCK, LogStore

NOW = datetime(2026, 11, 23, 17, 2, 40, tzinfo=UTC)
TEXT = st.text(alphabet="ab \né𝔘\r\x1b[0m\t", max_size=200).map(lambda text: text.encode())
WRITTEN = st.one_of(TEXT, st.binary(max_size=300))


def naive(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def store_of(data: bytes, blocks: Blocks | None = None) -> LogStore:
    store = LogStore(blocks)
    store.begin("r1", "/log")
    store.feed(0, data)
    return store


@given(WRITTEN, st.lists(st.tuples(st.integers(0, 300), st.integers(0, 80)), max_size=40))
def test_whatever_is_delivered_twice_or_cut_anywhere(
    written: bytes, deliveries: list[tuple[int, int]]
) -> None:
    store = LogStore(Blocks(in_memory=20, block=16))
    for offset, length in [*deliveries, (0, len(written))]:
        start = min(offset, len(written))
        piece = written[start : start + length]
        before = store.size
        if start > before:
            with pytest.raises(ValueError, match="missing before offset"):
                store.feed(start, piece)
            assert store.size == before
        else:
            fresh = store.feed(start, piece)
            assert fresh == store.size - before == max(0, start + len(piece) - before)
        assert store.bytes() == written[: store.size]
        assert store.lines(0, store.line_count) == naive(written[: store.size])
    assert store.digest() == hashlib.sha256(written).hexdigest()


@given(st.lists(WRITTEN, max_size=8), st.integers(0, 60), st.integers(1, 60))
def test_blocks_of_any_size_hold_the_same(pieces: list[bytes], in_memory: int, block: int) -> None:
    store = LogStore(Blocks(in_memory, block))
    store.begin("r1", "/log")
    for piece in pieces:
        store.feed(store.size, piece)
    written = b"".join(pieces)
    assert store.bytes() == b"".join(store.pieces()) == written
    assert store.digest() == hashlib.sha256(written).hexdigest()
    assert store.lines(0, store.line_count) == naive(written)
    assert [store.line_size(index) for index in range(store.line_count)] == [len(x) for x in naive(written)]
    assert store.finished_count == written.count(b"\n")
    store.begin("r2", "/log")
    assert (store.size, store.line_count, store.bytes()) == (0, 0, b"")


class FullDisk(io.BytesIO):
    """A file on a disk that has no room for every third write."""

    def __init__(self, **_options: object) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: Any) -> int:
        self.writes += 1
        if self.writes % 3 == 0:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("full", [False, True])
@given(st.lists(WRITTEN, max_size=8), st.integers(0, 60), st.integers(1, 60))
def test_a_line_goes_to_the_file_while_it_grows(
    full: bool, pieces: list[bytes], in_memory: int, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labeltui.session.log.blocks.CACHED_LONGEST", 16)
        if full:
            patch.setattr("tempfile.TemporaryFile", FullDisk)
        store = LogStore(Blocks(in_memory, block))
        store.begin("r1", "/log")
        written = b""
        for piece in pieces:
            store.feed(store.size, piece)
            written += piece
            assert store.tail(1) == naive(written)[-1:]
        assert store.bytes() == written
        assert store.lines(0, store.line_count) == naive(written)


def test_what_is_old_leaves_memory_and_is_read_back() -> None:
    blocks = Blocks(in_memory=1 << 20)
    lines = [b"line %07d of a log that is long\n" % number for number in range(200_000)]
    store = store_of(b"".join(lines), blocks)
    assert blocks.spooled > 4 << 20
    assert store.size - blocks.spooled <= (1 << 20) + (1 << 19)
    assert [store.line(index) for index in (0, 77_777, 199_999)] == [
        lines[n][:-1] for n in (0, 77_777, 199_999)
    ]
    assert list(store.search(re.compile(rb"0012345 "))) == [12_345]


def test_no_room_for_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    blocks = Blocks(in_memory=10, block=10)
    assert store_of(b"0123456789\n" * 50, blocks).bytes() == b"0123456789\n" * 50
    assert blocks.spooled == 0


@pytest.mark.parametrize("ends", [b"", b"\r\r", b"\n", b"\r\n" + b"x\n" * 20])
@pytest.mark.parametrize("drawings", [1, 3])
def test_a_line_of_megabytes(ends: bytes, drawings: int) -> None:
    drawing = b"y" * (CACHED_LONGEST * 2 + 17)
    line = b"first\n" + b"\r".join([drawing] * drawings) + ends
    store = store_of(line, Blocks(in_memory=0, block=1 << 12))
    assert store.last_drawing(1, 10) == (b"y" * 10, len(drawing))
    assert store.line_size(1) == len(line.split(b"\n")[1])
    assert store.bytes() == line


@given(WRITTEN)
def test_byte_by_byte_is_as_in_one_piece(written: bytes) -> None:
    store = LogStore()
    for offset in range(len(written)):
        store.feed(offset, written[offset : offset + 1])
    assert store.lines(0, store.line_count) == naive(written)
    assert store.tail(3) == naive(written)[-3:]
    assert store.finished_count == written.count(b"\n")


PATTERNS = st.sampled_from(
    [
        rb"a", rb"b*", rb"[^a]", rb"[^a]+b", rb"^", rb"$", rb"a$", rb"^b", rb"\s", rb"a\s*b", rb"(?s)a.b", rb"\r",
        rb"a\nb", rb"\bab\b", rb"\Aa", rb"a\Z", rb"(?<!a)b", rb"b(?!a)", rb"(?=a)", rb"[^x]*+b", rb"(?i)AB", rb"",
        rb"a.*b", rb"(a|b)+ ", rb"(?m)^a", rb"(?x) a b",
    ]
)  # fmt: skip


@given(TEXT, PATTERNS, st.integers(0, 30))
def test_a_search_says_what_asking_each_line_would(written: bytes, pattern: bytes, start: int) -> None:
    asked = re.compile(pattern)
    lines = naive(written)
    wanted = [index for index, line in enumerate(lines) if index >= start and asked.search(line)]
    assert list(store_of(written).search(asked, start)) == wanted
    assert list(store_of(written, Blocks(20, 16)).search(asked, start)) == wanted


LOWERED = [
    rb"ab", rb"a b", rb"[^x]b", rb"a\s", rb"b(?!a)", rb"^[^\n]*b$", rb"\x1b\[0", rb"\[0", rb"a.*\[0m", rb"(?:\[0)?",
    rb"a(\[0|b )", rb"  +b", rb" {2}", rb"[\[ ] {0,1}", rb"  ?", rb"  *a", rb" \n", rb"\[0m|  ", rb"\[\d+m",
]  # fmt: skip


@given(
    st.text(alphabet="ab \n[0m\x1b", max_size=200).map(str.encode), st.sampled_from(LOWERED), st.booleans()
)
def test_a_search_in_lower_case(written: bytes, pattern: bytes, small: bool) -> None:
    written = written.replace(b"a", b"A")
    store = store_of(written, Blocks(20, 16) if small else None)
    asked = re.compile(pattern)
    wanted = [index for index, line in enumerate(naive(written)) if asked.search(line.lower())]
    assert store.matching(asked, 0, store.line_count, lowered=True) == wanted


def test_a_search_over_many_blocks_while_lines_come() -> None:
    count = 3 * SEARCH_BLOCK + 5
    store = store_of(b"".join(b"line %d\n" % number for number in range(count)))
    found = []
    for index in store.search(re.compile(rb"7$")):
        found.append(index)
        if index < 100:
            store.feed(store.size, b"more\n")
    assert found == [number for number in range(count) if number % 10 == 7]


@given(st.lists(st.sampled_from([b"10%", b"\r", b"ab", b""]), max_size=8), st.integers(0, 6))
def test_of_a_redrawn_line_its_last_drawing(parts: list[bytes], limit: int) -> None:
    line = b"".join(parts)
    if not line:
        return
    last = line.rstrip(b"\r").rpartition(b"\r")[2]
    assert store_of(line).last_drawing(0, limit) == (last[:limit], len(last))


def test_lines_that_are_not_there() -> None:
    store = store_of(b"one\ntwo")
    for index in (-1, 2):
        for ask in (store.line, store.line_size):
            with pytest.raises(IndexError):
                ask(index)
    assert store.line_size(1) == 3
    assert store.lines(-5, 99) == [b"one", b"two"]


def test_gaps_stand_between_lines_and_are_said_once() -> None:
    store = store_of(b"one\ntwo\n")
    counts: list[int] = []
    stop = store.subscribe(lambda: counts.append(len(store.marks)))
    store.back(NOW)
    store.lost(NOW, "reset")
    store.lost(NOW + timedelta(seconds=1), "again")
    store.back(NOW + timedelta(seconds=7))
    store.back(NOW + timedelta(seconds=9))
    store.feed(8, b"three\n")
    stop()
    store.lost(NOW + timedelta(seconds=20), "later")
    first, second = store.marks
    assert (first.line, first.offset, first.lost_at, first.back_at) == (2, 8, NOW, NOW + timedelta(seconds=7))
    assert (second.line, second.back_at) == (3, None)
    assert counts == [1, 1, 1]


def test_another_run_starts_over() -> None:
    store = store_of(b"one\n")
    store.lost(NOW, "reset")
    before = store.generation
    store.begin("r2", "/other")
    assert (store.size, store.line_count, store.marks, store.run_id) == (0, 0, (), "r2")
    assert store.generation > before
    assert store.feed(0, b"new\n") == 4


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (rb"case_00099\d9 ", b"_00099"), (rb"image", b""), (rb"a \[1", b" [1"), (rb"12|34", b""), (rb"(12)?34", b"34"),
        (rb"123?4", b"12"), (rb"12+34", b"12"), (rb"12{3}45", b"45"), (rb"12*", b""), (rb"\x4142", b""),
        (rb"[0-9]{12}", b""), (rb"12 ", b"12 "), (rb"\.\.", b".."), (b"\xc3\xa9", b""),
    ],
)  # fmt: skip
def test_caseless_characters_that_every_match_contains(pattern: bytes, literal: bytes) -> None:
    assert caseless(pattern) == literal
