"""A close that is cancelled just as the process ends stays cancelled. A task that swallowed it would never end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labeltui.hosts.ssh.channels import _close


class Process:
    """A process whose end the test decides."""

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        """Nothing is left to close."""

    async def wait_closed(self) -> None:
        await self.ended


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancelled_close_is_not_taken_for_a_finished_one(turns: int) -> None:
    """``turns`` of the event loop lie between the end of the process and the cancellation."""
    process: Any = Process()
    goes_on = False

    async def work() -> None:
        nonlocal goes_on
        await _close(process)
        goes_on = True

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    process.ended.set_result(None)
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelled = task.cancel()
    await asyncio.wait([task])
    assert goes_on is not cancelled
