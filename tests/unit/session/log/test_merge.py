"""stdout and app.log become one: every line that was written, once, in order, however both are delivered."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.session.log import merge as logmerge
from labeltui.session.log.merge import Merger, Piece
from labeltui.session.log.splitter import LineSplitter

START = datetime(2026, 11, 23, 17, 0)


def stamped(seconds: float, message: str) -> bytes:
    at = START + timedelta(seconds=seconds)
    return f"[{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}] [1] [T] [INFO] (x:1) - {message}".encode()


@dataclass
class Line:
    text: bytes
    own: bool
    other: bool


TEXTS = [
    b"",
    b'  File "x.py"',
    b"10%\r20%",
    b"Traceback (most recent call last):",
    b"\xff\xfe",
    "é𝔘".encode(),
]
WHERE = ["both", "both", "both", "own", "other"]


def written(rng: random.Random) -> list[Line]:
    """What a server and others wrote, in the order in which they did."""
    lines, second = [], 0.0
    for number in range(rng.randrange(30)):
        where = rng.choice(WHERE)
        own, other = where != "other", where != "own"
        if rng.random() < 0.6:
            second += rng.choice([0.0, 0.001, 1.0, 5.0])
            lines.append(Line(stamped(second, f"record {number // rng.randint(1, 3)}"), own, other))
        else:
            lines.append(Line(rng.choice(TEXTS), own, other))
    return lines


def jittered(rng: random.Random, lines: list[Line]) -> list[Line]:
    """As app.log has them: neighbours may have changed places."""
    lines = list(lines)
    for at in range(len(lines) - 1):
        if rng.random() < 0.1:
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return lines


def needed(lines: list[Line]) -> dict[bytes, int]:
    """How often each text must be there: as often as in the file that has it most often."""
    own = [line.text for line in lines if line.own]
    other = [line.text for line in lines if line.other]
    return {text: max(own.count(text), other.count(text)) for text in {*own, *other}}


def joined(lines: list[Line], source: str) -> bytes:
    return b"".join(line.text + b"\n" for line in lines if getattr(line, source))


@settings(max_examples=400)
@given(st.integers(0, 2**32))
def test_every_line_once_and_stdout_in_its_order(seed: int) -> None:
    rng = random.Random(seed)
    lines = written(rng)
    own, other = joined(lines, "own"), joined(jittered(rng, lines), "other")
    merger, out, at, wrote = Merger(), list[Piece](), 0, 0
    merger.with_app_log("1-1.0", 0)
    while at < len(own) or wrote < len(other):
        length = rng.randint(1, 200)
        if rng.random() < 0.5:
            again = max(0, at - rng.choice([0, 0, 7]))  # some bytes come twice
            out += merger.own(again, own[again : at + length])
            at = min(len(own), at + length)
        else:
            again = max(0, wrote - rng.choice([0, 0, 7]))
            wrote = min(len(other), wrote + length)
            out += merger.other("1-1.0", again, other[again:wrote], at_end=rng.random() < 0.5)
        if rng.random() < 0.1:
            out += merger.flush()
    out += merger.other("1-1.0", wrote, b"", at_end=True)
    out += merger.decide(merger.undecided)
    assert merger.idle
    assert b"".join(piece.data for piece in out if piece.own) == own
    merged = b"".join(piece.data for piece in out).split(b"\n")[:-1]
    assert {text: merged.count(text) for text in merged} == needed(lines)


@settings(max_examples=400)
@given(st.integers(0, 2**32))
def test_where_both_are_read_from_the_start_all_is_in_order(seed: int) -> None:
    """As long as app.log is being read from further back, nothing of stdout overtakes it."""
    rng = random.Random(seed)
    lines = written(rng)
    own, other = joined(lines, "own"), joined(lines, "other")
    merger, out, at, wrote = Merger(), list[Piece](), 0, 0
    merger.with_app_log("", 0)
    while at < len(own) or wrote < len(other):
        length = rng.randint(1, 200)
        if rng.random() < 0.5:
            out += merger.own(at, own[at : at + length])
            at = min(len(own), at + length)
        else:
            out += merger.other("1-1.0", wrote, other[wrote : wrote + length], at_end=False)
            wrote = min(len(other), wrote + length)
    out += merger.other("1-1.0", wrote, b"", at_end=True)
    out += merger.decide(merger.undecided)
    assert [piece for piece in out if piece.late] == []
    whole = b"".join(piece.data for piece in out).split(b"\n")
    times = [line[1:24] for line in whole if line.startswith(b"[20")]
    assert times == sorted(times)


def test_a_line_of_app_log_only_stands_where_its_time_is() -> None:
    merger = Merger()
    merger.with_app_log("", 0)
    own = stamped(1, "a") + b"\n" + stamped(5, "b") + b"\n"
    out = merger.own(0, own)
    other = b"\n".join([stamped(1, "a"), stamped(3, "from a child"), b"  under it", stamped(5, "b"), b""])
    out += merger.other("1-1.0", 0, other, at_end=True)
    assert merger.undecided, "stdout may still bring it"
    out += merger.decide(merger.undecided)
    assert b"".join(piece.data for piece in out) == other
    assert [piece.data for piece in out if not piece.own] == [
        stamped(3, "from a child") + b"\n",
        b"  under it\n",
    ]


def test_what_comes_after_younger_lines_says_so_and_splits_no_line() -> None:
    merger = Merger()
    merger.with_app_log("", 0)
    out = merger.other("", 0, b"", at_end=True)
    out += merger.own(0, stamped(9, "young") + b"\nhalf a li")
    out += merger.other("1-1.0", 0, stamped(2, "old") + b"\n", at_end=True)
    out += merger.decide(merger.undecided)
    assert [piece.own for piece in out] == [True]
    out += merger.own(merger.received, b"ne\nmore\n")
    assert b"".join(piece.data for piece in out) == (
        stamped(9, "young") + b"\nhalf a line\n" + stamped(2, "old") + b"\nmore\n"
    )
    assert [(piece.late, piece.when) for piece in out if not piece.own] == [
        (True, b"2026-11-23 17:00:02,000")
    ]


def test_nothing_waits_for_an_app_log_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    merger = Merger()
    assert merger.own(0, b"alone\n") == [Piece(True, b"alone\n")]
    merger = Merger()
    merger.with_app_log("", 0)
    assert merger.own(0, b"waits\n") == []
    assert merger.without_app_log() == [Piece(True, b"waits\n")]
    monkeypatch.setattr(logmerge, "PENDING_BYTES", 10)
    merger = Merger()
    merger.with_app_log("", 0)
    assert merger.own(0, b"too much\nto wait\n") == [Piece(True, b"too much\n")]


def test_lines_of_another_run_are_not_taken() -> None:
    merger = Merger()
    merger.with_app_log("1-1.0", 500)
    merger.until = b"2026-11-23 17:00:10,000"
    out = merger.own(0, stamped(1, "a") + b"\n")
    out += merger.other(
        "1-1.0", 500, stamped(1, "a") + b"\n" + stamped(11, "next run's") + b"\n", at_end=False
    )
    assert (merger.over, merger.idle) == (True, True)
    assert b"".join(piece.data for piece in out) == stamped(1, "a") + b"\n"


def test_a_hole_is_refused_and_a_new_file_begins_at_its_start() -> None:
    merger = Merger()
    merger.with_app_log("1-1.0", 4)
    with pytest.raises(ValueError, match="missing"):
        merger.own(1, b"x")
    with pytest.raises(ValueError, match="missing"):
        merger.other("1-1.0", 5, b"x", at_end=True)
    merger.other("1-1.0", 4, b"unfinished", at_end=True)
    merger.other("1-2.0", 0, b"second\n", at_end=True)
    assert (merger.file_id, merger.offset) == ("1-2.0", 7)
    assert [piece.data for piece in merger.decide(merger.undecided)] == [b"unfinished\n", b"second\n"]


@given(st.binary(max_size=200), st.lists(st.integers(1, 20)), st.integers(1, 50))
def test_lines_are_cut_alike_wherever_they_break(data: bytes, cuts: list[int], longest: int) -> None:
    cutter, lines, at = LineSplitter(longest), list[bytes](), 0
    for length in [*cuts, len(data)]:
        lines += cutter.feed(data[at : at + length])
        at += length
    whole = data.split(b"\n")[:-1]
    assert len(lines) == len(whole)
    for line, text in zip(lines, whole, strict=True):
        over = len(text) - longest
        assert line == (text if over <= 0 else text[:longest] + b"... (%d more bytes)" % over)
    assert cutter.in_line == bool(data.split(b"\n")[-1])
