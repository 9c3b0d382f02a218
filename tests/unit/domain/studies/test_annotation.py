"""The time that a label took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labeltui.domain.rules.pace import expected_end
from labeltui.domain.studies.annotation import Work, work_between, work_on

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("submitted", "activity", "work"),
    [
        (12, (), Work(720)),
        (15, (), Work(900)),
        (40, (), Work(900, 1500)),
        (40, (10, 20, 30), Work(2400)),
        (60, (5, 10), Work(300 + 300 + 900, 2100)),
        (10, (-30, 500), Work(600)),
        (0, (), None),
        (-5, (), None),
    ],
)
def test_pauses_over_15_minutes_are_cut(
    submitted: float, activity: tuple[float, ...], work: Work | None
) -> None:
    assert work_between(START, after(submitted), [after(minutes) for minutes in activity]) == work


@pytest.mark.parametrize(
    ("fetched", "submitted", "activity", "work"),
    [
        ((0,), (12,), (), Work(720)),
        ((0,), (10, 14), (), Work(840)),
        ((0,), (10, 300), (), Work(600 + 900, 275 * 60)),
        ((0,), (10, 300), (11, 60, 120, 180, 240, 295), Work(600 + 300, 285 * 60)),  # other studies' time
        ((0, 290), (10, 300), (), Work(600 + 600, 280 * 60)),
        ((0, 5), (10,), (), Work(300)),
        ((20,), (10, 30), (), Work(600)),
        ((20,), (10,), (), None),
        ((), (10,), (), None),
    ],
)
def test_work_ends_with_the_last_label_and_leaves_out_what_came_between(
    fetched: tuple[float, ...], submitted: tuple[float, ...], activity: tuple[float, ...], work: Work | None
) -> None:
    times = [[after(minutes) for minutes in given] for given in (fetched, submitted, activity)]
    assert work_on(*times) == work


def test_an_end_is_expected_only_at_a_known_rate() -> None:
    assert expected_end(6, 4.0, START) == after(90)
    assert expected_end(0, 4.0, START) is None
    assert expected_end(6, None, START) is None
    assert expected_end(6, 0.0, START) is None
    assert expected_end(10**9, 0.5, START) is None
