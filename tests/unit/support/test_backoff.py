"""Waits between tries double, are capped, and differ from one console to the next."""

from __future__ import annotations

import pytest

from labeltui.support.backoff import backoff_s, jittered


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_waits_double_up_to_the_cap_whatever_the_number_of_failures() -> None:
    waits = [backoff_s(failures, 0.5, 10.0, uniform=middle) for failures in (1, 2, 3, 4, 5, 6, 7, 100_000)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


def test_the_jitter_comes_after_the_cap_and_spans_the_whole_spread() -> None:
    low = backoff_s(20, 1.0, 8.0, (0.5, 1.5), uniform=lambda low, _high: low)
    high = backoff_s(20, 1.0, 8.0, (0.5, 1.5), uniform=lambda _low, high: high)
    assert (low, high) == (4.0, 12.0)


def test_two_consoles_wait_differently() -> None:
    waits = {jittered(1.0, (0.9, 1.1)) for _ in range(20)}
    assert len(waits) > 1
    assert all(wait == pytest.approx(1.0, abs=0.1) for wait in waits)
