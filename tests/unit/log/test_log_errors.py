"""Errors are the same ones for the strip, which reads records, and for the pane, which searches bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.log.errors import ErrorReader
from labeltui.domain.log.lines import parse_line
from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.log.query import Errors

RECORDED = Path(__file__).parents[2] / "fixtures" / "monailabel"
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [%b] (monailabel.utils.async_tasks.utils:83) - "
INFO, ERROR = HEAD % b"INFO", HEAD % b"ERROR"
TRACEBACK = b"Traceback (most recent call last):\n  File x\nKeyError: 1\n"
ENDED, STOPPED = INFO + b"Return code: -9\n", INFO + b"Killed background process: 4711\n"


def of_records(data: bytes) -> list[int]:
    reader = ErrorReader()
    lines = data.decode("utf-8", "replace").split("\n")
    return [index for index, line in enumerate(lines) if reader.feed(parse_line(line))]


def of_bytes(data: bytes) -> list[int]:
    store = LogStore()
    store.feed(0, data)
    errors = Errors(store)
    while not errors.advance(1.0):
        continue
    return list(errors.lines)


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (ERROR + b"a\n" + INFO + b"b\n" + ERROR + b"c\n", [0, 2]),
        (ERROR + b"a\n" + TRACEBACK + INFO + b"b\n" + TRACEBACK, [0, 5]),
        (TRACEBACK + TRACEBACK, [0]),
        (b"2026-11-23 17:08:28,630 - ERROR - x\n[2026-11-23 17:08:28.630][FATAL](a) - y\n", [0, 1]),
        (INFO + b"ERROR] in a message\n" + INFO + b"Return code: 1\n", []),
        (ENDED, [0]),
        (STOPPED + INFO + b"x\n" + ENDED + ENDED, [3]),
        (b"Return code: -9\n", []),
    ],
)
def test_errors(data: bytes, errors: list[int]) -> None:
    assert of_records(data) == errors
    assert of_bytes(data) == errors


@pytest.mark.parametrize("path", sorted(RECORDED.glob("log_*.txt")), ids=lambda path: path.stem)
def test_recordings(path: Path) -> None:
    assert of_records(path.read_bytes()) == of_bytes(path.read_bytes())


PIECES = st.sampled_from([
    ERROR + b"a\n", INFO + b"b\n", TRACEBACK, ENDED, STOPPED, b"bare\n", b"  indented\n", b"\n",
    b"\r 10%|#\n", ERROR + b"Traceback (most recent call last):\n  File x\nA: 1\n",
])  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_both_ways_agree(data: bytes) -> None:
    assert of_records(data) == of_bytes(data)
