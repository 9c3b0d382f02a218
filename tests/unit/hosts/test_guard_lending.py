"""The operator's key that a profile lends to the pod: in the pod's memory only, never on a volume."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.guard import lending, state_files
from labeltui.hosts.agent.remote.guard.main import Guard
from labeltui.hosts.agent.remote.guard.requests import perform
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles
from tests.unit.hosts.test_guard_wire import running_guard

OWN, LENT = "rpa_OWN0123456789", "rpa_LENT0123456789"


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pod's memory, and the environment of a pod without a key of its own."""
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setenv(lending.MEMORY_ELSEWHERE, str(memory))
    monkeypatch.setenv(state_files.ENVIRONMENT_ELSEWHERE, "/nowhere")
    monkeypatch.setenv("LABELTUI_DEMO_POD", "nothing runs in it")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("RUNPOD_POD_ID", "pod")
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    return memory


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume" / "labeltui"
    running_guard(folder)
    return folder


def ensure(volume: Path, key: str | None) -> bool:
    answer = perform(volume, [], {"ask": "ensure", "version": "v1", "wish": {}, "key": key})
    return bool(answer["lent_key"])


def problem(volume: Path) -> str:
    """Why a guard that begins now can't stop the pod."""
    guard = Guard(GuardFiles(volume), "v1")
    guard.desired = guard.files.read(guard.files.desired)
    guard.keys.pod_id = ""  # RunPod is not asked
    guard.check_keys(time.monotonic())
    return "; ".join(guard.keys.missing)


def holding(folder: Path, text: str = LENT) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_text(errors="replace")]


def test_a_lent_key_is_in_memory_for_its_owner_and_not_on_the_volume(volume: Path, memory: Path) -> None:
    assert ensure(volume, LENT)
    (path,) = holding(memory)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not holding(volume)
    assert Guard(GuardFiles(volume), "v1").operator_key() == LENT
    assert ensure(volume, None)  # a console that says nothing of the key leaves it
    assert not ensure(volume, "")
    assert not holding(memory)


def test_keys_that_earlier_versions_left_on_the_volume_are_removed(volume: Path) -> None:
    for pod in ("pod", "yesterdays", "another"):
        for name in ("operator.key", "operator.key.new"):
            (volume / "guard" / pod).mkdir(exist_ok=True)
            (volume / "guard" / pod / name).write_text(LENT)
    ensure(volume, None)
    assert not holding(volume)
    assert Guard(GuardFiles(volume), "v1").operator_key() == ""


def test_a_key_that_went_with_the_containers_memory_is_named_until_it_is_lent_again(
    volume: Path, memory: Path
) -> None:
    ensure(volume, LENT)
    for path in holding(memory):
        path.unlink()
    assert "an open console lends it again" in problem(volume)
    assert ensure(volume, LENT)
    assert "operator's key" not in problem(volume)
    ensure(volume, "")
    assert "the profile does not lend the operator's key" in problem(volume)


def test_where_no_file_system_is_in_memory_the_key_is_not_stored(
    volume: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(lending.MEMORY_ELSEWHERE)
    (memory / "shm").mkdir()
    mounts = memory / "mounts"
    mounts.write_text(f"/dev/sda1 {memory}/shm ext4 rw 0 0\ntmpfs {memory}/nowhere/shm tmpfs rw 0 0\n")
    monkeypatch.setattr(lending, "MOUNTS", str(mounts))
    assert not ensure(volume, LENT)
    assert not holding(volume.parents[1])
    assert "no file system in memory" in problem(volume)


def test_a_mounted_file_system_in_memory_is_found(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lending.MEMORY_ELSEWHERE)
    (memory / "shm").mkdir()
    mounts = memory / "mounts"
    mounts.write_text(
        f"overlay / overlay rw 0 0\ntmpfs {memory} tmpfs rw 0 0\nshm {memory}/shm tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(lending, "MOUNTS", str(mounts))
    assert lending.memory_folder() == memory / "shm"


def test_a_key_that_another_user_may_have_placed_is_not_read(volume: Path, memory: Path) -> None:
    ensure(volume, LENT)
    (path,) = holding(memory)
    elsewhere = memory / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert Guard(GuardFiles(volume), "v1").operator_key() == ""
    path.unlink()
    elsewhere.rename(path)
    path.chmod(0o644)
    assert Guard(GuardFiles(volume), "v1").operator_key() == ""
    assert os.getuid() == path.stat().st_uid
