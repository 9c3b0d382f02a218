from __future__ import annotations

import errno
import io
import os
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.cli.output import Output, print_text
from labeltui.cli.text import record_line, render, table
from labeltui.domain.literal import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("\x1b]0;t\x07", "\\x1b]0;t\\x07"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("[red]x[/]", "[red]x[/]"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_nothing_shown_moves_the_cursor(text):
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in visible(text))


def test_a_document_is_aligned_and_unknown_states_are_said():
    text = render(
        {
            "as_of": "t",
            "state": None,
            "pid": None,
            "eta_s": 1.23456,
            "stale": True,
            "stale_because": "timed out",
            "error": {"code": "c", "message": "Went\nwrong."},
            "tunnel": {"as_of": "t", "state": "up"},
            "studies": [
                {"id": "漢", "tags": {"final": None}, "opened_by": []},
                {"id": "b", "tags": {}, "opened_by": []},
            ],
            "alerts": [],
        }
    )
    assert text.splitlines() == [
        "as_of  t",
        "state  unknown",
        "eta_s  1.235",
        "stale  yes (timed out)",
        "error  Went\\nwrong.",
        "tunnel",
        "  as_of  t",
        "  state  up",
        "studies",
        "  ID  TAGS",
        "  漢  final",
        "  b   -",
    ]


def test_a_hostile_cell_stays_in_its_cell():
    assert table([{"id": "a\nb\x1b[2J", "n": 1}]) == ["ID           N", "a\\nb\\x1b[2J  1"]


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"as_of": "t", "epoch": 1, "loss": 0.25, "metrics": {"val_dice": 0.5}, "not_a_number": {}},
         "epoch 1  loss 0.25  metrics val_dice=0.5"),
        ({"line": "x\x07", "index": 3}, "x\\x07"),
        ({"step": "rent", "title": "Rent the pod", "state": "done", "detail": "in EU\x1b[2J", "took_s": 2.6},
         "✓ Rent the pod  in EU\\x1b[2J  (3 s)"),
        ({"step": "venv", "title": "Environment", "state": "failed"}, "✗ Environment  failed"),
        ({"step": "server", "title": "Start the server", "state": "waiting"}, ""),
    ],
)  # fmt: skip
def test_records_are_one_line(record, line):
    assert record_line(record) == line


STUDIES = [
    {
        "id": "case_000",
        "tags": {"final": "2026-11-26T19:34:21.123+00:00", "original": "2026-11-26T19:34:21.123+00:00"},
        "opened_by": [],
        "fetches": [{"strategy": "first", "client": "漢" * 30, "at": "2026-11-26T19:34:21.123+00:00"}],
        "added_at": "2026-11-26T19:34:21.123+00:00",
        "sha256": "0123456789abcdef" * 4,
    },
]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_fits_the_terminal_and_names_the_columns_that_do_not(width):
    lines = table(STUDIES, width)
    assert all(cells_of(line) <= width for line in lines)
    assert lines[0].startswith("ID        TAGS")
    assert lines[1].startswith("case_000  final=")
    assert (lines[-1].startswith("not shown: ") and "--json" in lines[-1]) == (width < 120)


def test_a_table_has_short_times_and_checksums(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    heads, row = table(STUDIES)
    assert heads.split() == ["ID", "TAGS", "FETCHES", "ADDED", "AT", "SHA256"]
    assert "final=2026-11-26 19:34:21, original=2026-11-26 19:34:21" in row
    assert row.endswith("  2026-11-26 19:34:21  0123456789ab")


@pytest.mark.parametrize(("columns", "fits"), [(60, True), (0, False), (None, False)])
def test_only_the_output_to_a_terminal_is_cut(monkeypatch, capfd, columns, fits):
    def size(_fd):
        if columns is None:
            raise OSError(errno.ENOTTY, "")
        return os.terminal_size((columns, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    Output().document({"studies": STUDIES})
    shown = capfd.readouterr().out
    assert ("not shown: " in shown) == fits
    assert all(cells_of(line) <= 60 for line in shown.splitlines()) == fits


def cells_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Terminal(io.TextIOWrapper):
    """A terminal of an encoding."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("locale", "encoding", "written"),
    [
        pytest.param("C", "utf-8", "+ Müller..".encode(), marks=pytest.mark.posix),
        ("C.UTF-8", "utf-8", "✓ Müller …".encode()),
        ("C.UTF-8", "ascii", b"+ M\\xfcller.."),
    ],
)
def test_marks_are_ascii_where_the_terminal_has_no_unicode(monkeypatch, locale, encoding, written):
    monkeypatch.setenv("LC_ALL", locale)
    terminal = Terminal(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    print_text("✓ Müller …", end="")
    assert terminal.buffer.getvalue() == written
