"""The console's side of the guard, over a host and an account in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from labeltui.operations.run import run_action
from labeltui.session.pod.guard import NOT_A_POD
from tests.actions import RecordingReport
from tests.fakes.account import EmulatedAccount
from tests.fakes.host import MemoryHost
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_host_that_is_no_pod_has_no_guard(tmp_path: Path) -> None:
    host = MemoryHost()
    async with memory_session(tmp_path, host=host) as session:
        state = await session.store.wait_for(lambda s: s.guard.value is not None, 30)
    assert state.guard.value is not None
    assert state.guard.value.words == NOT_A_POD
    assert host.agent.requests("guard") == []


@in_virtual_time
async def test_a_guard_that_can_not_be_started_is_said(tmp_path: Path) -> None:
    host, account = MemoryHost(), EmulatedAccount(asyncio.get_running_loop().time)
    async with memory_session(tmp_path, host=host, account=account) as session:
        params = {"gpu": "RTX A5000", "max_price": 1.0}
        await run_action(session, "pod.create", params, RecordingReport(), confirmed=True)
        state = await session.store.wait_for(lambda s: s.guard.error not in (None, "not connected"), 600)
    assert "guard" in str(state.guard.error)
    wanted = host.agent.requests("guard")[0]["request"]
    assert wanted["ask"] == "ensure"
    assert wanted["wish"]["policy"]["idle_s"] == 45 * 60
