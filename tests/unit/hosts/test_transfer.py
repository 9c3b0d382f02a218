"""Copies from a host that does not keep to what it announced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed
from labeltui.hosts import transfer
from labeltui.hosts.base import Completed

BLOCK = b"x" * 65536


class Flood:
    """A channel that never stops sending."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, _limit: int = 65536) -> bytes:
        self.reads += 1
        return BLOCK

    async def wait(self) -> int:
        return 0

    def stderr_tail(self) -> bytes:
        return b""

    async def close(self) -> None:
        return None


class FloodingHost:
    """A host that announces six bytes."""

    address = "flood"

    def __init__(self) -> None:
        self.channel = Flood()

    async def run(self, _command: str, **_options: object) -> Completed:
        return Completed(0, b"6\n", b"")

    async def open(self, _command: str) -> Flood:
        return self.channel


def test_a_copy_stops_at_the_announced_size_and_leaves_nothing(tmp_path: Path) -> None:
    host = FloodingHost()
    with pytest.raises(Failed) as failure:
        asyncio.run(transfer.download(host, "~/label.nii.gz", tmp_path / "label.nii.gz"))  # type: ignore[arg-type]
    assert failure.value.problem.code == "checksum"
    assert host.channel.reads == 1
    assert list(tmp_path.iterdir()) == []
