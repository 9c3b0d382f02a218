"""Before a pod ends, its labels are copied in bounded time, and the reason for missing ones is reported."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.domain.pod.pod import PodAction
from labeltui.domain.rules.label_risk import label_note
from labeltui.operations.labels.safety import copy_last, spare_labels
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


async def labelled(it: Desk, **spec: int) -> str:
    """A pod with one label that was counted, and not copied; its id."""
    pod_id = await it.rent(**spec)
    await it.session.account.pod.poll()
    await it.session.link.ready()
    it.put_label("s1.nii.gz")
    await it.session.labels.refresh(copy=False)
    return pod_id


def copied(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "labels").rglob("*.nii.gz")]


@in_virtual_time
async def test_the_labels_of_another_pod_are_not_expected_on_this_one(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        await it.rent()
        await it.rent("other")
        client = await it.session.account.client()
        other = next(pod for pod in await client.pods() if pod.name == "other")
        await copy_last(it.session, other, it.report)
        await spare_labels(it.session, other, PodAction.TERMINATE, it.report, lose_labels=False)
    assert (it.host.connects, it.report.lines) == (0, [])


@in_virtual_time
async def test_a_stopped_pod_is_not_connected_to_and_its_labels_are_old(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await labelled(it)
        it.elsewhere(pod_id, "stop")
        await copy_last(it.session, await it.session.account.find(), it.report)
        labels = it.session.store.state.labels
    assert labels.error == "the pod is stopped"
    assert it.report.lines == []
    assert copied(tmp_path) == []


@in_virtual_time
async def test_a_host_that_answers_no_more_is_not_waited_for_long(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await labelled(it, volume_disk_gb=0)
        it.out_of_reach()
        it.host.drop()
        await it.session.store.wait_for(lambda _state: not it.session.link.is_connected, 5)
        pod = await it.session.account.find()
        began = asyncio.get_running_loop().time()
        await copy_last(it.session, pod, it.report)
        took = asyncio.get_running_loop().time() - began
        error = it.session.store.state.labels.error
    assert took == pytest.approx(20, abs=1)
    assert "can't be reached: Connection refused" in (error or "")


@in_virtual_time
async def test_labels_are_listed_where_the_profile_says_if_an_ended_servers_folder_is_gone(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True) as it:
        await labelled(it)
        it.serve(studies="/gone/home/studies")
        it.host.agent.jobs["server"].end(-9)
        it.server.up = False
        await it.session.store.wait_for(
            lambda state: state.server.value is not None and state.server.value.studies is not None, 60
        )
        copies = await it.session.labels.refresh(copy=False)
        again = await it.session.labels.refresh([("final", "s1")], copy=False)
    assert (copies.total, copies.root) == (1, "/root/studies/labels")
    assert again.total == 1


@in_virtual_time
async def test_a_missing_folder_of_studies_is_unknown_and_not_without_labels(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await labelled(it)
        it.host.files.remove("~/studies/labels/final/s1.nii.gz")
        it.host.files.folders.discard("/root/studies")
        error = await it.failing("pod.terminate")
        note = label_note(it.session.store.state, "terminate")
    assert error.problem.code in ("labels_unknown", "labels_not_copied")
    assert "0 of 1 labels were on this machine" in note


@in_virtual_time
async def test_the_alert_on_a_damaged_label_does_not_count_labels_that_wait(tmp_path: Path) -> None:
    messages: list[str] = []
    async with desk(tmp_path) as it:
        for name in ("a", "b", "c"):
            it.put_label(f"{name}.nii.gz")
        it.put_label("case_04.nii.gz", b"")
        it.session.store.subscribe(
            lambda state, _changed: messages.extend(
                one.message for one in state.alerts if one.key == "labels"
            )
        )
        await asyncio.sleep(2)
        await it.session.labels.refresh(copy=False)
        await it.session.labels.refresh()
        await it.session.store.wait_for(lambda _state: bool(messages), 60)
    assert set(messages) == {
        "1 label is not copied to this machine: final/case_04.nii.gz: the file is empty."
    }
