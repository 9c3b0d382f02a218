"""Training from the command line: what the server is asked, what is reported, and what is known to fail before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from labeltui.actions import BY_ID
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, TrainState
from labeltui.monailabel.client import MonaiLabelClient
from tests.fakes.monailabel import MONAILABEL, recorded
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

RUN = (MONAILABEL / "log_train_3epochs.txt").read_bytes().splitlines(keepends=True)
ITERATION_2, ITERATION_4, EPOCH_2_BEGINS, EPOCH_3_BEGINS = 55, 57, 72, 91  # lines of RUN
ORPHAN = {"pid": 41, "pgid": 40, "model": "deepedit", "started_ts": 1.0, "memory": 1, "ours": True}
THEIRS = {**ORPHAN, "pid": 51, "pgid": 50, "ours": False, "folder": "/home/bob/tui", "user": "bob"}


def die(it: Desk) -> None:
    """The server's process is killed."""
    it.server.up = False
    it.host.agent.jobs["server"].end(-9)


class Training:
    """The recorded training of deepedit over three epochs: its task, and its lines as they come."""

    def __init__(self, it: Desk) -> None:
        self._it, self._printed = it, 0
        it.server.documents["POST", "/train/*"] = self._begin
        self.task = {**recorded("train_status_running"), "details": []}

    def _begin(self, _request: httpx.Request) -> Any:
        self._it.server.tasks.append(self.task)
        return recorded("train_post")

    def begin(self) -> None:
        """As if it had been started elsewhere."""
        self._it.server.tasks.append(self.task)

    def print(self, upto: int | None = None) -> None:
        """Print the lines that were not printed yet, up to this one."""
        end = len(RUN) if upto is None else upto
        self._it.host.agent.jobs["server"].print(b"".join(RUN[self._printed : end]))
        self._printed = end

    def finish(self, status: str = "DONE") -> None:
        self.print()
        self.task["status"] = status


async def known(it: Desk, state: TrainState) -> None:
    """Wait until the session has read this state."""
    await it.session.store.wait_for(
        lambda s: s.training.value is not None and s.training.value.state is state, 120
    )


def states_of(it: Desk) -> list[TrainState]:
    """Every state of the training that the store has from now on."""
    states: list[TrainState] = []

    def note(state: SessionState, _changed: object) -> None:
        if state.training.value is not None:
            states.append(state.training.value.state)

    it.session.store.subscribe(note)
    return states


def body(it: Desk) -> dict[str, Any]:
    """The request that started the training."""
    (post,) = [
        one for one in it.server.requests if one.method == "POST" and one.url.path.startswith("/train/")
    ]
    return {"path": post.url.path, **json.loads(post.content)}


@in_virtual_time
async def test_the_profiles_first_model_is_trained_with_the_trainers_defaults(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, server={"models": ["deepedit"]}) as it:
        document = await it.run("train.start")
        entry = it.session.journal.entries[-1]
    sent = body(it)
    assert (document["state"], document["model"]) == ("running", "deepedit")
    assert sent["path"] == "/train/deepedit"
    assert (sent["dataset"], sent["dataloader"], sent["tracking"]) == ("Dataset", "DataLoader", "None")
    assert (entry.command, entry.outcome) == ("labeltui train start", "done")


@in_virtual_time
async def test_a_model_that_the_running_server_can_train_is_chosen(tmp_path: Path) -> None:
    info = recorded("info")
    info["trainers"] = {"deepedit": info["trainers"]["deepedit"]}
    for models in (["segmentation", "deepedit"], ["segmentation"], ["all"]):
        async with desk(tmp_path, serves=True, server={"models": models}) as it:
            it.server.documents["GET", "/info/"] = info
            document = await it.run("train.start")
        assert document["model"] == "deepedit"


@in_virtual_time
async def test_what_is_asked_for_this_once_is_sent_in_its_type(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run(
            "train.start", model="deepedit", max_epochs=2, param={"val_split": "0.5", "pretrained": "no"}
        )
        entry = it.session.journal.entries[-1]
    sent = body(it)
    assert (sent["max_epochs"], sent["val_split"], sent["pretrained"]) == (2, 0.5, False)
    assert entry.command == (
        "labeltui train start deepedit --max-epochs 2 --param val_split 0.5 --param pretrained no"
    )


@in_virtual_time
async def test_a_training_that_runs_is_not_disturbed_unless_it_may_queue(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run("train.start", model="deepedit")
        refused = await it.failing("train.start", model="deepedit")
        it.server.documents["POST", "/train/*"] = lambda request: (
            {
                **recorded("train_post"),
                "id": "queued",
            }
            if request.url.params.get("enqueue") == "true"
            else 429
        )
        it.server.tasks.append({**recorded("train_post"), "id": "queued", "details": []})
        queued = await it.run("train.start", model="deepedit", enqueue=True)
    assert refused.problem.code == "already_training"
    assert queued["state"] == "running"


@in_virtual_time
async def test_damaged_labels_are_named_before_a_training_and_trained_on_only_if_asked(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.put_label("sound.nii.gz")
        it.put_label("case_04.nii.gz", b"")
        await it.session.store.wait_for(lambda s: bool(s.labels.value and s.labels.value.damaged), 20)
        error = await it.failing("train.start", model="deepedit")
        assert not it.server.tasks
        document = await it.run("train.start", model="deepedit", damaged_labels=True)
    assert error.problem.code == "labels_damaged"
    assert error.problem.message == "1 final label is empty or cut off: case_04."
    assert document["state"] == "running"


@pytest.mark.parametrize(
    ("info", "params", "code"),
    [
        ({}, {"model": "unheard_of"}, "unknown_model"),
        ({"trainers": {}}, {}, "unknown_model"),
        ({"datastore": {"total": 3, "completed": 0}}, {"model": "deepedit"}, "no_labels"),
        ({}, {"model": "deepedit", "param": {"val_split": "half"}}, "bad_parameter"),
    ],
)
@in_virtual_time
async def test_what_can_not_work_is_refused_before_the_server_is_asked(
    tmp_path: Path, info: dict[str, Any], params: dict[str, Any], code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["GET", "/info/"] = {**recorded("info"), **info}
        error = await it.failing("train.start", **params)
    assert error.problem.code == code
    assert not it.server.tasks


@pytest.mark.parametrize(("fit", "refused"), [(0, True), (1, True), (2, False)])
@in_virtual_time
async def test_a_detection_bundle_starts_only_on_boxes(tmp_path: Path, fit: int, refused: bool) -> None:
    async with desk(tmp_path, serves=True) as it:
        info = recorded("info")
        it.server.documents["GET", "/info/"] = {
            **info,
            "trainers": {"lung_nodule_ct_detection": info["trainers"]["deepedit"]},
        }
        labels = ["a.json" if at < fit else "a.nii.gz" for at in range(2)]
        listed = [
            {"image": f"/s/{at}.nii.gz", "label": f"/s/labels/final/{name}"} for at, name in enumerate(labels)
        ]
        it.server.documents["GET", "/datastore/"] = lambda request: (
            listed if request.url.params.get("output") == "train" else recorded("datastore_stats")
        )
        if not refused:
            await it.run("train.start", model="lung_nodule_ct_detection")
            return
        error = await it.failing("train.start", model="lung_nodule_ct_detection")
    assert error.problem.code == "labels_not_boxes"
    assert f"{fit} of 2 final labels" in error.problem.message
    assert "JSON" in error.problem.message
    assert not it.server.tasks


@in_virtual_time
async def test_without_a_model_in_the_profile_the_first_trainer_is_used(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, server={"models": []}) as it:
        document = await it.run("train.start")
    assert document["model"] == next(iter(recorded("info")["trainers"]))


@in_virtual_time
async def test_without_a_server_nothing_is_trained(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        error = await it.failing("train.start")
    assert (error.problem.code, error.exit_code) == ("server_down", 4)


@in_virtual_time
async def test_each_epoch_is_reported_once_until_the_end(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(5)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        training.print(EPOCH_3_BEGINS)
        await it.report.wait_for("'epoch': 2")
        training.finish()
        document = await following
    epochs = [record for record in it.report.records if "epoch" in record]
    assert [record["epoch"] for record in epochs] == [1, 2, 3]
    assert epochs[0]["metrics"]["val_mean_dice"] == pytest.approx(0.058, abs=0.001)
    assert (document["state"], document["error"]) == ("done", None)
    assert document["best"]["epoch"] == 3


@in_virtual_time
async def test_following_says_how_far_a_training_is_and_what_it_waits_for(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.task["status"] = "SUBMITTED"
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("deepedit waits in the server's queue")
        training.task["status"] = "RUNNING"
        await it.report.wait_for("deepedit waits for its first iteration")
        await it.report.wait_for("studies (for 2")
        training.print(ITERATION_2)
        await it.report.wait_for("deepedit: epoch 1 of 3, iteration 2 of 4, loss 3.")
        training.print(ITERATION_4)
        await it.report.wait_for("epoch 1 of 3, all 4 iterations ran; it waits for the validation")
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("deepedit: epoch 2 of 3 begins")
        training.finish()
        await following


@in_virtual_time
async def test_following_a_fast_training_does_not_print_a_line_for_each_iteration(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await known(it, TrainState.RUNNING)
        for line in range(EPOCH_3_BEGINS):
            training.print(line)
            await asyncio.sleep(0.2)
        training.finish()
        await following
    lines = [line for line in it.report.lines if line.startswith("deepedit")]
    assert 2 <= len(lines) <= 1 + EPOCH_3_BEGINS * 0.2 / 5 + 1


@pytest.mark.parametrize(("status", "code"), [("STOPPED", "stopped"), ("ERROR", "train_failed")])
@in_virtual_time
async def test_one_that_does_not_end_well_fails_with_its_state(
    tmp_path: Path, status: str, code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        following = it.begin("train.status", follow=True)
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        training.task["status"] = status
        with pytest.raises(Failed) as ended:
            await following
    assert ended.value.problem.code == code
    assert ended.value.document is not None
    assert ended.value.document["state"] == status.lower()


@pytest.mark.parametrize("orphaned", [False, True])
@in_virtual_time
async def test_a_server_that_dies_ends_the_following(tmp_path: Path, orphaned: bool) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(5)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        it.host.agent.orphans = [ORPHAN] if orphaned else []
        die(it)
        async with asyncio.timeout(5):
            with pytest.raises(Failed) as ended:
                await following
        status = await it.run("train.status")
        alerts = {alert.key for alert in it.session.store.state.alerts}
    assert ended.value.exit_code == 1
    assert ended.value.problem.code == ("orphaned" if orphaned else "server_gone")
    assert status["state"] == ("orphaned" if orphaned else "error")
    assert (status["eta_s"], status["stale_because"]) == (None, None)
    assert "server" in alerts


@in_virtual_time
async def test_a_server_that_dies_before_it_lists_the_training_ends_the_following(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["GET", "/train/"] = 404
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(3)
        it.host.agent.orphans = [ORPHAN]
        die(it)
        async with asyncio.timeout(5):
            with pytest.raises(Failed) as ended:
                await following
    assert ended.value.problem.code == "orphaned"


@in_virtual_time
async def test_a_request_under_way_does_not_hide_the_end_of_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        slow = MonaiLabelClient.train_tasks

        async def dies_meanwhile(_client: Any) -> Any:
            it.host.agent.orphans = [ORPHAN]
            die(it)
            await it.session.store.wait_for(
                lambda s: s.server.value is not None and bool(s.server.value.orphans)
            )
            return await slow(_client)

        with patch.object(MonaiLabelClient, "train_tasks", dies_meanwhile):
            reading = await it.session.pollers.training.poll()
    assert reading.value is not None
    assert (reading.value.state, reading.error) == (TrainState.ORPHANED, None)


@in_virtual_time
async def test_a_server_that_was_started_again_has_forgotten_the_training(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        it.server.tasks.clear()
        async with asyncio.timeout(10):
            with pytest.raises(Failed) as ended:
                await following
    assert (ended.value.problem.code, ended.value.exit_code) == ("training_forgotten", 1)


@in_virtual_time
async def test_a_slow_server_of_somebody_else_is_no_dead_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.server.up = True
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        it.server.up = False
        await it.session.store.wait_for(lambda s: s.info.failures > 0, 60)
        it.server.up = True
        await it.session.store.wait_for(lambda s: s.info.failures == 0, 60)
        assert not following.done()
        it.server.up = False
        async with asyncio.timeout(60):
            with pytest.raises(Failed) as ended:
                await following
    assert ended.value.problem.code == "server_gone"


@in_virtual_time
async def test_the_next_in_the_queue_does_not_hide_the_end(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        training.finish()
        it.server.tasks.append({**recorded("train_status_running"), "id": "next", "details": []})
        async with asyncio.timeout(20):
            document = await following
    assert (document["state"], document["task_id"]) == ("done", training.task["id"])


@in_virtual_time
async def test_an_orphan_is_shown_as_soon_as_its_server_has_died(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        it.host.agent.orphans = [ORPHAN]
        die(it)
        async with asyncio.timeout(2):
            await known(it, TrainState.ORPHANED)
        reading = it.session.store.state.training
    assert reading.value is not None
    assert (reading.value.pid, reading.value.eta_s, reading.error) == (41, None, None)


@in_virtual_time
async def test_a_training_that_outlives_its_server_is_at_no_moment_called_failed(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await asyncio.sleep(1)
        shown: list[TrainState] = []
        it.session.store.subscribe(
            lambda state, _changed: shown.append(state.training.value.state) if state.training.value else None
        )
        answer = asyncio.Event()

        async def orphans(_connection: object, **_asked: object) -> dict[str, Any]:
            await answer.wait()
            return {"orphans": [ORPHAN]}

        it.host.agent._op_orphans = orphans  # type: ignore[method-assign]
        die(it)
        await asyncio.sleep(3)
        answer.set()
        await known(it, TrainState.ORPHANED)
        alerts = {alert.key for alert in it.session.store.state.alerts}
    assert TrainState.ERROR not in shown
    assert alerts == {"server", "orphans"}


@in_virtual_time
async def test_a_stop_of_the_server_ends_its_training_without_an_alert(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await it.run("server.stop")
        await known(it, TrainState.STOPPED)
        await asyncio.sleep(30)
        status = await it.run("train.status")
        alerts = [alert.key for alert in it.session.store.state.alerts]
    assert (status["state"], status["ended_with"], status["error"], status["epoch"]) == (
        "stopped",
        "server",
        None,
        1,
    )
    assert alerts == []


@pytest.mark.parametrize("action", ["pod.stop", "pod.terminate"])
@in_virtual_time
async def test_a_stop_of_the_pod_ends_server_and_training_without_an_alert(
    tmp_path: Path, action: str
) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        await it.rent()
        it.serve()
        await it.session.readiness.need_server()
        training = Training(it)
        training.begin()
        it.session.pollers.wake()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        it.server.up = False
        await it.run(action, named="annot")
        it.out_of_reach()
        it.host.drop()
        await known(it, TrainState.STOPPED)
        await asyncio.sleep(60)
        state = it.session.store.state
        entries = [entry.title for entry in it.session.journal.entries]
    assert state.training.value is not None
    assert (state.training.value.ended_with, state.training.value.eta_s) == ("pod", None)
    assert state.server.value is not None
    assert (state.server.value.state, state.server.value.pid, state.server.value.orphans) == (
        "stopped",
        None,
        (),
    )
    assert (state.training.error, state.server.error) == (None, None)
    assert {alert.key for alert in state.alerts} & {"server", "training", "orphans", "host"} == set()
    assert any("pod" in entry.lower() for entry in entries)


@in_virtual_time
async def test_the_server_of_a_stopped_pod_is_no_crashed_one_after_the_pods_next_start(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        await it.rent()
        it.serve()
        await it.session.readiness.need_server()
        await it.session.store.wait_for(lambda s: s.queue.value is not None, 20)
        it.server.up = False
        await it.run("pod.stop", named="annot")
        it.host.drop()
        job = it.host.agent.jobs["server"]
        it.host.agent.answers["job.status"] = lambda _request: {**job.document, "state": "lost"}
        await it.run("pod.start", named="annot")
        it.session.reconnect()
        await it.session.store.wait_for(
            lambda s: s.host.value is not None and s.host.value.state is LinkState.CONNECTED, 120
        )
        await asyncio.sleep(30)
        state = it.session.store.state
    assert state.server.value is not None
    assert (state.server.value.state, state.server.value.problem) == ("stopped", None)
    assert "server" not in {alert.key for alert in state.alerts}


@in_virtual_time
async def test_the_status_of_nothing_is_idle_and_is_not_followed(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        idle = await it.run("train.status", follow=True)
        Training(it).begin()
        await known(it, TrainState.RUNNING)
        running = await it.run("train.status")
    assert (idle["state"], running["state"], running["model"]) == ("idle", "running", "deepedit")
    assert not it.session.journal.entries


@in_virtual_time
async def test_stopping_waits_until_it_has_stopped_and_names_the_next(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run("train.start", model="deepedit")
        stopped = await it.run("train.stop")
        first = {**recorded("train_status_running"), "id": "one", "details": []}
        second = {**first, "id": "two", "status": "SUBMITTED"}
        it.server.tasks[:] = [first, second]

        def stop(_request: httpx.Request) -> dict[str, Any]:
            first["status"], second["status"] = "STOPPED", "RUNNING"
            return {}

        it.server.documents["DELETE", "/train/"] = stop
        await known(it, TrainState.RUNNING)
        await it.run("train.stop")
    assert stopped["state"] == "stopped"
    assert it.report.lines[-1] == "Stopped. The next training in the queue starts now: deepedit"


@in_virtual_time
async def test_there_has_to_be_one_to_stop(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        error = await it.failing("train.stop")
    assert error.problem.code == "nothing_trains"
    assert not it.server.asked("DELETE", "/train/")


@in_virtual_time
async def test_one_that_has_outlived_its_server_is_ended_on_the_host(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [ORPHAN]
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and bool(s.server.value.orphans), 60
        )
        document = await it.run("train.stop")
    assert it.report.lines == ["Ending the training of deepedit whose server has ended (pid 41)"]
    assert not it.host.agent.orphans
    assert document["state"] != "orphaned"


@in_virtual_time
async def test_a_training_of_somebody_else_is_shown_but_not_ended(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [THEIRS]
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and bool(s.server.value.orphans), 60
        )
        await known(it, TrainState.IDLE)
        offered = BY_ID["train.stop"].disabled(it.session.store.state)
        error = await it.failing("train.stop")
        server = await it.run("server.status")
        checks = {check["part"]: check for check in (await it.run("doctor"))["checks"]}
        (alert,) = [one for one in it.session.store.state.alerts if one.key == "orphans"]
    assert offered is not None
    assert error.problem.code == "nothing_trains"
    assert it.host.agent.requests("orphans.stop") == []
    assert server["orphans"][0]["ours"] is False
    assert (server["orphans"][0]["folder"], server["orphans"][0]["user"]) == ("/home/bob/tui", "bob")
    for text in (alert.message, checks["training"]["message"]):
        assert "bob" in text
        assert "/home/bob/tui" in text
    assert "t x" not in alert.hint


@in_virtual_time
async def test_only_the_profiles_own_orphan_is_ended(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [THEIRS, ORPHAN]
        await known(it, TrainState.ORPHANED)
        await it.run("train.stop")
    assert [one["pgid"] for one in it.host.agent.requests("orphans.stop")] == [40]


@pytest.mark.parametrize(("status", "code"), [("STOPPED", "stopped"), ("ERROR", "train_failed")])
@in_virtual_time
async def test_following_one_that_has_ended_already_fails_as_following_it_to_its_end(
    tmp_path: Path, status: str, code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        training.print(EPOCH_2_BEGINS)
        training.task["status"] = status
        error = await it.failing("train.status", follow=True)
        seen = await it.run("train.status")
    assert (error.problem.code, error.exit_code, seen["state"]) == (code, 1, status.lower())


@pytest.mark.parametrize("ended", [False, True])
@in_virtual_time
async def test_nothing_is_said_of_a_training_before_output_and_api_were_read(
    tmp_path: Path, ended: bool
) -> None:
    async with desk(tmp_path, start=False) as it:
        it.serve()
        training = Training(it)
        training.begin()
        training.print(EPOCH_2_BEGINS)
        if ended:
            training.finish()
        readings = states_of(it)
        it.server.up = False  # it answers only after its output was read
        await it.session.start()
        await it.session.store.wait_for(lambda _: it.session.watch.listening, 60)
        it.server.up = True
        state = TrainState.DONE if ended else TrainState.RUNNING
        await known(it, state)
        status = await it.run("train.status")
        alerts = it.session.store.state.alerts
    assert set(readings) == {state}
    assert (status["state"], status["error"], alerts) == (state.value, None, ())


@in_virtual_time
async def test_a_dead_servers_orphan_is_reported_by_every_command(tmp_path: Path) -> None:
    for delay_s in (0.0, 0.5, 3.0):
        async with desk(tmp_path / str(delay_s), start=False) as it:
            it.serve()
            Training(it).print(EPOCH_2_BEGINS)
            die(it)
            it.host.agent.orphans = [ORPHAN]
            late = iter([Failed(Code.BAD_REQUEST, "Not now.", "")])

            def orphans(_request: Any, it: Desk = it, late: Any = late) -> Any:
                if (error := next(late, None)) is not None:
                    raise error
                return {"orphans": it.host.agent.orphans}

            it.host.agent.answers["orphans"] = orphans
            readings = states_of(it)
            await it.session.start()
            await asyncio.sleep(delay_s)
            status = await it.run("train.status")
        assert (status["state"], set(readings)) == ("orphaned", {TrainState.ORPHANED})
