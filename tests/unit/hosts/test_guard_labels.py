"""Which labels the guard knows of: a folder that can't be read is not one without labels, and no idle stop follows."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.guard.rules import Decision
from labeltui.hosts.agent.remote.files import Problem, write_json
from labeltui.hosts.agent.remote.guard.main import Guard
from labeltui.hosts.agent.remote.guard.requests import copied, models
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles
from labeltui.hosts.agent.remote.processes import start_of


class Pod:
    """A guard on a pod that has been idle for hours, whose profile names the folder ``studies``."""

    def __init__(self, volume: Path) -> None:
        self.files = GuardFiles(volume / "labeltui")
        self.files.make()
        self.studies = volume / "studies"
        self.guard = Guard(self.files, "v1")
        self.guard.desired = {"studies": str(self.studies), "policy": {"idle_s": 60.0}}

    def served(self, studies: Path, **record: Any) -> None:
        """The record of a server that labeltui has started and that has ended."""
        self.files.jobs.mkdir(parents=True, exist_ok=True)
        write_json(
            self.files.jobs / "server.json",
            {"run_id": "r", "pid": 1, "ended_ts": 1.0, "meta": {"studies": str(studies)}, **record},
        )

    def poll(self) -> int | None:
        self.guard.poll(time.monotonic(), thorough=True)
        return self.guard.uncopied

    def decision(self) -> Decision:
        return self.guard.decide(time.monotonic() + 3600)


def put(studies: Path) -> Path:
    label = studies / "labels" / "final" / "a.nii.gz"
    label.parent.mkdir(parents=True)
    label.write_bytes(b"label")
    return label


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pod:
    monkeypatch.setenv(
        "LABELTUI_DEMO_POD", "nothing runs in it"
    )  # trainings on this machine are not the pod's
    return Pod(tmp_path)


def test_a_folder_of_studies_that_no_server_ever_used_has_no_labels(pod: Pod) -> None:
    assert pod.poll() == 0
    assert not pod.decision().blocks
    pod.studies.mkdir()
    assert pod.poll() == 0


@pytest.mark.parametrize("live", [True, False])
def test_a_missing_folder_of_a_server_leaves_the_labels_unknown_and_the_pod_up(pod: Pod, live: bool) -> None:
    running = {"pid": os.getpid(), "pid_start": start_of(os.getpid())} if live else {}
    pod.served(pod.studies, **running)
    if live:
        record = json.loads((pod.files.jobs / "server.json").read_text())
        del record["ended_ts"]
        write_json(pod.files.jobs / "server.json", record)
    assert pod.poll() is None
    (block,) = pod.decision().blocks
    assert "unknown whether the labels are copied" in block
    assert str(pod.studies) in block
    assert pod.decision().state != "stopping"


def test_a_folder_that_was_there_and_is_gone_is_unknown(pod: Pod) -> None:
    put(pod.studies)
    assert pod.poll() == 1
    pod.studies.rename(pod.studies.with_name("away"))
    assert pod.poll() is None
    write_json(pod.files.copied, {"files": {"labels/final/a.nii.gz": [5, 1]}})
    assert Pod(pod.studies.parent).poll() is None  # the next guard knows of copies


def test_the_labels_of_an_ended_server_count_and_not_those_of_the_profile_alone(
    pod: Pod, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    put(other)
    pod.studies.mkdir()
    pod.served(other)
    assert pod.poll() == 1


def test_a_folder_that_an_ended_server_had_elsewhere_gives_way_to_the_profiles(
    pod: Pod, tmp_path: Path
) -> None:
    pod.served(tmp_path / "home of an earlier pod")
    assert pod.poll() is None
    put(pod.studies)
    assert pod.poll() == 1


def test_a_folder_that_cannot_be_read_is_unknown(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    put(pod.studies)
    found = Path.stat

    def stat(path: Path, **more: Any) -> os.stat_result:
        if path == pod.studies:
            raise PermissionError(13, "Permission denied", str(path))
        return found(path, **more)

    monkeypatch.setattr(Path, "stat", stat)
    assert pod.poll() is None
    assert "Permission denied" in pod.decision().blocks[0]


def test_a_trained_model_that_no_desk_has_delays_the_stop(pod: Pod, tmp_path: Path) -> None:
    weights = tmp_path / "model" / "deepedit.pt"

    def report(**here: list[int]) -> None:
        arguments = {"root": str(weights.parent), "files": {"deepedit.pt": "deepedit"}}
        models(pod.files, **arguments, here={f"{name}.pt": state for name, state in here.items()})
        pod.poll()

    def blocks() -> list[str]:
        return [one for one in pod.decision().blocks if "model is" in one]

    def state() -> list[int]:
        found = weights.stat()
        return [found.st_size, found.st_mtime_ns]

    report()
    assert not blocks()  # none was trained
    weights.parent.mkdir()
    weights.write_bytes(b"trained")
    pod.poll()
    assert blocks() == ["1 model is not copied off the pod (deepedit)"]
    report(deepedit=state())
    assert not blocks()
    report()  # another console, without the copy
    copied(pod.files, files=[["labels/final/a.nii.gz", 5, 1]])
    pod.poll()
    assert not blocks()
    weights.write_bytes(b"trained more, without a console")
    pod.poll()
    assert blocks()
    models(pod.files, root=str(weights.parent), files={}, here={})
    pod.poll()
    assert not blocks()  # the profile copies no models


def test_a_copy_of_a_model_that_is_under_way_delays_the_stop_for_a_minute_after_its_last_report(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocks() -> list[str]:
        pod.poll()
        return [one for one in pod.decision().blocks if "model" in one]

    unwanted: dict[str, Any] = {"root": "/m", "files": {}, "here": {}}  # the profile copies no models
    models(pod.files, **unwanted, copying="deepedit")
    assert blocks() == ["a model is being copied off the pod (deepedit)"]
    models(pod.files, **unwanted)
    assert blocks() == []
    models(pod.files, **unwanted, copying="deepedit")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert blocks() == []  # the console is gone
    with pytest.raises(Problem):
        models(pod.files, **unwanted, copying=[1])  # type: ignore[arg-type]


def test_a_report_of_models_that_is_malformed_is_refused(pod: Pod) -> None:
    wrong: list[dict[str, Any]] = [{"a.pt": [1]}, {"a.pt": "x"}, {"a.pt": [1, None]}]
    for here in wrong:
        with pytest.raises(Problem):
            models(pod.files, root="/m", files={}, here=here)
