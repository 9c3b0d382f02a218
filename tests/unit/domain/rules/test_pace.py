"""When a session began whose server was started several times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labeltui.domain.rules.pace import Use, session_start

STARTED = datetime(2026, 11, 23, 17, tzinfo=UTC)
START, USE, END = Use.START, Use.USE, Use.END


@pytest.mark.parametrize(
    ("uses", "hours"),
    [
        ([], 0),
        ([(1, START)], 1),
        ([(9, START)], 0),  # its end is not known
        ([(1, END), (12, START)], 12),
        ([(9, END), (12, START)], 0),
        ([(1, END), (12, END)], 1),  # the first stop found no server
        ([(2, USE), (5, START), (20, END)], 5),
        ([(-1, USE), (3, START)], 3),
    ],
)
def test_a_session_continues_while_its_server_was_not_long_down(
    uses: list[tuple[int, Use]], hours: int
) -> None:
    before = [(STARTED - timedelta(hours=ago), use) for ago, use in uses]
    assert STARTED - session_start(STARTED, before) == timedelta(hours=hours)
