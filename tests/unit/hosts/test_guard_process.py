"""The guard as it runs on a pod: a process of its own, with limits of tenths of a second."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hosts.agent_process import AgentProcess, is_alive, wait_for
from tests.unit.hosts.fakerunpod import FakeRunpod
from tests.unit.hosts.guard_pod import LENT, OWN, POLICY, Pod


@pytest.fixture
def runpod() -> Iterator[FakeRunpod]:
    fake = FakeRunpod()
    fake.keys[OWN] = "all"
    yield fake
    fake.close()


@pytest.fixture
def pod(tmp_path: Path, runpod: FakeRunpod, start_agent: Callable[..., AgentProcess]) -> Iterator[Pod]:
    made = Pod(tmp_path, runpod, start_agent)
    made.arrive()
    yield made
    pid = made.state().get("pid")
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_it_stops_an_idle_pod_after_its_console_was_killed(pod: Pod) -> None:
    answer = pod.guard(idle_s=1.0)
    assert answer["alive"]
    assert answer["started"]
    pid = answer["state"]["pid"]
    assert os.getsid(pid) == pid
    pod.agent.kill()
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop")
    assert is_alive(pid)
    pod.until(lambda s: s["stopped_by"] == "the pod's own key", "what stopped it")
    assert pod.runpod.actions("stop") == [OWN]


def test_no_key_is_called_proven_before_it_was_used_and_nothing_is_asked_of_the_pod(pod: Pod) -> None:
    pod.guard(idle_s=600)
    state = pod.until(lambda s: s.get("checked"), "a check")
    assert state["way"] == "the pod's own key"
    assert state["ways"][0]["works"] is None
    assert state["ways"][0]["words"] == "not tested yet; it may read the pod"
    assert {method for method, _, _ in pod.runpod.asked} == {"GET"}


@pytest.mark.slow
def test_a_key_that_may_only_read_is_refused_and_the_lent_one_is_taken(pod: Pod) -> None:
    pod.runpod.keys.update({OWN: "read", LENT: "all"})
    pod.guard(key=LENT)
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop")
    pod.until(lambda s: s["stopped_by"] == "the operator's key", "what stopped it")
    own = pod.state()["ways"][0]
    assert own["works"] is False
    assert "it may not stop the pod" in own["words"]
    assert "403" in own["words"]
    assert pod.runpod.actions("stop") == [OWN, LENT]
    assert not pod.runpod.actions("start")


@pytest.mark.slow
def test_a_lent_key_is_its_owners_only_and_is_forgotten_when_asked(pod: Pod) -> None:
    pod.guard(idle_s=600, key=LENT)
    (path,) = (pod.root / "memory").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(pod.folder.stat().st_mode) == 0o700
    answer = pod.guard(idle_s=600, key="")
    assert not path.exists()
    assert not answer["lent_key"]


@pytest.mark.slow
def test_that_no_key_works_is_said_at_once_and_tried_again(pod: Pod) -> None:
    pod.runpod.keys[OWN] = "none"
    ran = pod.root / "ran"
    (pod.path / "runpodctl").write_text(f"#!/bin/sh\necho >> {ran}\n")
    (pod.path / "runpodctl").chmod(0o755)
    pod.guard(idle_s=600)
    state = pod.until(lambda s: s["decision"]["problem"], "the problem")
    said = state["decision"]["problem"]
    assert "the pod's own key: refused" in said
    assert "runpodctl does not count: no version of it is known to speak REST v2" in said
    assert "does not lend the operator's key" in said
    pod.ask("set", changes={"idle_s": 0.1})
    pod.until(lambda s: s["decision"]["left_s"] == 0.0, "the time to stop it")
    assert pod.state()["decision"]["state"] == "stuck"
    assert pod.runpod.status == "RUNNING"
    assert not ran.exists()
    pod.runpod.keys[OWN] = "all"
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop, once the key works")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"locked": True}, "locked"),
        ({"actions": ["terminate"]}, "only: terminate"),
        ({"cluster": {"id": "c1"}}, "one of a cluster"),
    ],
)
def test_a_pod_that_nobody_may_stop_is_no_surprise_later(pod: Pod, more: dict[str, Any], said: str) -> None:
    pod.runpod.pod.update(more)
    pod.guard(idle_s=600)
    assert said in pod.until(lambda s: s["decision"]["problem"], "the problem")["decision"]["problem"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 500, 503, 400])
def test_an_odd_answer_proves_and_disproves_nothing(pod: Pod, status: int) -> None:
    pod.runpod.broken = status
    pod.guard(idle_s=600)
    state = pod.until(lambda s: s.get("checked"), "a check")
    assert state["ways"][0]["works"] is None
    assert f"RunPod answered {status}" in state["ways"][0]["words"]
    assert state["decision"]["state"] == "watching"
    pod.runpod.broken = None
    pod.ask("set", changes={"idle_s": 0.1})
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop, once RunPod answers")


@pytest.mark.slow
def test_no_key_is_in_anything_it_writes(pod: Pod) -> None:
    pod.runpod.keys.update({OWN: "none", LENT: "all"})
    pod.guard(idle_s=600, key=LENT)
    pod.until(lambda s: s["way"] == "the operator's key", "the other key")
    pod.runpod.broken = 500
    pod.ask("set", changes={"idle_s": 0.05})
    pod.until(lambda s: "failed" in str(s["ways"]), "a stop that failed")
    written = [
        path
        for path in pod.root.rglob("*")
        if path.is_file() and path.parent.name != "memory" and path.name != "agent.zip"
    ]
    assert len(written) > 3
    for path in written:
        assert b"CANARY" not in path.read_bytes(), path
    arguments = Path(f"/proc/{pod.state()['pid']}/cmdline").read_bytes()
    assert b"CANARY" not in arguments


def test_labels_that_no_desk_has_are_waited_for_and_then_it_stops_right_after(pod: Pod) -> None:
    first, second = pod.label("liver_1"), pod.label("liver_2", "original")
    pod.guard()
    state = pod.decided("waiting")
    assert "2 labels are not copied off the pod" in state["decision"]["words"]
    assert pod.ask("copied", files=[first])["in_all"] == 1
    state = pod.until(lambda s: s["uncopied"] == 1, "one left")
    assert "liver_2 (original)" in state["decision"]["words"]
    assert pod.runpod.status == "RUNNING"
    pod.ask("copied", files=[second])
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop")


@pytest.mark.slow
def test_a_label_that_was_submitted_again_is_not_copied(pod: Pod) -> None:
    pod.guard(idle_s=600)
    pod.ask("copied", files=[pod.label(data=b"one")])
    pod.until(lambda s: s["uncopied"] == 0, "copied")
    again = pod.label(data=b"two")
    pod.until(lambda s: s["uncopied"] == 1, "not copied any more")
    assert pod.until(lambda s: "label" in s["seen"], "a label")["seen"]["label"][2] == "of liver_1"
    import hashlib

    pod.ask("copied", files=[[again[0], again[1], hashlib.sha256(b"two").hexdigest()]])
    pod.until(lambda s: s["uncopied"] == 0, "copied, by checksum")
    pod.ask("copied", files=[], drop=[again[0]])
    pod.until(lambda s: s["uncopied"] == 1, "dropped")


@pytest.mark.slow
def test_who_saved_a_label_is_reported(pod: Pod) -> None:
    pod.guard(idle_s=600)
    pod.until(lambda s: s["uncopied"] == 0, "a first check")
    record = {"objects": {"liver_1": {"labels": {"final": {"info": {"client_id": "ana"}}}}}}
    (pod.studies / "datastore_v2.json").write_text(json.dumps(record))
    pod.label()
    assert pod.until(lambda s: "label" in s["seen"], "a label")["seen"]["label"][2] == "by ana"


def test_a_training_keeps_the_pod_and_its_end_starts_the_countdown(pod: Pod) -> None:
    script = "import time; time.sleep(60)"
    package = pod.root / "monailabel" / "interfaces" / "utils"
    package.mkdir(parents=True)
    (package / "app.py").write_text(script)
    pod.agent.ask(
        "job.start", name="server", cwd=str(pod.root),
        argv=[sys.executable, "-m", "monailabel.interfaces.utils.app", "-m", "train", "-r", '{"model": "deepedit"}'],
    )  # fmt: skip
    pod.guard(idle_s=0.3, budget=0.0001)
    state = pod.decided("waiting")
    assert state["decision"]["cause"] == "budget"
    assert "a training of deepedit runs" in state["decision"]["words"]
    pod.ask("set", changes={"budget": None})
    state = pod.until(lambda s: s["decision"]["state"] == "watching", "no countdown")
    assert state["decision"]["left_s"] is None
    assert pod.runpod.status == "RUNNING"
    pod.agent.ask("job.stop", name="server", grace_s=0.1)
    wait_for(lambda: pod.runpod.status == "EXITED", "the stop")


@pytest.mark.slow
def test_a_new_console_finds_it_and_a_newer_version_takes_over_its_activity(pod: Pod) -> None:
    first = pod.guard(idle_s=600)
    pod.ask("keep")
    pod.until(lambda s: "keep" in s["seen"], "keep")
    pod.agent.close()
    pod.arrive()
    again = pod.guard(idle_s=600)
    assert not again["started"]
    assert again["state"]["pid"] == first["state"]["pid"]
    newer = pod.guard(version="v2", idle_s=600)
    assert newer["started"]
    assert newer["state"]["version"] == "v2"
    assert newer["state"]["pid"] != first["state"]["pid"]
    wait_for(lambda: not is_alive(first["state"]["pid"]), "the end of the old one")
    assert newer["state"]["seen"]["keep"] == first["state"]["seen"].get(
        "keep", newer["state"]["seen"]["keep"]
    )
    assert newer["state"]["seen"]["start"] == first["state"]["seen"]["start"]


@pytest.mark.slow
def test_what_was_set_outlives_the_console_and_the_next_ones_profile(pod: Pod) -> None:
    pod.guard(idle_s=600)
    pod.ask("set", changes={"idle_s": 1200, "mode": "off"})
    pod.agent.close()
    pod.arrive()
    assert pod.until(lambda s: s["policy"]["mode"] == "off", "off")["policy"]["idle_s"] == 1200
    pod.guard(idle_s=600)
    pod.ask("set", changes={"mode": "auto"})
    assert pod.until(lambda s: s["policy"]["mode"] == "auto", "on")["policy"]["idle_s"] == 1200
    wrong = pod.agent.fail("guard", request={"ask": "set", "changes": {"idle_s": "never"}})
    assert "can't be set to idle_s = 'never'" in wrong["message"]


@pytest.mark.slow
def test_off_is_off(pod: Pod) -> None:
    pod.guard(mode="off", idle_s=0.05)
    pod.decided("off")
    before = pod.state()["written_mono"]
    pod.until(lambda s: s["written_mono"] > before + 0.5, "half a second")
    assert not pod.runpod.actions("stop")


@pytest.mark.slow
def test_a_pod_is_kept_alive_for_a_while(pod: Pod) -> None:
    pod.guard(idle_s=0.3, warn_s=0.1)
    pod.ask("keep", seconds=600)
    state = pod.until(lambda s: s["decision"]["left_s"] and s["decision"]["left_s"] > 500, "keep")
    assert state["decision"]["state"] == "watching"
    pod.ask("keep")
    state = pod.until(lambda s: s["seen"]["keep"][0] > state["seen"]["keep"][0], "a second keep")
    assert state["decision"]["left_s"] > 500


@pytest.mark.slow
def test_another_folder_on_the_same_pod_is_refused_in_words(
    pod: Pod, tmp_path: Path, start_agent: Callable[..., AgentProcess]
) -> None:
    pod.guard(idle_s=600)
    other = AgentProcess(tmp_path / "other", env=pod.environment)
    try:
        settings = {"policy": POLICY, "studies": str(pod.studies)}
        said = other.fail("guard", request={"ask": "ensure", "version": "v1", "wish": settings})
        assert said["code"] == "guard_elsewhere"
        assert "pod folder" in said["message"]
    finally:
        other.kill()


@pytest.mark.slow
def test_money_is_rate_times_time_since_the_pods_start(pod: Pod) -> None:
    from datetime import UTC, datetime, timedelta

    began = datetime.now(UTC) - timedelta(hours=2)
    pod.runpod.pod.update(cost=0.5, startedAt=began.isoformat().replace("+00:00", "Z"))
    pod.guard(idle_s=600, budget=5.0)
    state = pod.until(lambda s: s["spent"], "money")
    assert state["spent"] == pytest.approx(1.0, abs=0.01)
    assert state["rate"] == 0.5


@pytest.mark.slow
def test_a_guard_that_hangs_is_replaced(pod: Pod) -> None:
    first = pod.guard(idle_s=600)["state"]["pid"]
    os.kill(first, signal.SIGSTOP)
    state = pod.state()
    (pod.folder / "state.json").write_text(
        json.dumps({**state, "written_mono": state["written_mono"] - 1000})
    )
    again = pod.guard(idle_s=600)
    assert again["started"]
    assert again["state"]["pid"] != first
    wait_for(lambda: not is_alive(first), "the end of the one that hung")
