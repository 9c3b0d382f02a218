"""The end of the day: measured parts, and a safe order that ends at the first failure."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.domain.pod.pod import PodStatus
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


def states(document: object) -> dict[str, str]:
    assert isinstance(document, dict)
    return {one["part"]: one["state"] for one in document["parts"]}


async def served(it: Desk) -> None:
    await it.rent()
    it.serve()
    await it.session.readiness.need_server()
    it.put_label("s1.nii.gz", b"one")


@in_virtual_time
async def test_the_day_ends_with_the_labels_here_and_the_pod_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await served(it)
        before = states(await it.run("evening"))
        assert it.server.up
        document = await it.run("evening.end")
        pod = await it.session.account.find()
        copies = it.session.labels.folder.index.versions()
    assert (before["server stopped"], before["pod stopped"], before["training"]) == ("todo", "todo", "done")
    assert before["labels here"] != "done"
    assert document["done"][-2:] == ["Copy the models here", "Stop the pod"]
    assert pod.status is PodStatus.STOPPED
    assert len(list(copies)) == 1


@in_virtual_time
@pytest.mark.parametrize("keep_pod", [False, True])
async def test_a_label_that_is_submitted_while_the_server_stops_is_copied_before_the_pod_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_pod: bool
) -> None:
    async with desk(tmp_path, rents=True) as it:
        await served(it)
        expect_stop = it.session.watch.expect_stop

        def submit(expected: bool = True) -> None:
            it.put_label("s2.nii.gz", b"two")
            expect_stop(expected)

        monkeypatch.setattr(it.session.watch, "expect_stop", submit)
        document = await it.run("evening.end", keep_pod=keep_pod)
        copied = {entry.name for entry, _file in it.session.labels.folder.index.versions()}
    assert copied == {"s1.nii.gz", "s2.nii.gz"}
    done = document["done"]
    assert done.index("Stop the server") < done.index("Copy the last labels here")
    assert ("Stop the pod" in done) is not keep_pod
    assert "final/s2.nii.gz is copied, 1 of 1" in it.report.lines


@in_virtual_time
async def test_a_label_that_cannot_be_copied_ends_it_before_anything_stops(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await served(it)
        it.refuse_labels()
        error = await it.failing("evening.end", terminate="annot")
        pod = await it.session.account.find()
        serves = it.server.up
    assert error.problem.message.startswith("Copy the labels here: ")
    assert "Done before that: Connect to the host." in error.problem.hint
    assert serves
    assert pod.status is PodStatus.RUNNING


@in_virtual_time
async def test_a_cancelled_end_says_what_is_done_and_what_is_not(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await served(it)
        it.server.tasks.append(
            {"id": "t", "model": "deepedit", "status": "RUNNING", "request": {}, "details": []}
        )
        it.session.pollers.training.wake()
        ending = it.begin("evening.end")
        await it.report.wait_for("Waiting for the training")
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        pod = await it.session.account.find()
        serves, entry = it.server.up, it.session.journal.entries[-1]
    steps = ("reach", "labels", "training", "server", "last", "models", "pod")
    assert [it.report.state(step) for step in steps] == ["done", "done", "cancelled", *["waiting"] * 4]
    assert it.report.lines[-2:] == [
        "Done: Connect to the host; Copy the labels here.",
        "Not done: Wait for the training; Stop the server; Copy the last labels here; Copy the models here;"
        " Stop the pod.",
    ]
    assert (serves, pod.status, entry.ok) == (True, PodStatus.RUNNING, False)


@in_virtual_time
async def test_another_name_terminates_nothing_and_the_right_one_does(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await served(it)
        wrong = await it.failing("evening.end", terminate="another")
        assert it.server.up
        await it.run("evening.end")
        stopped = await it.failing("evening.end", terminate="annot")
        assert len(it.world.pods) == 1
        await it.run("pod.start")
        await it.run("evening.end", terminate="annot")
        pods = it.world.pods
    assert (wrong.problem.code, stopped.problem.code) == ("unconfirmed", "labels_unknown")
    assert not pods


@in_virtual_time
async def test_a_host_without_a_pod_waits_for_its_training_and_stops_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        it.server.tasks.append(
            {"id": "t", "model": "deepedit", "status": "RUNNING", "request": {}, "details": []}
        )
        it.session.pollers.training.wake()
        await it.session.store.wait_for(
            lambda state: state.training.value is not None and state.training.value.state == "running"
        )
        parts = states(await it.run("evening"))
        ending = it.begin("evening.end")
        await asyncio.sleep(30)
        assert it.server.up
        it.server.finish_training()
        document = await ending
    assert list(parts) == ["labels here", "model here", "training", "server stopped"]
    assert parts["training"] == "wait" or parts["training"] == "busy"
    assert states(document)["server stopped"] == "done"
