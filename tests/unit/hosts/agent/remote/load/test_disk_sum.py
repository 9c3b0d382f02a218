"""The agent's own sum of a volume: once in ten minutes, whoever asks, and never by two agents at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.files import take_lock
from labeltui.hosts.agent.remote.load import disk_sum
from labeltui.hosts.agent.remote.load.disk_sum import DiskSums, bytes_below
from tests.unit.hosts.agent_process import wait_for


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    (folder / "a" / "b").mkdir(parents=True)
    for path, size in (("one", 100_000), ("a/two", 200_000), ("a/b/three", 300_000)):
        (folder / path).write_bytes(os.urandom(size))
    return folder


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The scans that were begun, each of 7 bytes."""
    begun: list[Path] = []

    def scan(path: Path) -> int:
        begun.append(path)
        return 7

    monkeypatch.setattr(disk_sum, "bytes_below", scan)
    return begun


def test_every_file_counts_once_by_its_blocks(volume: Path, tmp_path: Path) -> None:
    whole = bytes_below(volume)
    assert 600_000 <= whole < 700_000
    (volume / "again").hardlink_to(volume / "one")
    (tmp_path / "elsewhere").write_bytes(os.urandom(500_000))
    (volume / "link").symlink_to(tmp_path / "elsewhere")
    (volume / "folder").symlink_to(tmp_path)
    with (volume / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert bytes_below(volume) < whole + 100_000
    assert bytes_below(tmp_path / "nowhere") == 0


def test_it_is_summed_anew_only_after_ten_minutes(
    tmp_path: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(disk_sum.time, "time", lambda: now[0])
    sums = DiskSums(tmp_path)

    def asked(start: bool = True) -> tuple[object, object]:
        answer = sums.ask(str(tmp_path), start)
        sums.join()
        return answer["used"], answer["age_s"]

    assert asked(start=False) == (None, None)
    assert not scans
    assert asked() == (None, None)
    now[0] += 599
    assert asked() == (7, 599.0)
    assert len(scans) == 1
    now[0] += 2
    assert asked() == (7, 601.0)
    assert len(scans) == 2
    assert asked() == (7, 0.0)
    assert DiskSums(tmp_path).ask(str(tmp_path), False)["used"] == 7  # another console's agent
    assert sums.ask(str(tmp_path / "other"), False)["used"] is None


def test_two_agents_do_not_sum_at_once(tmp_path: Path, scans: list[Path]) -> None:
    other = take_lock(tmp_path / disk_sum.LOCK)
    sums = DiskSums(tmp_path)
    sums.ask(str(tmp_path))
    sums.join()
    assert not scans
    os.close(other)
    sums.ask(str(tmp_path))
    sums.join()
    assert len(scans) == 1


def test_one_agent_sums_once_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun = threading.Event(), []

    def scan(path: Path) -> int:
        begun.append(path)
        go.wait(10)
        return 1

    monkeypatch.setattr(disk_sum, "bytes_below", scan)
    sums = DiskSums(tmp_path)
    for _ in range(3):
        sums.ask(str(tmp_path))
    wait_for(lambda: bool(begun), "the scan")
    go.set()
    sums.join()
    assert len(begun) == 1


def test_an_agent_answers_with_the_sum(start_agent: Callable[..., object], volume: Path) -> None:
    agent = start_agent()
    wait_for(lambda: agent.ask("disk.sum", path=str(volume))["used"] is not None, "the sum")  # type: ignore[attr-defined]
