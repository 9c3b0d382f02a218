"""A host that forwards no ports: the tunnel has failed, and the server's values are unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.states import ServerState, TunnelState
from labeltui.operations.doctor.host import host_checks
from tests.actions import run_confirmed
from tests.fakes.host import MemoryHost
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time

SAID = "root@memory does not forward port 8000: administratively prohibited (open failed)."


class Closed(MemoryHost):
    """Forwards no ports while ``closed``."""

    closed = True

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Any:
        if self.closed:
            raise Failed("forwarding_refused", SAID, "Set AllowTcpForwarding yes.")
        return await super().forward(remote_port, local_port=local_port)


@in_virtual_time
async def test_tunnel_failed_server_and_labels_unknown(tmp_path: Path) -> None:
    host = Closed()
    host.install()
    async with memory_session(tmp_path, host=host) as session:
        state = await session.readiness.settled()
        tunnel, server = state.tunnel.value, state.server.value
        assert tunnel is not None
        assert server is not None
        assert session.link.is_connected
        assert (tunnel.state, tunnel.url) == (TunnelState.FAILED, None)
        assert server.state is ServerState.UNREACHABLE
        assert server.problem is not None
        assert server.problem.message == SAID
        state = await session.store.wait_for(
            lambda s: s.queue.error is not None and s.labels.error is not None, 60
        )
        assert state.queue.value is None
        assert state.labels.value is None
        assert SAID in (state.labels.error or "")
        assert SAID in (state.queue.error or "")
        assert any(alert.message == SAID for alert in state.alerts)
        check = {one.part: one for one in host_checks(state)}["tunnel"]
        assert (check.verdict, check.message) == ("wrong", SAID)
        for action in ("server.start", "studies.list", "tunnel"):
            with pytest.raises(LabeltuiError) as caught:
                await run_confirmed(session, action)
            assert caught.value.problem.message == SAID, action


@in_virtual_time
async def test_a_server_of_ours_that_runs_is_not_said_to_start_for_ever(tmp_path: Path) -> None:
    host = Closed()
    run = host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies"})
    run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    host.files.write("~/studies/labels/final/s1.nii.gz", b"label")
    async with memory_session(tmp_path, host=host) as session:
        state = await session.store.wait_for(
            lambda s: s.server.value is not None and s.server.value.state is ServerState.UNREACHABLE, 60
        )
        assert state.server.value is not None
        assert state.server.value.pid == run.pid
        copied = await session.store.wait_for(
            lambda s: s.labels.value is not None and s.labels.value.safe, 60
        )
        assert copied.labels.value is not None
        assert copied.labels.value.here == 1  # the labels of our own server are files that the agent reads


@in_virtual_time
async def test_it_works_again_after_a_reconnect(tmp_path: Path) -> None:
    host = Closed()
    async with memory_session(tmp_path, host=host) as session:
        await session.store.wait_for(
            lambda s: s.tunnel.value is not None and s.tunnel.value.state is TunnelState.FAILED, 60
        )
        host.closed = False
        host.drop()
        state = await session.store.wait_for(
            lambda s: s.tunnel.value is not None and s.tunnel.value.state is TunnelState.UP, 60
        )
        assert state.tunnel.value is not None
        assert state.tunnel.value.problem is None
        assert not any(alert.message == SAID for alert in state.alerts)
