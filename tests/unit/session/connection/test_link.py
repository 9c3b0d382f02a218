"""Callers that wait for the connection get an error at once if waiting does not solve it.

The console continues to try.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Misused, Unreachable
from tests.fakes.host import MemoryHost
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    "error",
    [
        Misused("runpod_no_key", "There is no RunPod API key.", "Make one."),
        Failed("no_pod", "There is no pod 'annot' in this account.", "`labeltui pod list` lists them."),
    ],
)
@in_virtual_time
async def test_an_error_that_waiting_does_not_cure_is_raised_at_once(
    tmp_path: Path, error: LabeltuiError
) -> None:
    host = MemoryHost()
    host.refusals = [error]
    async with memory_session(tmp_path, host=host) as session:
        before = asyncio.get_running_loop().time()
        for wait in (session.link.connected, session.link.ready):
            with pytest.raises(type(error)) as caught:
                await wait()
            assert caught.value.problem == error.problem
        assert asyncio.get_running_loop().time() == before
        status = session.store.state.host.value
        assert status is not None
        assert status.detail == f"{error.problem.message} {error.problem.hint}"  # the console shows both
        assert status.next_try_at is not None
        await asyncio.sleep(40)  # virtual
        assert session.link.is_connected


@in_virtual_time
async def test_a_host_that_does_not_answer_is_waited_for_and_its_cause_is_named(tmp_path: Path) -> None:
    host = MemoryHost()
    host.refusals = [
        Unreachable(
            "refused", "The host refuses connections.", "Check the port, and that sshd runs on the host."
        )
    ] * 99
    async with memory_session(tmp_path, host=host) as session:
        before = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable) as caught:
            await session.link.connected(30)
        assert asyncio.get_running_loop().time() >= before + 30
    assert "refuses connections" in caught.value.problem.message
    assert caught.value.problem.hint.startswith("Check the port, and that sshd runs on the host.")
