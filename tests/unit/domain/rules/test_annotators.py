"""Which annotators are known."""

from __future__ import annotations

from datetime import UTC, datetime

from labeltui.domain.reading import Reading
from labeltui.domain.rules.annotators import SHARED, known_annotators
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.studies.worklist import Holder, Worklist
from labeltui.monailabel.serving import rules

NOW = datetime(2026, 11, 26, 20, 42, tzinfo=UTC)


def test_everybody_who_fetched_submitted_holds_or_is_assigned_a_study_is_known_once() -> None:
    studies = (
        Study("a", {}, (Fetch("worklist", "ben", NOW), Fetch("first", "user-xyz", NOW))),
        Study("b", {"final": NOW}, authors={"final": "anna", "original": "admin"}),
        Study("c"),
    )
    worklist = Worklist(holders={"a": (Holder("ben", NOW), Holder("", NOW))}, assigned={"c": "cleo"})
    state = SessionState(Identity("p"), queue=Reading(StudyQueue(3, 1, studies)), worklist=Reading(worklist))
    assert known_annotators(state) == ["anna", "ben", "cleo"]
    assert known_annotators(SessionState(Identity("p"))) == []


def test_shared_client_ids_are_those_of_the_worklist() -> None:
    assert SHARED == rules.NAMELESS
