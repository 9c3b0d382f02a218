"""When the next stop may be sent, as a table of answers and seconds."""

from __future__ import annotations

import pytest

from labeltui.domain.guard.stopping import ACCEPTED, FAILED, REFUSED, UNANSWERED, Stops, outcome


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (200, ACCEPTED), (204, ACCEPTED), (409, ACCEPTED), (401, REFUSED), (403, REFUSED), (0, UNANSWERED),
        (429, FAILED), (500, FAILED), (503, FAILED), (400, FAILED), (404, FAILED), (410, FAILED), (302, FAILED),
    ],
)  # fmt: skip
def test_what_an_answer_means(status: int, means: str) -> None:
    assert outcome(status) == means


@pytest.mark.parametrize(
    ("results", "pauses"),
    [
        ([FAILED] * 7, [2, 4, 8, 16, 32, 60, 60]),
        ([UNANSWERED] * 3, [2, 4, 8]),
        ([FAILED, UNANSWERED, FAILED], [2, 4, 8]),
        ([FAILED, FAILED, ACCEPTED, FAILED], [2, 4, 30, 2]),
        ([ACCEPTED] * 4, [30, 30, 60, 60]),
        ([REFUSED, ACCEPTED], [0, 30]),
    ],
)
def test_how_long_the_next_stop_waits(results: list[str], pauses: list[float]) -> None:
    stops, now, waited = Stops(), 0.0, []
    for result in results:
        assert stops.may_send(now)
        stops.note(result, now)
        waited.append(stops.due_at - now)
        now = stops.due_at
    assert waited == pauses


@pytest.mark.parametrize(
    ("sent", "now", "count"),
    [
        ([(ACCEPTED, 0), (ACCEPTED, 30), (ACCEPTED, 60)], 89, 0),
        ([(ACCEPTED, 0), (ACCEPTED, 30), (ACCEPTED, 60)], 90, 3),
        ([(UNANSWERED, 0), (UNANSWERED, 2), (UNANSWERED, 6)], 35, 0),
        ([(UNANSWERED, 0), (UNANSWERED, 2), (UNANSWERED, 6)], 36, 3),
        ([(ACCEPTED, 0), (UNANSWERED, 30), (ACCEPTED, 32)], 62, 3),
        ([(FAILED, 0), (FAILED, 2), (FAILED, 6), (FAILED, 14)], 500, 0),
        ([(ACCEPTED, 0), (FAILED, 30), (ACCEPTED, 32)], 500, 0),
    ],
)
def test_when_stops_have_no_effect(sent: list[tuple[str, float]], now: float, count: int) -> None:
    stops = Stops()
    for result, at in sent:
        stops.note(result, at)
    assert stops.without_effect(now) == count
    stops.settled(now)
    assert stops.without_effect(now + 1000) == 0


def test_never_more_than_six_a_minute_also_when_the_pod_was_used_in_between() -> None:
    stops, sent = Stops(), []
    for now in range(600):
        stops.reset()
        if stops.may_send(float(now)):
            stops.note(FAILED, float(now))
            sent.append(now)
    assert max(sum(at <= other < at + 60 for other in sent) for at in sent) == 6
