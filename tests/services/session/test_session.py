"""The session's operations on the embedded pod: the same code as on a real host, in seconds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from labeltui.domain.problems import LabeltuiError, Misused, Refused
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, ServerState, StudyState, TrainState, TunnelState
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.operations.run import run_action
from labeltui.sandbox import nifti
from labeltui.session.demo import DemoPod
from labeltui.session.session import Session
from tests.actions import RecordingReport, RefusingPrompter, run_confirmed


@asynccontextmanager
async def opened(scenario: str, *, read_only: bool = False, theme: str = "") -> AsyncIterator[Session]:
    launch = Launch(demo=scenario, read_only=read_only, theme=theme or None)
    session = await open_session(launch, RefusingPrompter())
    await session.start()
    try:
        yield session
    finally:
        await session.close()


async def refused(session: Session, action: str, **params: Any) -> str:
    """The code an action is refused or fails with."""
    with pytest.raises(LabeltuiError) as error:
        await run_confirmed(session, action, **params)
    assert error.value.problem.message
    return error.value.problem.code


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


async def the_log_is_whole_and_says_each_line_once(session: Session) -> None:
    """Of stdout and app.log, which say nearly the same; the traceback of an HTTP 500 is only in the one."""
    async with httpx.AsyncClient(base_url=session.tunnel.base_url or "", timeout=20) as client:
        assert (await client.post("/infer/no_such", params={"image": "no_such"})).status_code == 500
    agent, path = await session.link.ready(), session.watch.run.log_path
    assert path is not None
    marker = b"Exception in ASGI application"
    app_log = str(session.watch.meta["app_log"])
    grown = asyncio.Event()
    unsubscribe = session.log.subscribe(grown.set)
    async with asyncio.timeout(20):
        while marker not in session.log.bytes() or session.log.digest() != await agent.sha256(path):
            await grown.wait()
            grown.clear()
    unsubscribe()
    assert marker not in await agent.read(app_log, limit=1 << 20)
    assert b"Return code: 0" in await agent.read(app_log, limit=1 << 20)
    assert {session.log.source_of(line) for line in range(session.log.line_count)} == {"stdout"}


async def test_every_demo_has_a_pod_and_the_colours_and_keys_of_the_operators_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[profiles.p]\nhost = "ssh"\ntheme = "labeltui-light"\nkeys = { "server.start" = "f5" }\n'
        '[profiles.p.ssh]\naddress = "root@203.0.113.7"\n'
    )
    monkeypatch.setenv("LABELTUI_CONFIG", str(config))
    async with opened("network-drop") as session:
        profile = session.profile
        assert (profile.host, profile.theme) == ("runpod", "labeltui-light")
        assert profile.keys == {"server.start": "f5"}
        pod = await run_confirmed(session, "pod.show")
        assert (pod["name"], pod["status"].lower()) == ("annot-demo", "running")
        await session.store.wait_for(lambda s: s.host.value is not None and s.host.value.reconnects >= 1, 60)
    config.write_text("[profiles.p")
    async with opened("stopped", theme="labeltui-light") as session:
        assert session.profile.theme == "labeltui-light"
    with pytest.raises(Misused):
        await open_session(Launch(demo="stopped", profile="p"), RefusingPrompter())


async def test_from_stopped_to_a_trained_model_and_back() -> None:
    async with opened("stopped") as session:
        assert (await session.readiness.settled()).server.value.state is ServerState.STOPPED  # type: ignore[union-attr]
        report = RecordingReport()
        server = await run_confirmed(session, "server.start", report)
        assert (server["state"], server["version"]) == ("running", "0.8.5")
        assert report.lines[0] == "Starting radiology with deepedit"
        assert session.store.state.tunnel.value is not None
        assert session.store.state.tunnel.value.state is TunnelState.UP

        report = RecordingReport()
        final = await run_confirmed(session, "train.start", report, max_epochs=3, follow=True)
        assert [r["epoch"] for r in report.records] == [1, 2, 3]
        assert (final["state"], final["best"]["metric"]) == ("done", "val_mean_dice")
        losses = [r["loss"] for r in report.records]
        assert losses == sorted(losses, reverse=True)

        studies = await run_confirmed(session, "studies.list")
        assert studies["total"] == len(studies["studies"])
        sample = await run_confirmed(session, "studies.next", strategy="random")
        studies = await run_confirmed(session, "studies.list")
        (drawn,) = [study for study in studies["studies"] if study["id"] == sample["id"]]
        assert session.profile.client_id not in drawn["opened_by"]  # an annotator may have opened it

        await the_log_is_whole_and_says_each_line_once(session)

        pid = server["pid"]
        stopped = await run_confirmed(session, "server.stop")
        assert (stopped["state"], stopped["pid"]) == ("stopped", None)
        assert not alive(pid)
        outcomes = [(entry.title, entry.ok) for entry in session.journal.entries]
        assert outcomes[0] == ("Start the server", True)
        assert "labeltui train start --max-epochs 3 --follow" in [
            one.command for one in session.journal.entries
        ]


async def test_a_training_that_no_console_watched_is_found_on_the_host() -> None:
    async with opened("stopped") as session:
        await run_confirmed(session, "server.start")
        await run_confirmed(session, "train.start", max_epochs=2, follow=True)
        await run_confirmed(session, "server.stop")
        (seen,) = (await run_confirmed(session, "train.history"))["trainings"]
        session.history.write(lambda connection: connection.execute("DELETE FROM trainings"))
        session.history.write(lambda connection: connection.execute("DELETE FROM server_logs"))
        session.trainings._added.clear()
        assert await session.trainings.load() == ()
        await run_confirmed(session, "server.start")
        (found,) = (await run_confirmed(session, "train.history"))["trainings"]
    assert (seen["state"], seen["epochs"], seen["options"]["max_epochs"]) == ("done", 2, 2)
    assert seen["model_file"]
    assert found == seen


async def test_what_cannot_work_is_refused_with_its_own_words() -> None:
    async with opened("stopped") as session:
        assert await refused(session, "server.start", app="nothing") == "missing_app"
        assert await refused(session, "server.start", studies="~/nowhere") == "no_studies"
        assert await refused(session, "server.start", models="no_such_model") == "unknown_model"
        assert await refused(session, "train.start") == "server_down"
        assert await refused(session, "train.stop") == "nothing_trains"
        await run_confirmed(session, "server.start")
        assert await refused(session, "server.start") == "already_running"
        assert await refused(session, "train.start", model="no_such") == "unknown_model"
        assert await refused(session, "studies.next", strategy="no_such") == "unknown_strategy"
        assert await refused(session, "train.start", param={"max_epochs": "many"}) == "bad_parameter"


@pytest.mark.slow
async def test_the_results_of_a_day_give_every_command_something_to_work_on() -> None:
    async with opened("results") as session:
        await session.readiness.settled()
        assert not [alert for alert in session.store.state.alerts if alert.key == "autostart"]
        done = {
            name: await run_confirmed(session, name)
            for name in ("infer.status", "score.status", "models.list")
        }
        assert (done["infer.status"]["state"], done["infer.status"]["done"]) == ("done", 6)
        assert len(done["score.status"]["results"]) == 6
        assert len(done["models.list"]["copies"]) == 2
        compared = await run_confirmed(session, "studies.compare", study="spleen_002")
        assert [label["name"] for label in compared["labels"]] == ["spleen", "liver"]
        chosen = await run_confirmed(session, "studies.choose", study="spleen_002", client="ben")
        assert chosen["before"] == "ana"
        assert (await run_confirmed(session, "models.rollback", model="deepedit"))["sent"]
        assert len((await run_confirmed(session, "studies.restore", study="spleen_003"))["restored"]) == 1


@pytest.mark.slow
def test_a_command_in_a_demo_waits_for_what_the_demo_does_first() -> None:
    words = [sys.executable, "-m", "labeltui", "--demo", "results", "labels", "list", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=True)
    assert "spleen_003" in {label["study"] for label in json.loads(done.stdout)["labels"]}


async def test_no_labels_is_said_before_anything_is_started() -> None:
    async with opened("no-labels") as session:
        await session.readiness.settled()
        assert await refused(session, "train.start") == "no_labels"


async def test_a_second_training_a_queue_and_a_stop() -> None:
    async with opened("healthy") as session:
        await session.readiness.settled()
        first = await run_confirmed(session, "train.start", max_epochs=50)
        assert await refused(session, "train.start") == "already_training"
        await run_confirmed(session, "train.start", max_epochs=50, enqueue=True)
        await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.queued == 1, 20
        )
        report = RecordingReport()
        after = await run_confirmed(session, "train.stop", report)
        assert after["task_id"] != first["task_id"]
        assert any("next training in the queue" in line for line in report.lines)
        await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.RUNNING, 20
        )


async def test_a_killed_server_is_detected_explained_and_its_training_found_and_ended() -> None:
    async with opened("healthy") as session:
        state = await session.readiness.settled()
        await run_confirmed(session, "train.start", max_epochs=50)
        await session.store.wait_for(lambda s: s.training.value.state is TrainState.RUNNING, 20)
        assert state.server.value is not None
        os.kill(state.server.value.pid or 0, signal.SIGKILL)
        state = await session.store.wait_for(lambda s: s.server.value.state is ServerState.CRASHED, 20)
        assert state.server.value.exit_code == -9
        state = await session.store.wait_for(lambda s: bool(s.server.value.orphans), 30)
        assert state.server.value.orphans[0].model == "deepedit"
        assert {"server", "orphans"} <= {alert.key for alert in state.alerts}
        orphan = state.server.value.orphans[0].pid
        await run_confirmed(session, "train.stop")
        assert not alive(orphan)
        assert (await run_confirmed(session, "server.start"))["state"] == "running"


@pytest.mark.slow
async def test_a_killed_training_is_named_with_what_to_check() -> None:
    async with opened("oom") as session:

        def names_memory(state: SessionState) -> bool:
            problem = state.training.value and state.training.value.problem
            return bool(problem and "memory" in problem.hint)

        await session.store.wait_for(names_memory, 50)  # the API's state can come before the log's line


@pytest.mark.slow
async def test_a_dropped_network_leaves_the_log_whole_and_marked() -> None:
    async with opened("network-drop") as session:
        await session.readiness.settled()
        await session.store.wait_for(lambda s: s.host.value.reconnects >= 1, 50)
        await session.store.wait_for(lambda s: s.host.value.state is LinkState.CONNECTED, 50)
        await session.store.wait_for(lambda s: s.server.error is None and s.host.error is None, 50)
        path = session.watch.run.log_path
        assert path is not None
        await session.store.wait_for(lambda _s: bool(session.log.marks and session.log.marks[0].back_at), 20)
        stored = session.log.bytes()
        assert Path(path).read_bytes()[: len(stored)] == stored  # noqa: ASYNC240 - a small local file


async def test_hostile_studies_are_listed_as_they_are_named() -> None:
    async with opened("hostile") as session:
        await session.readiness.settled()
        studies = await run_confirmed(session, "studies.list")
        named = [s["id"] for s in studies["studies"]]
        assert any("\x1b" in name and "$(touch pwned)" in name for name in named)
        assert session.pod is not None
        assert not list(Path(session.pod.root).rglob("pwned"))  # type: ignore[attr-defined]  # noqa: ASYNC240


async def test_read_only_refuses_in_the_core_and_reads_on() -> None:
    async with opened("stopped", read_only=True) as session:
        await session.readiness.settled()
        with pytest.raises(Refused, match="read-only"):
            await run_confirmed(session, "server.start")
        assert (await run_confirmed(session, "server.status"))["state"] == "stopped"


async def test_an_unconfirmed_stop_is_refused_and_nothing_happens() -> None:
    async with opened("healthy") as session:
        await session.readiness.settled()
        with pytest.raises(Refused, match="Not confirmed"):
            await run_action(session, "server.stop", {}, RecordingReport())
        assert (await run_confirmed(session, "server.status"))["state"] == "running"


async def test_a_restart_keeps_what_the_server_was_started_with() -> None:
    async with opened("stopped") as session:
        await session.readiness.settled()
        await run_confirmed(session, "server.start", models="segmentation")
        again = await run_confirmed(session, "server.restart")
        assert again["models"] == ["segmentation"]


async def test_two_sessions_on_one_host_see_the_same_server() -> None:
    async with opened("stopped") as session:
        await session.readiness.settled()
        other = Session(
            "demo", session.profile, _same_host(session), session.state_folder, pod=_SharedPod(session.pod)
        )
        await other.start(hold=False)
        try:
            await run_confirmed(session, "server.start")
            state = await other.store.wait_for(
                lambda s: s.server.value is not None and s.server.value.state is ServerState.RUNNING, 20
            )
            assert state.server.value is not None
            assert state.server.value.pid == session.store.state.server.value.pid  # type: ignore[union-attr]
            state = await other.store.wait_for(lambda s: s.queue.value is not None, 20)
            assert state.queue.value is not None
            assert StudyState.FINAL in {s.state for s in state.queue.value.studies}
        finally:
            await other.close()


class _SharedPod:
    """The demo's pod of another session, which closes it."""

    def __init__(self, pod: DemoPod | None) -> None:
        assert pod is not None
        self.scenario, self.autostart, self.account = pod.scenario, (), pod.account

    async def close(self) -> None: ...


def _same_host(session: Session) -> Any:
    from labeltui.opening.hosts import host_of

    return host_of(session.profile, session.state_folder, RefusingPrompter())


async def read(url: str, client_id: str, label: bytes) -> str | None:
    """Fetch a study from the worklist and submit its final label, as Slicer does. Returns the study."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        sample = (await client.post("/activelearning/worklist", json={"client_id": client_id})).json()
        if sample:
            info = {"client_id": client_id, "label_info": [{"name": "spleen", "idx": 1}]}
            done = await client.put(
                "/datastore/label", params={"image": sample["id"], "tag": "final"},
                data={"params": json.dumps(info)}, files={"label": ("label.nii.gz", label)},
            )  # fmt: skip
            assert done.status_code == 200
        return sample.get("id")


async def test_two_annotators_read_one_study_and_their_labels_are_compared_in_the_servers_environment() -> (
    None
):
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[:4] = 1
    async with opened("quiet") as session:
        await session.store.wait_for(lambda s: s.info.value is not None and s.queue.value is not None, 60)
        for action in ("studies.order", "studies.double"):
            await run_confirmed(session, action, studies=("spleen_018",))
        url = session.tunnel.base_url or ""
        assert await read(url, "ana", nifti.encode(mask)) == "spleen_018"
        await session.store.wait_for(
            lambda s: s.worklist.value is not None and s.worklist.value.second == {"spleen_018": ""}, 60
        )
        assert await read(url, "ana", nifti.encode(mask)) != "spleen_018"
        assert await read(url, "ben", nifti.encode(np.roll(mask, 2, axis=0))) == "spleen_018"
        await session.store.wait_for(
            lambda s: (
                s.worklist.value is not None and len(s.worklist.value.readings.get("spleen_018", ())) == 2
            ),
            60,
        )
        document = await run_confirmed(session, "studies.compare", study="spleen_018")
        assert (document["clients"], document["labels"][0]["dice"]) == (["ana", "ben"], 0.5)
        await run_confirmed(session, "studies.choose", study="spleen_018", client="ana")
        info = await session.api.client().label_info("spleen_018", "final")
        assert info["client_id"] == "ana"
