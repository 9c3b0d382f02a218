"""When a session began whose server was started several times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labeltui.domain.reading import Reading
from labeltui.domain.rules.pace import Use, pace, people, session_start
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue

STARTED = datetime(2026, 11, 23, 17, tzinfo=UTC)
START, USE, RESTART, END = Use.START, Use.USE, Use.RESTART, Use.END


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
        ([(0.001, RESTART), (10, START)], 10),
        ([(-0.01, RESTART), (10, START)], 10),  # the clock of the host is behind
        ([(-1, RESTART), (10, START)], 0),
    ],
)
def test_a_session_continues_while_its_server_was_not_long_down(
    uses: list[tuple[float, Use]], hours: int
) -> None:
    before = [(STARTED - timedelta(hours=ago), use) for ago, use in uses]
    assert STARTED - session_start(STARTED, before) == timedelta(hours=hours)


def test_a_long_queue_has_a_pace_that_follows_its_labels() -> None:
    now = STARTED + timedelta(hours=2)
    listed = tuple(Study(f"case_{number}") for number in range(20_000))
    labelled = (
        tuple(study._replace(tags={"final": now}, authors={"final": "ana"}) for study in listed[:30])
        + listed[30:]
    )
    for studies, labels in ((listed, 0), (labelled, 30), (listed, 0)):
        queue = Reading(StudyQueue(len(studies), labels, studies))
        going = pace(SessionState(Identity("p"), queue=queue, session_began=STARTED), now)
        assert going is not None
        assert (going.labels, going.per_hour) == (labels, labels / 2)


def test_labels_that_lay_on_disk_before_the_server_started_are_not_counted() -> None:
    now = STARTED + timedelta(hours=2)
    found = Study("found", {"final": STARTED + timedelta(seconds=3)})  # the time of the server's scan
    made = Study("made", {"final": now}, authors={"final": "ana"})
    queue = Reading(StudyQueue(2, 2, (found, made)))
    going = pace(SessionState(Identity("p"), queue=queue, session_began=STARTED), now)
    assert going is not None
    assert (going.labels, going.per_hour) == (1, 0.5)


def test_the_annotators_of_a_long_list_are_known() -> None:
    fetches = (Fetch("first", "ben", STARTED),)
    listed = tuple(Study(f"s{number:05}", fetches=fetches[: number == 7000]) for number in range(8000))
    state = SessionState(Identity("p"), queue=Reading(StudyQueue(8000, 0, listed), STARTED))
    assert people(state) == ("ben",)
