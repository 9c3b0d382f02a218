"""The surroundings in memory hold up a whole session: connection, server, labels, an account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.domain.states import LinkState, ServerState
from labeltui.operations.run import run_action
from labeltui.session.session import Session
from tests.actions import RecordingReport
from tests.fakes.account import EmulatedAccount
from tests.fakes.agent import TERMINATED
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time


async def log_has(session: Session, text: bytes) -> None:
    """Wait until the log has this text."""
    more = asyncio.Event()
    unsubscribe = session.log.subscribe(lambda *_: more.set())
    async with asyncio.timeout(60):
        while text not in session.log.bytes():
            more.clear()
            await more.wait()
    unsubscribe()


@in_virtual_time
async def test_a_server_that_runs_is_found_and_its_labels_are_copied(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    host.files.write("~/studies/labels/final/s1.nii.gz", b"label")
    run = host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies"})
    run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    async with memory_session(tmp_path, host=host, server=server) as session:
        state = await session.readiness.need_server()
        assert state.server.value is not None
        assert state.server.value.pid == run.pid
        copied = await session.store.wait_for(
            lambda s: s.labels.value is not None and s.labels.value.safe, 60
        )
        assert copied.labels.value is not None
        assert copied.labels.value.here == 1
    assert (tmp_path / "labels" / "final" / "s1.nii.gz").read_bytes() == b"label"


URL = "http://127.0.0.1:8042/dicom-web"


@pytest.mark.parametrize(
    ("meta", "process", "alerted"),
    [
        ({"studies": URL}, None, True),  # started by an earlier version, which left the default
        ({"studies": URL, "dicomweb_cache_s": 5}, None, False),
        ({"studies": URL, "dicomweb_cache_s": 600}, None, True),
        ({"studies": "/root/studies"}, None, False),
        (None, {"port": 8000, "studies": URL, "dicomweb_cache_s": 7200}, True),
        (None, {"port": 8000, "studies": URL, "dicomweb_cache_s": 5}, False),
        (None, {"port": 8001, "studies": URL, "dicomweb_cache_s": 7200}, False),  # serves others
    ],
)
@in_virtual_time
async def test_a_found_server_that_hands_out_finished_series_again_is_an_alert(
    tmp_path: Path, meta: dict[str, Any] | None, process: dict[str, Any] | None, alerted: bool
) -> None:
    host = MemoryHost()
    if meta is not None:
        run = host.agent.start("server", meta=meta)
        run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    if process is not None:
        host.agent.servers.append({"pid": 77, **process})
    async with memory_session(tmp_path, host=host) as session:
        await session.readiness.need_server()
        await asyncio.sleep(5)
        alerts = [alert for alert in session.store.state.alerts if alert.key == "dicomweb_cache"]
        server = session.store.state.server.value
    assert bool(alerts) is alerted
    assert server is not None
    if process is not None and process["port"] == 8000:
        assert server.studies == URL


@pytest.mark.parametrize(("studies", "least", "most"), [(URL, 4, 6), ("/root/studies", 15, 20)])
@in_virtual_time
async def test_polling_does_not_keep_a_slow_dicomweb_server_busy(
    tmp_path: Path, studies: str, least: int, most: int
) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    run = host.agent.start("server", meta={"studies": studies, "dicomweb_cache_s": 5})
    run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    server.delays_s["/info/"] = 20.0
    async with memory_session(tmp_path, host=host, server=server):
        await asyncio.sleep(600)
    assert least <= len(server.asked("GET", "/info/")) <= most


@in_virtual_time
async def test_a_connection_that_breaks_is_made_again_and_the_log_goes_on(tmp_path: Path) -> None:
    host = MemoryHost()
    run = host.agent.start("server")
    run.print("one\n")
    async with memory_session(tmp_path, host=host) as session:
        await log_has(session, b"one")
        host.drop()
        run.print("two\n")
        await session.store.wait_for(lambda s: s.host.value is not None and s.host.value.reconnects == 1, 10)
        await log_has(session, b"two")
        assert session.log.tail(10)[0] == b"one"


@in_virtual_time
async def test_a_training_is_started_and_stopped(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    host.agent.start("server").print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    async with memory_session(tmp_path, host=host, server=server) as session:
        started = await run_action(session, "train.start", {}, RecordingReport(), confirmed=True)
        stopped = await run_action(session, "train.stop", {}, RecordingReport(), confirmed=True)
    assert (started["state"], stopped["state"]) == ("running", "stopped")
    assert [one.method for one in server.requests if one.url.path.startswith("/train") and one.method != "GET"] == [
        "POST", "DELETE",
    ]  # fmt: skip


@in_virtual_time
async def test_a_pod_is_rented_and_reached(tmp_path: Path) -> None:
    host, account = MemoryHost(), EmulatedAccount(asyncio.get_running_loop().time)
    async with memory_session(tmp_path, host=host, account=account) as session:
        params = {"gpu": "RTX A5000", "max_price": 1.0}
        await run_action(session, "pod.create", params, RecordingReport(), confirmed=True)
        state = await session.store.wait_for(
            lambda s: s.host.value is not None and s.host.value.state is LinkState.CONNECTED, 600
        )
    assert state.pod.value is not None
    assert state.pod.value.name == "annot"
    assert len(account.world.pods) == 1


@in_virtual_time
async def test_a_server_is_started_and_stopped(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    host.install()
    host.agent.programs["server"] = server.run
    server.up = False
    async with memory_session(tmp_path, host=host, server=server) as session:
        started = await run_action(session, "server.start", {}, RecordingReport(), confirmed=True)
        stopped = await run_action(session, "server.stop", {}, RecordingReport(), confirmed=True)
    assert (started["state"], stopped["state"]) == ("running", "stopped")
    assert host.agent.jobs["server"].exit_code == TERMINATED


@pytest.mark.parametrize("ours", [True, False])
@in_virtual_time
async def test_while_only_the_connection_is_lost_the_server_keeps_its_last_state(
    tmp_path: Path, ours: bool
) -> None:
    """And no alert tells the operator to restart a server that may be training."""
    host, server = MemoryHost(), FakeMonaiLabel()
    if ours:
        run = host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies"})
        run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    async with memory_session(tmp_path, host=host, server=server) as session:
        await session.readiness.need_server()
        await asyncio.sleep(20)
        host.refusals.extend([Unreachable(Code.REFUSED, "Connection refused.", "")] * 1000)
        host.drop()
        await session.store.wait_for(lambda s: s.server.error is not None, 60)
        await asyncio.sleep(120)
        lost = session.store.state
        states: list[ServerState] = []
        session.store.subscribe(
            lambda s, _changed: states.append(s.server.value.state) if s.server.value else None
        )
        host.refusals.clear()
        session.reconnect()
        await session.store.wait_for(lambda s: s.server.error is None and s.info.error is None, 120)
    assert lost.info.failures >= 3
    assert lost.server.value is not None
    assert lost.server.value.state is ServerState.RUNNING
    assert lost.server.error
    assert [alert.key for alert in lost.alerts if alert.key == "server"] == []
    assert ServerState.UNREACHABLE not in states, "not for a moment after the reconnection either"
