"""Lines of a log are drawn as text, and searches give the same result as a search of each line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from labeltui.domain.log.query import parse_query
from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.filtering import matcher_of
from labeltui.ui.widgets.log.columns import Columns, Tones, columns_for, short_logger
from labeltui.ui.widgets.log.query import Errors, Sieve
from labeltui.ui.widgets.log.text import LONGEST, Laid, lay, lit, sgr, wrapped
from tests.indexed_log import IndexedLog
from tests.paths import MONAILABEL

RECORDED = sorted(MONAILABEL.glob("log_*.txt"))
TONES = Tones(
    Style(),
    Style(dim=True),
    Style(color="yellow"),
    Style(color="red"),
    Style(bold=True),
    Style(),
    Style(italic=True),
)
RAW = Columns(raw=True)
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [%s] (monailabel.datastore.local:408) - "


def laid(raw: bytes, columns: Columns = RAW) -> Laid:
    return lay(raw, len(raw), columns, TONES)


def drawn(raw: bytes, columns: Columns = RAW) -> str:
    line = laid(raw, columns)
    return "".join(segment.text for segment in line.head) + line.text


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda t: t.encode("utf-8", "replace"))))
def test_no_character_that_a_terminal_obeys_is_drawn(raw: bytes) -> None:
    for columns in (RAW, Columns()):
        for text in (drawn(raw, columns), drawn(HEAD % b"INFO" + raw, columns)):
            assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u200b\ufeff" for c in text)


@given(st.text(alphabet="ab 漢é\t\x1b[0;31m", max_size=80), st.integers(2, 20))
def test_wrapping_loses_nothing_and_fits(text: str, width: int) -> None:
    line = laid(text.encode())
    pieces = wrapped(line.body, width)
    assert "".join(piece.text for piece in pieces) == line.text
    assert all(piece.cell_length <= width for piece in pieces)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mred\x1b[0m plain", "red plain"),
        (b"\x1b[38:2::1:2:3mred\x1b[m", "red"),
        (b"\x1b]0;title\x07", "␛]0;title␇"),
        (b"\x1b[2J\x1b[A\x1b[31", "␛[2J␛[A␛[31"),
        (b"a\tb", "a       b"),
        ("漢\tb".encode(), "漢      b"),
        (b"[red]x[/]", "[red]x[/]"),
        (b"\xff\xc3", "��"),
        ("\u202eevil".encode(), "\\u202eevil"),
    ],
)
def test_what_a_line_shows(raw: bytes, text: str) -> None:
    assert drawn(raw) == text


def test_columns() -> None:
    line = HEAD % b"WARNING" + b"Saving \x1b[32mlabel\x1b[0m"
    assert drawn(line, Columns()) == "17:02:20 W datastore      Saving label"
    assert drawn(line, columns_for(40, raw=False)) == "17:02 W Saving label"
    wide = drawn(line, columns_for(150, raw=False))
    assert wide == "17:02:20.004 ▲ WARN  monailabel.datastore.local   Saving label"
    assert (
        drawn(b"Traceback (most recent call last):", Columns())
        == " " * 9 + "Traceback (most recent call last):"
    )
    assert drawn(b"2026-11-23 17:08:28,630 - INFO - Epoch: 1/3", Columns()).split() == [
        "17:08:28",
        "I",
        "Epoch:",
        "1/3",
    ]
    label = next(segment for segment in laid(line, Columns()).body if segment.text == "label")
    assert label.style is not None
    assert label.style.color is not None
    assert label.style.color.number == 2


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recorded_line_keeps_its_words(path: Path) -> None:
    for raw in path.read_bytes().split(b"\n"):
        if b"\t" in raw or b"\r" in raw or b"\x1b" in raw:
            continue
        text = raw.decode("utf-8", "replace")
        assert drawn(raw) == text
        message = laid(raw, Columns()).text
        assert text.endswith(message)
        assert message or not text.strip() or text.rstrip().endswith("-")


def test_colours() -> None:
    assert sgr(Style.null(), "1;38;5;196") == Style(bold=True, color="color(196)")
    assert sgr(Style.null(), "38:2::1:2:3") == sgr(Style.null(), "38;2;1;2;3") == Style(color="#010203")
    assert sgr(Style(bold=True), "0;94") == Style(color="color(12)")
    assert sgr(Style(bold=True), "") == Style.null()
    for odd in ("38", "38;5", "38;5;999", "48;2;1;2", "999", ";;", "38;2;9;9;999", "58;5;1", "4:3", ":::"):
        sgr(Style.null(), odd)


@given(st.text(alphabet="0123456789;:", max_size=64))
def test_any_parameters_of_a_colour_are_taken(parameters: str) -> None:
    assert isinstance(sgr(Style.null(), parameters), Style)


def test_short_loggers() -> None:
    assert short_logger("monailabel.datastore.local", 20) == "datastore.local"
    assert short_logger("ignite.engine.engine.SupervisedTrainer", 20) == "SupervisedTrainer"
    assert short_logger("monailabel.datastore.local", 12) == "datastore"
    assert short_logger("ignite.engine.engine.SupervisedTrainer", 14) == "Supervi…rainer"
    assert short_logger("main", 12) == "main"


def test_a_line_of_fifty_megabytes_is_drawn_at_once() -> None:
    store = LogStore()
    store.feed(0, b"x" * 50_000_000)
    raw, total = store.last_drawing(0, LONGEST)
    assert (len(raw), total) == (LONGEST, 50_000_000)
    assert lay(raw, total, RAW, TONES).text.endswith("… 48M more")


def test_matches_are_lit_across_colours() -> None:
    question = parse_query("d pl")
    assert question is not None
    assert question.shown is not None
    segments = lit(laid(b"\x1b[31mred\x1b[0m plain").body, [question.shown], TONES.match)
    assert [segment.text for segment in segments if segment.style and segment.style.bold] == ["d", " pl"]
    assert "".join(segment.text for segment in segments) == "red plain"


ROWS = ["Saving label liver_042", "saving LABEL", "Epoch 1/2", "", "a[b", "~x", "é è É", "x" * 50]


@given(
    st.sampled_from(
        [
            "label",
            "!label",
            "LABEL",
            "~slb",
            "^s",
            "\\d",
            "a\\[b",
            "!^$",
            "é",
            "~éè",
            "[ -b]l",
            "[s-t]a",
            "\\x4c",
            "x{9}",
            "",
            "~",
        ]
    )
)
def test_the_grammar_is_that_of_the_queue(question: str) -> None:
    store = LogStore()
    store.feed(0, "\n".join(ROWS).encode())
    query, keeps = parse_query(question), matcher_of(question)
    if query is None or keeps is None:
        assert query is None
        assert keeps is None
        return
    sieve = Sieve(store, query)
    assert sieve.advance(1.0)
    assert [ROWS[line] for line in sieve.lines] == [row for row in ROWS if keeps(row)]


@pytest.mark.parametrize("text", ["[", "(", "*", "!(", "a{2,1}"])
def test_what_is_no_expression_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        parse_query(text)


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"ab", b"\n"]), max_size=30))
def test_a_sieve_follows_what_comes(pieces: list[bytes]) -> None:
    store = LogStore()
    first, second = parse_query("a"), parse_query("!b")
    assert first is not None
    assert second is not None
    outer = Sieve(store, first)
    inner = Sieve(store, second, outer)
    for piece in pieces:
        store.feed(store.size, piece)
        assert outer.advance(1.0)
        assert inner.advance(1.0)
        lines = store.lines(0, store.line_count)
        assert list(outer.lines) == [i for i, line in enumerate(lines) if b"a" in line]
        assert list(inner.lines) == [i for i, line in enumerate(lines) if b"a" in line and b"b" not in line]
    store.begin("r2", "/log")
    store.feed(0, b"xa")
    assert outer.advance(1.0)
    assert list(outer.lines) == [0]


def test_an_error_and_its_tracebacks_are_one() -> None:
    store = IndexedLog()
    traceback = b"Traceback (most recent call last):\n  x\nE: a\n"
    tracebacks = traceback + b"\nDuring handling:\n\n" + traceback
    store.feed(0, HEAD % b"ERROR" + b"bad\n" + tracebacks + HEAD % b"INFO" + b"fine\n" + tracebacks)
    store.feed(
        store.size, b"2026-11-23 17:02:20,004 - ERROR - Exception: x\n" + HEAD % b"CRITICAL" + b"worse\n"
    )
    errors = Errors(store)
    assert errors.advance(1.0)
    assert list(errors.lines) == [0, 11, 20, 21]
    assert (errors.after(0), errors.before(11), errors.place(11), errors.place(12)) == (11, 0, 2, None)
    assert (errors.after(21), errors.before(0)) == (None, None)


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        (b"[2026-11-23 17:26:25,612][ERROR](monai) - a worker's", True),
        (b"[2026-11-23 17:26:25,612] [timeloop] [ERROR] bare", True),
        (HEAD % b"INFO" + b"a label named [ERROR] or x - ERROR - y", False),
        (b"no ERROR] here, and no Traceback (most recent call last)", False),
        (HEAD % b"WARNING" + b"careful", False),
    ],
)
def test_what_is_an_error(line: bytes, is_one: bool) -> None:
    store = IndexedLog()
    store.feed(0, line + b"\n")
    errors = Errors(store)
    assert errors.advance(1.0)
    assert bool(errors.lines) is is_one


def test_a_question_within_a_question_is_answered_though_another_run_began() -> None:
    store = LogStore()
    store.feed(0, b"a 1\na 2\n")
    first, second = parse_query("a"), parse_query("2")
    assert first is not None
    assert second is not None
    outer = Sieve(store, first)
    inner = Sieve(store, second, outer)
    assert outer.advance(0.1)
    assert inner.advance(0.1)
    assert list(inner.lines) == [1]
    store.begin("r2", "/other")
    store.feed(0, b"2\na 1\na 2\na 2\n")
    assert any(inner.advance(0.01) for _ in range(20)), "it is not asked for ever"
    assert list(inner.lines) == [2, 3]
