"""A list of labels with values of unexpected types is a failed reading, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

LABEL = {"tag": "final", "name": "a.nii.gz", "size": 5, "mtime_ns": 10**15}
PAGE = {"root": "/root/studies/labels", "now_ns": 10**18, "labels": [LABEL]}


@pytest.mark.parametrize("op", ["labels.list", "labels.sum"])
@pytest.mark.parametrize(
    "page",
    [
        {**PAGE, "labels": None},
        {**PAGE, "labels": [[1]]},
        {**PAGE, "labels": [{**LABEL, "name": None}]},
        {**PAGE, "labels": [{**LABEL, "size": -5}]},
        {**PAGE, "labels": [{**LABEL, "mtime_ns": 10**30}]},
        {**PAGE, "labels": [{**LABEL, "mtime_ns": -(10**30)}]},
    ],
)
@in_virtual_time
async def test_the_agents_list(tmp_path: Path, op: str, page: dict[str, Any]) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.files.write("~/studies/labels/final/a.nii.gz", b"label")
        it.host.agent.answers[op] = page
        error = await it.failing("labels.pull")
    assert error.problem.code in ("labels_unread", "agent_garbled", "labels_not_copied")
    assert "can't be understood" in error.problem.message


@in_virtual_time
async def test_the_agents_list_that_never_ends(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.agent.answers["labels.list"] = {**PAGE, "more": True, "after": ["final", "a.nii.gz"]}
        error = await it.failing("labels.pull")
        assert "never ends" in error.problem.message
        assert "never ends" in (it.session.store.state.labels.error or "")


@pytest.mark.parametrize(
    "objects",
    [
        None,
        [1],
        {"case_1": None},
        {"case_1": {"image": {}, "labels": [1]}},
        {"case_1": {"image": {}, "labels": {"final": "x"}}},
    ],
)
@in_virtual_time
async def test_the_servers_list(tmp_path: Path, objects: Any) -> None:
    async with desk(tmp_path) as it:
        it.server.up = True  # labeltui did not start it, so its API lists the labels
        it.server.datastore = {"objects": objects}
        await it.session.readiness.need_server()
        error = await it.failing("labels.pull")
        listed = await it.failing("studies.list")
    for message in (error.problem.message, listed.problem.message):
        assert "is not a list of studies and labels" in message
