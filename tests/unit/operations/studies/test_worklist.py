"""The operator's decisions for the worklist, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.operations.desk import desk
from tests.unit.session.studies.test_worklist import EDITS, known, put, serving, store
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_order_assign_and_skip_are_stored_on_the_host_and_can_be_undone(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        for study in ("c", "d"):
            await it.run("studies.order", studies=[study])
        placed = await it.run("studies.order", studies=["a"], place=2)
        assert placed["order"] == ["d", "a", "c"]
        assert placed["message"] == "a is number 2 in the order."
        assigned = await it.run("studies.assign", studies=["b"], to="ben")
        assert assigned["message"] == "b is assigned to ben."
        await it.run("studies.skip", studies=["c"])
        stored = json.loads(it.host.files.read(EDITS))
        assert stored == {"order": ["d", "a", "c"], "assigned": {"b": "ben"}, "skipped": ["c"]}
        listed = {one["id"]: one for one in (await it.run("studies.list"))["studies"]}
        assert [listed[s]["place"] for s in "abcd"] == [2, None, 3, 1]
        assert (listed["b"]["assigned_to"], listed["c"]["skipped"], listed["d"]["skipped"]) == (
            "ben",
            True,
            False,
        )
        assert it.session.journal.entries[0].command.startswith("labeltui studies ")
        several = await it.run("studies.order", studies=["b", "a", "b"], place=2)
        assert (several["order"], several["message"]) == (
            ["d", "b", "a", "c"],
            "2 studies are from number 2 in the order.",
        )
        last = await it.run("studies.order", studies=["b"], place=99)
        assert last["message"] == "b is number 4 in the order."
        await it.run("studies.order", studies=["b"], undo=True)
        for action, study in (("order", "a"), ("assign", "b"), ("skip", "c")):
            await it.run(f"studies.{action}", studies=[study], undo=True)
        stored = json.loads(it.host.files.read(EDITS))
        assert stored == {"order": ["d", "c"], "assigned": {}, "skipped": []}


@in_virtual_time
async def test_a_decision_about_a_study_that_somebody_has_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        put(it, a="ana", b="user-xyz")
        await known(it, lambda w: len(w.holders) == 2)
        put(it, "d", a="ana", b="user-xyz")
        await it.session.store.wait_for(
            lambda s: s.queue.value is not None
            and any(one.id == "d" and one.tags for one in s.queue.value.studies), 60
        )  # fmt: skip
        assert "d has a final label" in (await it.run("studies.order", studies=["d"]))["message"]
        assert "a stays with ana until" in (await it.run("studies.skip", studies=["a"]))["message"]
        named = await it.run("studies.assign", studies=["b"], to="ben")
        assert "b stays with a client without a name of its own" in named["message"]
        assert named["message"].endswith(
            "No annotator has used the client id ben yet; check that it is written as in Slicer."
        )
        again = await it.run("studies.assign", studies=["c"], to="ben")
        assert "No annotator" not in again["message"]


@in_virtual_time
async def test_what_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        unknown = await it.failing("studies.skip", studies=["nothing"])
        shared = await it.failing("studies.assign", studies=["a"], to="user-xyz")
        nobody = await it.failing("studies.assign", studies=["a"])
        missing = await it.failing("studies.skip")
        place = await it.failing("studies.order", studies=["a"], place=0)
        gone = await it.run("studies.skip", studies=["nothing"], undo=True)  # it may have been deleted since
    codes = [error.problem.code for error in (unknown, shared, nobody, missing, place)]
    assert codes == ["unknown_study", *["bad_parameter"] * 4]
    assert "several people use that client id" in shared.problem.message
    assert gone["skipped"] == []


@in_virtual_time
async def test_a_server_without_a_worklist_takes_no_decisions(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.server.up = True
        error = await it.failing("studies.skip", studies=["a"])
        document = await it.run("studies.list")
    assert error.problem.code == "no_worklist"
    assert error.problem.message == "There is no worklist: labeltui did not start this server."
    assert document["worklist"]["message"] == "There is no worklist: labeltui did not start this server."


@in_virtual_time
async def test_the_next_study_is_said_to_be_held_for_those_who_have_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        put(it, a="ana", b="user-xyz")
        worklist = await known(it, lambda w: len(w.holders) == 2)
        until = f"{worklist.holders['a'][0].until.astimezone():%H:%M}"
        said = {}
        for study in ("a", "b", "c"):
            it.server.documents["POST", "/activelearning/*"] = {"id": study, "path": "", "name": study}
            said[study] = await it.run("studies.next", strategy="random")
    assert said["a"]["message"] == (
        f"The strategy random chose a. ana has it open until {until}; it is not reserved for this console."
    )
    assert "a client without a name of its own has it open until" in said["b"]["message"]
    assert said["c"]["message"].endswith(
        "reserved for nobody, because this console labels nothing: the next request may get it too."
        " `labeltui studies assign c --to NAME` reserves it."
    )
    assert [said[one]["held_by"] for one in "abc"] == [["ana"], [None], []]


@in_virtual_time
async def test_the_next_study_of_an_empty_worklist_says_why_there_is_none(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        put(it, a="ana", b="ben", c="ben", d="cleo")
        await known(it, lambda w: len(w.holders) == 4)
        it.server.documents["POST", "/activelearning/*"] = {}
        store(it, refused={})
        error = await it.failing("studies.next")
    assert error.problem.message == "The worklist has no study to hand out: 4 are reserved for others."
