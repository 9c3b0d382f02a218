"""A study that is read twice: which client the server hands it out to, and when."""

from __future__ import annotations

import json

import pytest

from labeltui.monailabel.serving.rules import (
    HOLD_S,
    Edits,
    Entry,
    Fetch,
    Reading,
    Times,
    choose,
    next_reading,
)
from tests.unit.monailabel.test_worklist import NOW, Rig

ANA = Reading("ana", "final_ana", "0" * 64, NOW)
BEN = Reading("ben", "final_ben", "1" * 64, NOW + 60)


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, "a")
    edit(rig)
    return rig


def edit(rig, *readings, **more):
    edits = Edits(doubled=frozenset({"a"}), readings={"a": readings} if readings else {}, **more)
    rig.edits.write_text(json.dumps(edits.document()))


def first_reading(rig):
    assert rig.fetch("ana") == "a"
    rig.datastore.labelled("a", "ana", rig.now)


def safe(rig, reading=ANA):
    rig.datastore.labelled("a", reading.client, rig.now, tag=reading.tag)
    edit(rig, reading)


def test_the_first_reading_is_handed_out_as_any_study(rig):
    assert [rig.fetch("ana"), rig.fetch("ben"), rig.fetch("ana")] == ["a", None, "a"]


def test_the_second_reading_goes_to_another_client_once_the_first_is_recorded(rig):
    first_reading(rig)
    assert rig.fetch("ben") is None
    assert json.loads(rig.edits.with_name("worklist.json.state").read_text())["refused"]["ben"]["second"] == 1
    edit(rig, ANA)
    assert rig.fetch("ben") is None  # the host has no label of that tag
    safe(rig)
    assert [rig.fetch("ana"), rig.fetch(None), rig.fetch("user-xyz")] == [None] * 3
    assert [rig.fetch("ben"), rig.fetch("cleo"), rig.fetch("ben")] == ["a", None, "a"]
    rig.restart()
    assert [rig.fetch("ana"), rig.fetch("cleo"), rig.fetch("ben")] == [None, None, "a"]
    rig.now += HOLD_S + 1
    assert rig.fetch("cleo") == "a"


def test_it_is_final_after_two_readings(rig):
    first_reading(rig)
    safe(rig)
    assert rig.fetch("ben") == "a"
    rig.now += 60
    rig.datastore.labelled("a", "ben", rig.now)
    assert [rig.fetch("cleo"), rig.fetch("ana")] == [None, None]  # not recorded: nobody may replace it
    edit(rig, ANA, BEN)
    rig.datastore.labelled("a", "ben", rig.now, tag=BEN.tag)
    assert rig.fetch("cleo") is None
    assert json.loads(rig.edits.with_name("worklist.json.state").read_text())["refused"]["cleo"]["final"] == 1


def test_a_reading_whose_label_was_deleted_does_not_count(rig):
    first_reading(rig)
    safe(rig)
    edit(rig, ANA, BEN)
    assert rig.fetch("cleo") == "a"


def test_a_newer_label_of_the_first_reader_is_stored_before_anybody_may_replace_it(rig):
    first_reading(rig)
    safe(rig)
    rig.now += 60
    rig.datastore.labelled("a", "ana", rig.now)
    assert rig.fetch("ben") is None
    safe(rig, ANA._replace(at=rig.now))
    assert rig.fetch("ben") == "a"


def test_a_first_reading_without_a_name_is_handed_out_to_nobody(rig):
    rig.datastore.labelled("a", "user-xyz", rig.now)
    assert rig.fetch("ben") is None
    edit(rig, ANA)
    assert rig.fetch("ben") is None


def test_assignments_and_skips_hold_for_the_second_reading(rig):
    first_reading(rig)
    safe(rig)
    edit(rig, ANA, assigned={"a": "cleo"})
    assert [rig.fetch("ben"), rig.fetch("cleo")] == [None, "a"]
    rig.now += HOLD_S + 1
    edit(rig, ANA, assigned={"a": "ana"})
    assert [rig.fetch("ben"), rig.fetch("ana")] == [None, None]
    edit(rig, ANA, skipped=frozenset({"a"}))
    assert rig.fetch("ben") is None


def test_without_the_mark_a_study_is_final_after_one_reading(rig):
    first_reading(rig)
    safe(rig)
    rig.edits.write_text(json.dumps(Edits(readings={"a": (ANA,)}).document()))
    assert rig.fetch("ben") is None


@pytest.mark.parametrize(
    "stored",
    [
        None,
        3,
        {"a": 3},
        {"a": [["ana"]]},
        {"a": [["ana", "final_ana", "0", "late"]]},
        {"a": [["", "t", "0", 1]]},
    ],
)
def test_malformed_readings_count_as_missing(stored):
    assert Edits.of({"doubled": ["a", 3], "readings": stored}) == Edits(doubled=frozenset({"a"}))


def test_edits_come_back_from_their_document():
    edits = Edits(("b",), {"a": "ana"}, frozenset({"c"}), frozenset({"a"}), {"a": (ANA, BEN)})
    assert Edits.of(json.loads(json.dumps(edits.document()))) == edits
    assert set(Edits().document()) == {"order", "assigned", "skipped"}


def test_nobody_is_held_up_by_the_first_readers_own_fetch():
    edits = Edits(doubled=frozenset({"a"}), readings={"a": (ANA,)})
    entry = Entry(
        "a", True, (Fetch("ana", NOW - 60), Fetch("ben", NOW - 30)), ("final", "final_ana"), "ana", NOW
    )
    turned = next_reading(entry, edits)
    assert (turned.final, turned.fetches, turned.readers) == (False, (Fetch("ben", NOW - 30),), ("ana",))
    assert choose("ben", [turned], edits, Times(NOW)).study == "a"
    assert choose("cleo", [turned], edits, Times(NOW)).left.held == 1
    assert choose("ana", [turned], edits, Times(NOW)).left.second == 1
