"""How the guard stops a pod: against RunPod as it is published, with the guard's clock moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.remote.guard import activity, state_files, work
from labeltui.hosts.agent.remote.guard import main as program
from labeltui.hosts.agent.remote.guard.lending import MEMORY_ELSEWHERE, lend
from labeltui.hosts.agent.remote.guard.main import Guard
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles
from tests.unit.hosts.publishedrunpod import LOST, POD, PublishedRunpod
from tests.unit.hosts.test_guard_program import Clocks

OWN, LENT = "rpa_OWN0123456789", "rpa_LENT0123456789"


class Rig:
    """A guard of an idle pod, and RunPod as the guard meets it."""

    def __init__(self, folder: Path, clocks: Clocks, runpod: PublishedRunpod) -> None:
        self.files, self.clocks, self.runpod = GuardFiles(folder, POD), clocks, runpod
        (folder / "studies").mkdir()
        self.files.make()
        self.guard = self.new()

    def new(self, **policy: Any) -> Guard:
        """A guard that starts anew."""
        guard = Guard(self.files, "v1")
        policy = {"idle_s": 60.0, "grace_s": 0.0, **policy}
        guard.desired = {
            "studies": str(self.files.folder.parents[1] / "studies"),
            "policy": policy,
            "announce_s": 0,
        }
        self.guard = guard
        return guard

    def pass_(self, seconds: float, each: Callable[[float], None] = lambda _: None) -> None:
        """Let the guard step once a second."""
        for _ in range(int(seconds)):
            self.clocks.pass_(1.0)
            each(self.clocks.mono)
            self.guard.step()

    def lend(self, key: str) -> None:
        lend(self.files.folder, key)

    @property
    def state(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.files.state.read_text())
        return document

    @property
    def decision(self) -> dict[str, Any]:
        document: dict[str, Any] = self.state["decision"]
        return document

    @property
    def actions(self) -> list[str]:
        return [action for _, action, _, _ in self.runpod.writes]

    @property
    def pauses(self) -> list[float]:
        """Seconds between two writes."""
        times = [at for at, _, _, _ in self.runpod.writes]
        return [b - a for a, b in pairwise(times)]

    @property
    def most_in_a_minute(self) -> int:
        times = [at for at, _, _, _ in self.runpod.writes]
        return max((sum(at <= other < at + 60 for other in times) for at in times), default=0)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    clocks, made = Clocks(), []
    monkeypatch.setattr(program, "time", clocks)
    monkeypatch.setenv(state_files.ENVIRONMENT_ELSEWHERE, "/nowhere")
    monkeypatch.setenv(MEMORY_ELSEWHERE, str(tmp_path))
    monkeypatch.setattr(activity, "processes", list)  # nothing runs in the pod
    monkeypatch.setattr(work, "processes", list)
    # Keys that another test types into a terminal of this machine are no use of the pod.
    monkeypatch.setenv("LABELTUI_DEMO_POD", "nothing runs in it")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("RUNPOD_POD_ID", POD)
    monkeypatch.setenv("RUNPOD_API_KEY", OWN)

    def rig(*, scope_first: bool = True, own: str = "all") -> Rig:
        runpod = PublishedRunpod(lambda: clocks.mono, scope_first=scope_first)
        made.append(runpod)
        runpod.keys.update({OWN: own, LENT: "all"})
        monkeypatch.setenv("RUNPOD_API_BASE_URL", runpod.url)
        return Rig(tmp_path, clocks, runpod)

    yield rig
    for runpod in made:
        runpod.close()
        assert not runpod.wrong


@pytest.mark.parametrize("scope_first", [True, False])
def test_a_key_that_may_only_read_is_ruled_out_by_one_stop(
    make: Callable[..., Rig], scope_first: bool
) -> None:
    rig = make(scope_first=scope_first, own="read")
    rig.pass_(50)
    assert rig.state["ways"][0]["words"].startswith("not tested yet")
    assert rig.actions == []
    rig.pass_(900)
    assert rig.actions == ["stop"]
    assert rig.decision["state"] == "stuck"
    assert rig.state["ways"][0]["works"] is False
    assert "403" in rig.decision["words"]


@pytest.mark.parametrize("scope_first", [True, False])
def test_a_lost_answer_and_a_late_status_never_wake_the_pod_again(
    make: Callable[..., Rig], scope_first: bool
) -> None:
    rig = make(scope_first=scope_first)
    rig.runpod.lag_s = 25.0
    rig.runpod.answers.append(LOST)
    rig.runpod.history.append((rig.clocks.mono, "RUNNING"))
    awake: list[float] = []
    rig.pass_(
        400,
        lambda now: awake.append(now) if rig.runpod.status == "RUNNING" and "stop" in rig.actions else None,
    )
    assert rig.runpod.status == "EXITED"
    assert awake == []
    assert set(rig.actions) == {"stop"}
    assert len(rig.actions) <= 3
    assert rig.decision["state"] == "stopping"
    assert rig.state["stopped_by"] == "the pod's own key"


@pytest.mark.parametrize("answer", [429, 500, 503, LOST])
def test_what_may_pass_is_tried_again_after_ever_longer_pauses(make: Callable[..., Rig], answer: int) -> None:
    rig = make()
    rig.runpod.deaf = answer == LOST
    rig.runpod.answers.extend([answer] * 7)
    rig.pass_(60 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 5)
    assert rig.pauses == [2, 4, 8, 16, 32, 60, 60]
    rig.runpod.deaf = False
    rig.pass_(120)
    assert rig.runpod.status == "EXITED"
    assert set(rig.actions) == {"stop"}


def test_three_stops_without_effect_are_a_problem_and_go_on_once_a_minute(
    make: Callable[..., Rig],
) -> None:
    rig = make()
    rig.runpod.deaf = True
    rig.pass_(60 + 30 + 30 + 25)
    assert rig.decision["state"] == "stopping"
    assert rig.actions == ["stop"] * 3
    rig.pass_(10)
    assert rig.decision["state"] == "stuck"
    assert "3 stops that RunPod accepted or did not answer left the pod running" in rig.decision["words"]
    assert rig.decision["left_s"] == 0.0
    rig.pass_(300)
    assert rig.pauses[2:] == [60] * (len(rig.pauses) - 2)
    rig.runpod.deaf = False
    rig.pass_(61)
    assert rig.runpod.status == "EXITED"


def test_a_refused_key_is_replaced_by_the_lent_one_at_once_and_not_used_again(
    make: Callable[..., Rig],
) -> None:
    rig = make(own="read")
    rig.lend(LENT)
    rig.runpod.deaf = True
    rig.pass_(400)
    assert [key for _, _, key, _ in rig.runpod.writes][:2] == [OWN, LENT]
    assert rig.pauses[0] <= 1
    assert [key for _, _, key, _ in rig.runpod.writes].count(OWN) == 1
    rig.lend(LENT + "new")
    rig.runpod.keys[LENT + "new"] = "all"
    rig.pass_(100)
    assert [key for _, _, key, _ in rig.runpod.writes].count(OWN) == 1
    assert rig.runpod.writes[-1][2] == LENT + "new"


def test_a_key_that_was_refused_is_tried_again_by_a_guard_that_starts_anew(make: Callable[..., Rig]) -> None:
    rig = make(own="read")
    rig.pass_(70)
    assert rig.decision["state"] == "stuck"
    rig.runpod.keys[OWN] = "all"
    rig.pass_(120)
    assert rig.actions == ["stop"]
    rig.new()
    rig.pass_(70)
    assert rig.runpod.status == "EXITED"


def test_use_that_comes_and_goes_makes_no_more_than_a_few_writes_a_minute(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.new(idle_s=1.0)
    rig.runpod.always = 503
    studies = Path(rig.guard.desired["studies"])

    def use(now: float) -> None:
        if now % 4 == 0:
            (studies / f"{now}.nii.gz").write_text("x")

    rig.pass_(300, use)
    assert len(rig.actions) > 6
    assert rig.most_in_a_minute <= 6


@pytest.mark.parametrize("reading", [429, 500])
def test_a_key_is_not_ruled_out_by_an_error_when_it_reads(make: Callable[..., Rig], reading: int) -> None:
    rig = make()
    rig.runpod.reading = reading
    rig.pass_(30)
    assert rig.state["way"] == "the pod's own key"
    assert rig.decision["state"] != "stuck"
    assert f"RunPod answered {reading}" in rig.state["ways"][0]["words"]
    rig.pass_(40)
    assert rig.runpod.status == "EXITED"


def test_a_key_that_stopped_the_pod_before_is_proven_after_its_next_start(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.pass_(65)
    assert rig.runpod.status == "EXITED"
    stopped = {**rig.state, "boot_id": "another"}
    rig.files.state.write_text(json.dumps(stopped))
    rig.runpod.history.append((rig.clocks.mono, "RUNNING"))
    rig.new()
    rig.pass_(1)
    assert rig.state["ways"][0]["works"] is True
    assert rig.state["ways"][0]["words"] == "it stopped this pod before"
