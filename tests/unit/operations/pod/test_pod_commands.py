"""Commands about pods: their output, their requests to RunPod, and their refusals."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.ssh.own_keys import make
from tests.actions import failing
from tests.fakes.monailabel import MONAILABEL, recorded
from tests.unit.operations.desk import desk, published
from tests.virtual_time import in_virtual_time

TRAINING = (MONAILABEL / "log_train_3epochs.txt").read_bytes()


@in_virtual_time
async def test_the_list_says_which_pod_is_the_profiles(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        mine, other = await it.rent(), await it.rent("other")
        listed = await it.run("pod.list")
    assert {pod["id"]: pod["of_profile"] for pod in listed["pods"]} == {mine: True, other: False}
    assert listed["as_of"]


@in_virtual_time
async def test_the_profiles_pod_is_shown_with_its_money_and_another_without(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        mine, _other = await it.rent(), await it.rent("other")
        own = await it.run("pod.show")
        another = await it.run("pod.show", pod="other")
        unknown = await it.failing("pod.show", pod="oth")
        entries = it.session.journal.entries
    assert (own["id"], own["of_profile"], own["status"]) == (mine, True, "running")
    assert own["money"]["balance"] is not None
    assert (another["name"], another["of_profile"], another["money"]) == ("other", False, None)
    assert unknown.problem.code == "no_pod"
    assert not entries  # a reading is no action


@in_virtual_time
async def test_the_bill_of_a_runpod_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        it.world.faults.arm("hang", method="POST", path="graphql", times=None)
        shown = await it.run("pod.show")
        assert it.session.store.state.account.error
    assert shown["status"] == "running"


@in_virtual_time
async def test_what_happened_to_the_pod_is_listed_oldest_first(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        await it.session.account.pod.poll()
        it.elsewhere(pod_id, "stop")
        events = await it.run("pod.events")
        last = await it.run("pod.events", lines=1)
    kinds = [event["kind"] for event in events["events"]]
    assert kinds[-1] == "stopped"
    assert (events["name"], events["status"]) == ("annot", "stopped")
    assert last["events"] == events["events"][-1:]


@in_virtual_time
async def test_keys_are_listed_and_added(tmp_path: Path) -> None:
    make(tmp_path / "new", "me@desk")
    async with desk(tmp_path, rents=True) as it:
        before = await it.run("pod.keys")
        after = await it.run("pod.keys", add=str(tmp_path / "new.pub"))
        again = await it.run("pod.keys", add=str(tmp_path / "new.pub"))
        private = await it.failing("pod.keys", add=str(tmp_path / "new"))
    assert before["keys"] == []
    assert [key["comment"] for key in after["keys"]] == ["me@desk"]
    assert again["keys"] == after["keys"]
    assert private.problem.code == "private_key"


@pytest.mark.parametrize(
    ("action", "status"),
    [("pod.stop", "stopped"), ("pod.restart", "running"), ("pod.terminate", "terminated")],
)
@in_virtual_time
async def test_labels_are_copied_before_the_pod_ends(tmp_path: Path, action: str, status: str) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        it.put_label("s1.nii.gz")
        done = await it.run(action)
        entry = it.session.journal.entries[-1]
    assert (done["id"], done["status"]) == (pod_id, status)
    assert (tmp_path / "labels" / "final" / "s1.nii.gz").read_bytes() == b"label"
    assert it.report.lines[0] == "Copying the labels that are not on this machine yet"
    assert entry.outcome == "done"


@pytest.mark.parametrize("action", ["pod.stop", "pod.restart", "pod.terminate"])
@in_virtual_time
async def test_labels_that_are_not_known_to_be_here_are_not_lost_unless_given_up(
    tmp_path: Path, action: str
) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent(volume_disk_gb=0)
        it.put_label("s1.nii.gz")
        it.refuse_labels()
        refused = await it.failing(action)
        assert it.world.pods[pod_id].status == "RUNNING"
        await it.run(action, lose_labels=True)
    assert (refused.problem.code, refused.exit_code) == ("labels_unknown", 3)
    assert "--lose-labels" in refused.problem.hint


@in_virtual_time
async def test_copying_that_takes_too_long_keeps_the_pod_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async with desk(tmp_path, rents=True) as it:
        await it.rent(volume_disk_gb=0)
        it.put_label("s1.nii.gz")
        await it.run("labels.pull")
        monkeypatch.setattr(it.session.labels, "copy_all", never)
        refused = await it.failing("pod.stop")
    assert refused.problem.code == "labels_unknown"
    assert "copying the labels took longer than 5 minutes" in refused.problem.message


@in_virtual_time
async def test_a_stopped_pod_is_terminated_only_while_its_labels_are_here(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        it.put_label("s1.nii.gz")
        await it.run("labels.pull")
        it.elsewhere(pod_id, "stop")
        done = await it.run("pod.terminate")
    assert done["status"] == "terminated"
    assert pod_id not in it.world.pods or it.world.pods[pod_id].status == "TERMINATED"


@in_virtual_time
async def test_labels_that_the_profile_does_not_copy_keep_the_pod_alive(tmp_path: Path) -> None:
    off = {"copy": False, "folder": str(tmp_path / "labels")}
    async with desk(tmp_path, rents=True, labels=off) as it:
        pod_id = await it.rent(volume_disk_gb=0)
        it.put_label("s1.nii.gz")
        refused = await it.failing("pod.stop")
        assert it.world.pods[pod_id].status == "RUNNING"
    assert refused.problem.code == "labels_not_copied"
    assert "1 of 1 labels is not on this machine" in refused.problem.message


@in_virtual_time
async def test_another_pod_needs_its_name_confirmed(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        other = await it.rent("other")
        refused = await it.failing("pod.stop", pod="other")
        wrong = await it.failing("pod.stop", pod="other", named="annot")
        assert it.world.pods[other].status == "RUNNING"
        await it.run("pod.stop", pod="other", named="other")
        entry = it.session.journal.entries[-1]
    assert refused.problem.code == wrong.problem.code == "pod_not_named"
    assert "--yes other" in refused.problem.hint
    assert entry.command == "labeltui pod stop other --yes other"
    assert it.world.pods[other].status == "EXITED"


@in_virtual_time
async def test_a_read_only_session_and_an_unconfirmed_action_change_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, read_only=True) as it:
        await it.rent()
        read_only = await it.failing("pod.stop")
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        unconfirmed = await failing(it.session, "pod.terminate", confirmed=False)
    assert read_only.problem.code == "read_only"
    assert unconfirmed.problem.code == "unconfirmed"
    assert not it.session.journal.entries


@pytest.mark.parametrize("scope_first", [True, False])
@pytest.mark.parametrize("action", ["pod.stop", "pod.restart", "pod.terminate"])
@in_virtual_time
async def test_a_training_that_ends_with_the_pod_is_named_before(
    tmp_path: Path, action: str, scope_first: bool
) -> None:
    async with published(tmp_path, scope_first=scope_first) as (it, account):
        account.add_pod("annot", "NVIDIA RTX A5000")
        it.serve()
        it.server.tasks.append({**recorded("train_status_running"), "details": []})
        it.host.agent.jobs["server"].print(b"".join(TRAINING.splitlines(keepends=True)[:90]))
        named = {"named": "annot"} if action == "pod.terminate" else {}
        await it.run(action, lose_labels=True, **named)
        requests = [request for request in account.requests if request[2] != 201]
    (said,) = (line for line in it.report.lines if "The training of deepedit (epoch" in line)
    assert "lost" in said
    assert len(requests) == 1


@in_virtual_time
async def test_models_that_end_with_the_pod_are_named_before(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.add_pod("annot", "NVIDIA RTX A5000", createdAt="2026-11-23T00:00:00Z")
        it.serve()
        it.host.agent.jobs["server"].print(TRAINING)
        await it.run("pod.terminate", lose_labels=True, named="annot")
    (said,) = (line for line in it.report.lines if line.startswith("Models"))
    assert "deepedit (val_mean_dice 0.479" in said
    assert ".pt)" in said
