"""A server that labeltui did not start answers on the port of a run that has ended: its log and trainings are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from tests.fakes.agent import Run
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

APP_LOG = b"[2026-11-26 12:00:00,000] [1] [MainThread] [INFO] (x:1) - a line of the other server\n"


def server_of(it: Desk) -> ServerStatus:
    server = it.session.store.state.server.value
    assert server is not None
    return server


async def until(it: Desk, holds: Any) -> SessionState:
    return await it.session.store.wait_for(holds, 300)


async def answering(it: Desk) -> Run:
    """Our run answers, has printed a line, and has run a training."""
    run = next(iter(it.host.agent.jobs.values()))
    run.print("a line of our run\n")
    it.server.documents["GET", "/logs/"] = APP_LOG
    it.server.tasks.append({**recorded("train_post"), "id": "task-1", "status": "RUNNING", "details": []})
    it.session.pollers.training.wake()
    await until(it, lambda s: s.training.value is not None and s.training.value.task_id == "task-1")
    return run


def log_of(it: Desk) -> bytes:
    return b"".join(line + b"\n" for line in it.session.watch.log.tail(100))


@in_virtual_time
async def test_log_and_training_are_of_the_server_that_answers_now(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        run = await answering(it)
        it.server.up, it.server.tasks = False, []
        run.end(1)
        state = await until(it, lambda s: s.server.value.state is ServerState.CRASHED)
        assert state.server.value is not None
        assert state.server.value.run_id == run.run_id
        assert b"a line of our run" in log_of(it)

        it.server.up = True
        await until(
            it, lambda s: s.server.value.state is ServerState.RUNNING and s.server.value.run_id is None
        )
        await until(it, lambda _s: b"a line of the other server" in log_of(it))
        state = await until(it, lambda s: s.training.value is not None and s.training.value.task_id is None)
        assert b"a line of our run" not in log_of(it)
        server = server_of(it)
        assert (server.pid, server.exit_code, server.ended_at, server.log_path) == (None, None, None, None)

        it.server.up = False
        await until(it, lambda s: s.server.value.state is ServerState.STOPPED)
        it.host.drop()
        await until(it, lambda s: s.server.error is not None)
        await until(it, lambda s: s.server.error is None)
        assert server_of(it).run_id is None  # the agent reports our run again, which ended long ago

        again = it.host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies"})
        again.print("INFO:     Uvicorn running on http://127.0.0.1:8000\na line of the next run\n")
        it.server.up = True
        await until(it, lambda s: s.server.value.run_id == again.run_id)
        await until(it, lambda _s: b"a line of the next run" in log_of(it))


@in_virtual_time
async def test_an_answer_to_a_request_from_before_the_end_is_of_the_run(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        run = next(iter(it.host.agent.jobs.values()))
        await until(it, lambda s: s.server.value is not None and s.server.value.state is ServerState.RUNNING)
        it.server.delays_s["/info/"] = 5.0
        asked = len(it.server.asked("GET", "/info/"))
        await until(it, lambda _s: len(it.server.asked("GET", "/info/")) > asked)
        run.end(1)
        await until(it, lambda s: s.server.value.state is ServerState.CRASHED)
        it.server.up = False
        await until(it, lambda s: s.info.error is not None)
        assert server_of(it).run_id == run.run_id
