"""The question before a study is deleted names what goes and who has it open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from labeltui.actions import BY_ID
from labeltui.domain.reading import Reading
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.studies.worklist import Holder, Worklist

UNTIL = datetime(2026, 11, 26, 20, 42).astimezone()
STUDY = Study(
    "case_006", {"original": None, "final": None}, (Fetch("first", "ana", None),), authors={"final": "ana"}
)
STATE = SessionState(
    Identity("p"),
    queue=Reading(StudyQueue(1, 1, (STUDY,))),
    worklist=Reading(Worklist(holders={"case_006": (Holder("ben", UNTIL),)})),
)


def asked(state: SessionState, **params: str) -> str:
    return (BY_ID["studies.delete"].ask(state, {"study": "case_006", **params}) or "").partition(" What ")[0]


def test_the_image_with_its_labels() -> None:
    assert asked(STATE) == (
        "Delete case_006 from the server, with its image and 2 labels (final, original)? "
        "ben has it open until 20:42, and can't submit it any more."
    )


def test_one_label_of_a_study_whose_image_stays() -> None:
    assert asked(STATE, label="final") == (
        "Delete the label final (by ana) of case_006 from the server? ben has it open until 20:42."
    )


def test_an_image_without_labels_that_was_fetched_without_the_worklist() -> None:
    opened = STUDY._replace(tags={}, fetches=(Fetch("first", "a\x1bb", datetime.now(UTC)),))
    state = replace(STATE, queue=Reading(StudyQueue(1, 0, (opened,))), worklist=Reading())
    assert asked(state) == (
        "Delete case_006 from the server, with its image (it has no label)? "
        "a b has it open, and can't submit it any more."
    )


def test_a_study_that_is_not_listed() -> None:
    assert (
        asked(SessionState(Identity("p")))
        == "Delete case_006 from the server, with its image and all its labels?"
    )
