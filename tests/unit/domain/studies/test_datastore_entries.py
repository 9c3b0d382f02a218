"""Studies of MONAI Label's datastore: their short form, and what is made of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.studies.datastore import entry_of
from labeltui.domain.studies.study import Fetch, Study, changed_studies, study_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
INFO = st.dictionaries(
    st.sampled_from(
        ["ts", "name", "strategy", "client_id", "segmentationMeta", "status", "dice", "Modality"]
    ),
    JSON | st.fixed_dictionaries({"random": st.fixed_dictionaries({"ts": JSON, "client_id": JSON})}),
)
LABELS = st.dictionaries(
    st.text(max_size=5), st.fixed_dictionaries({"ext": JSON, "info": INFO | JSON}) | JSON
)
STORED = JSON | st.fixed_dictionaries(
    {"image": JSON | st.fixed_dictionaries({"ext": JSON, "info": INFO}), "labels": LABELS | JSON}
)


def sent(study: str, stored: object) -> Study:
    """The study that arrives when the agent reads this object."""
    return study_of(json.loads(json.dumps(entry_of(study, stored))))


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_all_that_the_queue_shows_arrives() -> None:
    info = {"client_id": "ana", "ts": 30, "segmentationMeta": {"status": "flagged"}}
    stored = {
        "image": {
            "ext": ".nii.gz",
            "info": {"ts": 10, "name": "a.nii.gz", "dice": 0.5, "epistemic_ts": 9, "Modality": "MR",
                     "strategy": {"random": {"ts": 20, "client_id": "ana"}, "first": {"ts": 25, "client_id": None}}},
        },
        "labels": {"final": {"ext": ".nrrd", "info": info}},
    }  # fmt: skip
    assert sent("a", stored) == Study(
        "a", {"final": moment(30)}, (Fetch("first", "?", moment(25)), Fetch("random", "ana", moment(20))), "a.nii.gz",
        moment(10), "flagged", {"final": ".nrrd"}, {"final": "ana"}, (), {"dice": 0.5}, ".nii.gz", "MR",
    )  # fmt: skip


def test_a_plain_study_is_short_to_send() -> None:
    entry = entry_of("a", {"image": {"ext": ".nii.gz", "info": {"ts": 1, "name": "a.nii.gz"}}, "labels": {}})
    assert entry == ["a", "a.nii.gz", 1, ".nii.gz"]


@pytest.mark.parametrize(
    "entry", [["a", "a.nii.gz", 1, ".nii.gz"], ["a"], ["a", "", 1, "", [["first", "ana", 2]]]]
)
def test_what_arrives_is_a_study_that_nobody_can_change(entry: list[Any]) -> None:
    study = study_of(entry)
    assert type(study) is Study
    assert study._replace(id="b").id == "b"
    with pytest.raises(AttributeError):
        study.id = "b"  # type: ignore[misc]


@given(st.text(max_size=5), STORED)
def test_odd_fields_spoil_only_themselves(name: str, stored: Any) -> None:
    entry = entry_of(name, stored)
    json.dumps(entry, allow_nan=False)
    study = study_of(entry)
    assert (study.id, bool(study.state)) == (name, True)


STUDIES = st.lists(st.sampled_from([Study(name) for name in "abcdef"]), unique_by=lambda study: study.id)


@given(STUDIES, STUDIES, st.sets(st.sampled_from("abcdef")))
def test_the_studies_that_changed_are_found_by_identity(
    before: list[Study], now: list[Study], again: set[str]
) -> None:
    new = tuple(Study(study.id) if study.id in again else study for study in now)
    changed, gone = changed_studies(tuple(before), new)
    known = {id(study) for study in before}
    assert {id(study) for study in changed} == {id(study) for study in new} - known
    assert gone == {study.id for study in before} - {study.id for study in new}


def test_a_score_is_no_less_for_standing_alone() -> None:
    assert sent("a", {"image": {"info": {"dice": 0.5}}}).scores == {"dice": 0.5}


def test_the_sum_that_is_stored_with_a_label_is_the_final_labels_else_the_originals() -> None:
    original, final = {"info": {"sum": 7, "slices": 2}}, {"info": {"sum": 9}}
    stored = {"image": {"info": {"dice": 0.5}}, "labels": {"original": original, "final": final}}
    assert sent("a", stored).scores == {"sum": 9, "dice": 0.5}
    assert sent("a", {"image": {}, "labels": {"original": original, "final": {}}}).scores == {"sum": 7}
