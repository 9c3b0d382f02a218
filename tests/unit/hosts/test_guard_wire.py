"""The names in the guard's requests and files. Consoles and guards of other versions read and write the same names."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.guard.status import guard_of
from labeltui.hosts.agent.remote.guard import state_files
from labeltui.hosts.agent.remote.guard.lending import MEMORY_ELSEWHERE
from labeltui.hosts.agent.remote.guard.main import Guard
from labeltui.hosts.agent.remote.guard.requests import perform
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles
from labeltui.hosts.agent.remote.processes import boot_id, start_of

KEY = "rpa_OWN0123456789"
STATE = {
    "version", "pid", "pid_start", "boot_id", "pod", "started", "number", "written", "written_mono", "policy",
    "decision", "seen", "working", "uncopied", "uncopied_what", "spent", "spent_mono", "rate", "blocked_mono",
    "ways", "missing_ways", "way", "checked", "stopped_by", "last_stop", "problems",
}  # fmt: skip


@pytest.fixture(autouse=True)
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(state_files.ENVIRONMENT_ELSEWHERE, "/nowhere")
    monkeypatch.setenv(MEMORY_ELSEWHERE, str(tmp_path))
    monkeypatch.setenv("LABELTUI_DEMO_POD", "nothing runs in it")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("RUNPOD_POD_ID", "pod")
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)


def running_guard(folder: Path) -> Path:
    """The folder of a guard, with the state file of one that runs: this process stands for it."""
    guard = folder / "guard" / "pod"
    guard.mkdir(parents=True)
    state = {
        "boot_id": boot_id(), "pid": os.getpid(), "pid_start": start_of(os.getpid()), "version": "v1",
        "written_mono": time.monotonic(), "number": 9,
    }  # fmt: skip
    (guard / "state.json").write_text(json.dumps(state))
    return guard


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_the_requests_of_an_older_console_are_answered_under_its_names(tmp_path: Path) -> None:
    guard = running_guard(tmp_path)
    settings = {"policy": {"idle_s": 60.0}, "studies": "/studies"}
    answer = perform(tmp_path, [], {"ask": "ensure", "version": "v1", "wish": settings, "key": KEY})
    assert set(answer) == {"alive", "pod", "wish", "now_mono", "now", "lent_key", "state", "started"}
    assert answer["wish"]["policy"] == {"idle_s": 60.0}
    assert read(guard / "wish.json").items() >= settings.items()
    assert perform(tmp_path, [], {"ask": "set", "changes": {"mode": "off"}})["wish"]["set"] == {"mode": "off"}
    perform(tmp_path, [], {"ask": "copied", "files": [["a", 1, 2]], "drop": []})
    assert {path.name for path in guard.iterdir()} == {
        "state.json", "wish.json", "copied.json", "door.lock",
    }  # fmt: skip


def test_an_older_console_and_the_next_guard_read_the_state_file(tmp_path: Path) -> None:
    files = GuardFiles(tmp_path)
    files.make()
    guard = Guard(files, "v1")
    guard.write(time.monotonic(), guard.decide(time.monotonic()))
    state = read(files.folder / "state.json")
    assert set(state) == STATE
    assert state["way"] == state["ways"][0]["name"] == "the pod's own key"
    assert set(state["ways"][0]) == {"name", "works", "words"}
    assert state["missing_ways"] == ["the profile does not lend the operator's key"]
    state["seen"]["gpu"] = [time.monotonic(), time.time(), "(93 %)"]
    (files.folder / "state.json").write_text(json.dumps(state))
    following = Guard(files, "v2")
    following.write(time.monotonic(), following.decide(time.monotonic()))
    assert read(files.folder / "state.json")["seen"] == state["seen"]


def test_a_console_reads_the_status_of_an_older_guard(tmp_path: Path) -> None:
    files = GuardFiles(tmp_path)
    files.make()
    guard = Guard(files, "v1")
    guard.write(time.monotonic(), guard.decide(time.monotonic()))
    state = read(files.folder / "state.json")
    status = guard_of({"alive": True, "now_mono": time.monotonic(), "state": state})
    assert [use.kind for use in status.uses] == ["start"]
    assert status.missing == ("the profile does not lend the operator's key",)
    assert status.method == status.methods[0].name == "the pod's own key"
