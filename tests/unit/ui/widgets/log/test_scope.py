"""A scope selects the same records as a check of each record would. Lines are found by their time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.log.errors import ErrorIndex
from labeltui.domain.log.filter import Scope
from labeltui.domain.log.lines import LineKind, parse_line
from labeltui.session.log.blocks import Blocks
from labeltui.session.log.store import LogStore
from labeltui.ui.panes.log.reading import scope_of
from labeltui.ui.widgets.log import scope as logview_scope
from labeltui.ui.widgets.log.scope import Scoped, line_at, record_around, time_at
from tests.indexed_log import IndexedLog

WALL = datetime(2026, 11, 23, 17, 30)
LINES = st.sampled_from(
    [
        "[2026-11-23 17:00:00,004] [42] [MainThread] [INFO] (monailabel.main:12) - App Init",
        "[2026-11-23 17:10:00,000] [42] [Main] [WARNING] (py.warnings:1) - old",
        "[2026-11-23 17:20:00,500] [42] [MainThread] [ERROR] (uvicorn.error:4) - Exception",
        "[2026-11-23 17:20:00,501][ DEBUG](monai.Error) - multi",
        "2026-11-23 17:15:00,000 - INFO - Epoch: 1/2",
        "2026-11-23 17:16:00,000 - CRITICAL - no",
        "2026-11-23 17:16:00,500 - INFO - ERROR - a message",
        "2026-11-23 17:17:00,000 - ignite.engine.ErrorTrainer - WARNING - INFO - slow",
        "2026-11-23 17:17:30,000 - uvicorn - ERROR - it", "2026-11-23 17:17:40,000 - uvicorn - odd - it",
        "Traceback (most recent call last):", "ValueError: [ERROR] (uvicorn)", "",
        "[2026-11-23 17:12:00,000] [42] [Main] [INFO] (monailabel.utils.async_tasks.utils:83) - Return code: -9",
        "INFO:     127.0.0.1:55824 - 500", "ERROR:    Exception in ASGI application",
    ]
)  # fmt: skip
SCOPES = st.builds(
    Scope,
    st.sampled_from(["", "INFO", "WARNING", "ERROR"]),
    st.sampled_from(["", "UVICORN", "error"]),
    st.sampled_from([None, datetime(2026, 11, 23, 17, 10), datetime(2026, 11, 23, 17, 20, 0, 500_000)]),
    st.sampled_from([None, datetime(2026, 11, 23, 17, 15), datetime(2026, 11, 23, 17, 20, 0, 500_000)]),
)


def naive(lines: list[str], scope: Scope, first: int) -> list[int]:
    matches, above = [], None
    errors = ErrorIndex()
    for line in lines:
        errors.feed(parse_line(line))
    for number, line in enumerate(lines):
        if number < first:
            continue
        record = parse_line(line)
        if record.kind is not LineKind.BARE:
            above = record
        error = errors.of(number)
        failing = error is not None and error.first >= first
        inside = scope.matches(above or record, error=failing) if above or failing else False
        if inside or not scope:
            matches.append(number)
    return matches


@pytest.fixture(scope="module", autouse=True)
def _in_no_order() -> Iterator[None]:
    """The lines of these tests come in no order at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logview_scope, "DISORDER", timedelta(hours=1))
        yield


@given(st.lists(LINES, max_size=30), st.lists(LINES, max_size=8), SCOPES, st.integers(0, 12))
def test_the_filter_matches_what_each_record_says(
    lines: list[str], later: list[str], scope: Scope, first: int
) -> None:
    store = IndexedLog(Blocks(in_memory=64, block=128))
    store.begin("r1", "/log")
    store.feed(0, "".join(f"{line}\n" for line in lines).encode())
    first = min(first, len(lines))
    sieve = Scoped(store, scope, first)
    sieve.advance(1.0)
    store.feed(store.size, "".join(f"{line}\n" for line in later).encode())
    while not sieve.advance(1.0):
        continue
    assert list(sieve.lines) == naive(lines + later, scope, first)
    store.begin("r2", "/log")
    store.feed(0, "".join(f"{line}\n" for line in later).encode())
    sieve.advance(1.0)
    assert list(sieve.lines) == naive(later, scope, 0)


def test_lines_much_too_old_or_too_new_are_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 11, 23, 0, 0)
    text = [
        f"[{start + timedelta(seconds=number):%Y-%m-%d %H:%M:%S},000] [1] [T] [INFO] (x:1) - n\n  under\n"
        for number in range(40_000)
    ]
    store = LogStore()
    store.begin("r1", "/log")
    store.feed(0, "".join(text).encode())
    searched: list[int] = []
    matching = store.matching

    def counted(pattern: re.Pattern[bytes], first: int, stop: int) -> list[int]:
        searched.append(first)
        return matching(pattern, first, stop)

    monkeypatch.setattr(store, "matching", counted)
    scope = Scope(since=start + timedelta(seconds=30_000), until=start + timedelta(seconds=30_009))
    sieve = Scoped(store, scope)
    sieve.advance(9.0)
    assert list(sieve.lines) == list(range(60_000, 60_020))
    assert 0 < len(searched) <= 3


def test_lines_by_time() -> None:
    store = LogStore()
    start = datetime(2026, 11, 23, 17, 0)
    text = [
        f"[{start + timedelta(seconds=10 * number):%Y-%m-%d %H:%M:%S},000] [1] [T] [INFO] (x:1) - n\n  under\n"
        for number in range(100)
    ]
    store.begin("r1", "/log")
    store.feed(0, ("bare\n" + "".join(text)).encode())
    assert time_at(store, 0) is None
    assert time_at(store, 4) == start + timedelta(seconds=10)
    assert line_at(store, start) == 1
    assert line_at(store, start + timedelta(seconds=11)) == 5
    assert line_at(store, start + timedelta(days=1)) == 201
    assert record_around(store, 4) == record_around(store, 3) == range(3, 5)
    assert record_around(store, 0) == range(1)


def test_a_scope_as_it_is_typed() -> None:
    assert scope_of("warn @uvicorn >17:02 < 17:10", WALL) == Scope(
        "WARNING", "uvicorn", datetime(2026, 11, 23, 17, 2), datetime(2026, 11, 23, 17, 10, 59, 999_999)
    )
    assert scope_of(" ", WALL) == scope_of(">", WALL) == Scope()
    for text in ("loud", ">soon", "<25:61"):
        with pytest.raises(ValueError, match=r"level|time"):
            scope_of(text, WALL)
