"""A server that runs and fails to answer ``/info/``: the message, and the number of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from tests.fakes.agent import Run
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel, recorded
from tests.fakes.session import memory_session
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

NAN = "ValueError: Out of range float values are not JSON compliant: nan"
DICOMWEB = "HTTPConnectionPool(host='127.0.0.1', port=8042): Max retries exceeded with url: /dicom-web/series"
META = {"app": "radiology", "studies": "/root/studies", "app_log": "/root/app/logs/app.log"}
STATS = "/root/app/model/deepedit_dynunet/train_stats.json"


def fails(run: Run | None, last: str = NAN) -> Callable[[Any], int]:
    """Answers as Starlette does where an endpoint raises: 500, and a traceback in the output."""

    def answer(_request: Any) -> int:
        if run is not None:
            run.print(
                "[2026-11-26 15:20:00,169] [7] [MainThread] [ERROR] (uvicorn.error:416) - "
                "Exception in ASGI application\n"
                f'Traceback (most recent call last):\n  File "encoder.py", line 258\n{last}\n'
            )
        return 500

    return answer


def started(host: MemoryHost) -> Run:
    run = host.agent.start("server", meta=META)
    run.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    return run


def failing(state: SessionState) -> bool:
    return state.server.value is not None and state.server.value.problem is not None


def status(state: SessionState) -> ServerStatus:
    assert state.server.value is not None
    return state.server.value


@in_virtual_time
async def test_it_runs_and_the_statistics_file_to_move_is_named(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    host.files.write(STATS, b'{"epoch": 2, "best_metric": NaN, "eval": [-Infinity]}')
    host.files.write("/root/app/model/other/train_stats.json", b'{"note": "NaN is only a word here"}')
    server.documents["GET", "/info/"] = fails(started(host))
    async with memory_session(tmp_path, host=host, server=server) as session:
        state = await session.store.wait_for(failing, 60)
        problem = status(state).problem
        assert problem is not None
        assert (status(state).state, problem.code) == (ServerState.RUNNING, "info_failed")
        assert NAN in problem.message
        assert STATS in problem.hint
        assert "model/other" not in problem.hint
        assert "server" in [alert.key for alert in state.alerts]

        server.documents["GET", "/info/"] = recorded("info")
        state = await session.store.wait_for(lambda s: not failing(s) and s.info.value is not None, 90)
        assert "server" not in [alert.key for alert in state.alerts]


@in_virtual_time
async def test_it_is_asked_less_and_less_often(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    server.documents["GET", "/info/"] = fails(started(host))
    async with memory_session(tmp_path, host=host, server=server):
        await asyncio.sleep(80)
        assert 5 <= len(server.asked("GET", "/info/")) <= 12
        await asyncio.sleep(3600)
    assert len(server.asked("GET", "/info/")) <= 12 + 3600 / 45


@pytest.mark.parametrize(
    "process", [[], [{"pid": 7, "port": 8000, "studies": "/root/studies", "app": "/root/app"}]]
)
@in_virtual_time
async def test_one_that_labeltui_did_not_start_is_not_stopped(
    tmp_path: Path, process: list[dict[str, Any]]
) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    host.agent.servers += process
    host.files.write(STATS, b'{"best_metric": NaN}')
    server.documents["GET", "/info/"] = fails(None)
    async with memory_session(tmp_path, host=host, server=server) as session:
        state = await session.store.wait_for(failing, 60)
        assert status(state).state is ServerState.RUNNING
        hint = "Move " if process else "The traceback is in the server's log."
        state = await session.store.wait_for(
            lambda s: (
                s.server.value is not None
                and s.server.value.problem is not None
                and s.server.value.problem.hint.startswith(hint)
            ),
            120,
        )
        server.up = False
        await session.store.wait_for(lambda s: status(s).state is ServerState.STOPPED, 120)


@in_virtual_time
async def test_a_known_cause_in_the_traceback_says_what_to_do(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    server.documents["GET", "/info/"] = fails(
        started(host), f"requests.exceptions.ConnectionError: {DICOMWEB}"
    )
    async with memory_session(tmp_path, host=host, server=server) as session:
        problem = status(await session.store.wait_for(failing, 60)).problem
    assert problem is not None
    assert "/dicom-web/series" in problem.message
    assert problem.hint == "Check that it runs and that the host can reach it."


@in_virtual_time
async def test_a_start_ends_with_the_reason(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.server.documents["GET", "/info/"] = 500
        error = await it.failing("server.start")
        assert error.problem.code == "info_failed"
        again = await it.failing("server.restart")
        assert again.problem.code == "info_failed"
