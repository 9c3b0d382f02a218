from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.cli.text import record_line, render, table, visible


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
