"""Studies from the command line: the list, and the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeltui.domain.problems import Refused
from labeltui.operations.run import run_action
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_every_study_is_listed_with_its_state(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        document = await it.run("studies.list")
    studies = {study["id"]: study for study in document["studies"]}
    assert document["total"] == len(studies) == len(recorded("datastore_all")["objects"])
    assert studies["case_000"]["state"] == "final"
    assert document["as_of"]


@in_virtual_time
async def test_a_damaged_final_label_completes_no_study_in_any_document(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        whole = await it.run("studies.list")
        it.host.files.write("~/studies/labels/final/case_000.nii.gz", b"", mtime_ns=1)
        listed = await it.run("studies.list")
        status = await it.run("status")
    assert (whole["damaged"], listed["damaged"], status["studies"]["damaged"]) == (
        [],
        ["case_000"],
        ["case_000"],
    )
    assert listed["completed"] == status["studies"]["completed"] == whole["completed"] - 1


@in_virtual_time
async def test_a_list_that_can_not_be_read_fails(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["GET", "/datastore/"] = 500
        error = await it.failing("studies.list")
    assert error.problem.code == "no_queue"
    assert error.problem.message.startswith("The studies can't be listed: ")


@in_virtual_time
async def test_the_next_study_is_picked_by_the_servers_first_strategy_or_a_named_one(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["POST", "/activelearning/*"] = recorded("activelearning_random")
        first = await it.run("studies.next")
        named = await it.run("studies.next", strategy="random")
        unknown = await it.failing("studies.next", strategy="best")
        entry = it.session.journal.entries[1]
        with pytest.raises(Refused) as unconfirmed:
            await run_action(it.session, "studies.next", {}, it.report)
    posts = [one.url.path for one in it.server.requests if one.method == "POST"]
    assert posts == [
        f"/activelearning/{next(iter(recorded('info')['strategies']))}",
        "/activelearning/random",
    ]
    assert unconfirmed.value.problem.code == "unconfirmed"
    assert "annotators fetch their studies" in unconfirmed.value.problem.message.lower()
    assert first["id"] == named["id"] == "case_005"
    assert first["message"] == (
        f"The strategy {first['strategy']} chose case_005. It is reserved for nobody, because this console"
        " labels nothing:"
        " the next request may get it too."
    )
    assert first["held_by"] == []
    assert first["client_id"] == it.session.profile.client_id
    assert unknown.problem.code == "unknown_strategy"
    assert "random" in unknown.problem.hint
    assert entry.command == "labeltui studies next random --yes"


@in_virtual_time
async def test_when_every_study_is_labelled_nothing_is_left(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["POST", "/activelearning/*"] = {}
        error = await it.failing("studies.next")
    assert error.problem.code == "nothing_left"


@in_virtual_time
async def test_without_a_server_nothing_is_listed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        error = await it.failing("studies.list")
    assert (error.problem.code, error.exit_code) == ("server_down", 4)
