"""The agent of a host in memory.

It uses the real protocol, so that the real AgentClient works with it. ``programs`` maps a job's name to an
async function that gets the run, may print, and returns the exit code. A job without a program runs until it is
stopped. ``answers`` replaces the answer of an operation, by its name (``"guard"``, ``"stat"``): a document, an
error to raise, or a function of the request that returns or raises one. ``metrics``, ``orphans`` and
``servers`` are the host's load, orphaned tasks and MONAI Label servers; ``asked`` has every request.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError
from tests.fakes.agent_files import CHUNK, FileOperations
from tests.fakes.files import Files

TERMINATED = -15
Answer = Mapping[str, Any] | Exception | Callable[[Mapping[str, Any]], Mapping[str, Any]]
Program = Callable[["Run"], Awaitable[int]]


def idle_load() -> dict[str, Any]:
    """A sample of a host that does nothing: fields of HostMetrics."""
    return {"cpu_pct": 1.0, "gpus": []}


@dataclass(slots=True)
class Run:
    """One run of a job. Times are unix seconds by the host's clock."""

    agent: MemoryAgent
    name: str
    run_id: str
    pid: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    log_path: str
    meta: Mapping[str, object]
    started_ts: float
    ended_ts: float | None = None
    exit_code: int | None = None
    stopped_by_us: bool = False
    lost: bool = False
    task: asyncio.Task[None] | None = None

    def print(self, text: str | bytes) -> None:
        """Write to the run's log, as the program's standard output does."""
        self.agent.files.append(self.log_path, text.encode() if isinstance(text, str) else text)

    def end(self, exit_code: int) -> None:
        """End the run as if its program had exited."""
        if self.ended_ts is not None:
            return
        self.exit_code, self.ended_ts = exit_code, self.agent.now()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()
        self.agent.send({"ev": "job", **self.document})

    def lose(self) -> None:
        """End the run with its container, so that its end is not recorded."""
        if self.ended_ts is None:
            self.lost = True
            if self.task is not None:
                self.task.cancel()
            self.agent.send({"ev": "job", **self.document})

    @property
    def document(self) -> dict[str, Any]:
        """The run as a document of the protocol."""
        state = "lost" if self.lost else "running" if self.ended_ts is None else "exited"
        return {
            "name": self.name, "state": state, "run_id": self.run_id,
            "pid": self.pid, "pgid": self.pid, "exit_code": self.exit_code, "log_path": self.log_path,
            "started_ts": self.started_ts, "ended_ts": self.ended_ts, "stopped_by_us": self.stopped_by_us,
            "meta": dict(self.meta),
        }  # fmt: skip


@dataclass(slots=True)
class _Followed:
    path: str
    offset: int
    file_id: str
    end_sent: bool = False


@dataclass(slots=True)
class _Connection:
    send: Callable[[Mapping[str, Any]], None]
    follows: dict[str, _Followed] = field(default_factory=dict)
    watching: asyncio.Task[None] | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class MemoryAgent(FileOperations):
    """The state that all connections share. Jobs continue without a connection."""

    def __init__(self, files: Files, now: Callable[[], float]) -> None:
        super().__init__(files, now)
        self.jobs: dict[str, Run] = {}
        self.programs: dict[str, Program] = {}
        self.answers: dict[str, Answer] = {}
        self.metrics: dict[str, Any] = idle_load()
        self.orphans: list[dict[str, Any]] = []
        self.servers: list[dict[str, Any]] = []
        self.disk_sums: dict[str, tuple[int, float]] = {}
        self.consoles: list[dict[str, Any]] = []  # the others, as ``console.list`` has them
        self.leases: list[str] = []
        self.invited: list[dict[str, Any]] = []
        self.asked: list[Mapping[str, Any]] = []
        self.hello: dict[str, Any] = {
            "version": "1", "python": "3.11.9", "system": "Linux 6.1 x86_64", "hostname": "memory", "user": "root",
            "home": files.home, "boot_id": "b", "pid": 100, "now_ts": 0.0, "cpu_count": 8, "utc_offset_s": 0,
        }  # fmt: skip
        self._pid = 1000
        self._connections: list[_Connection] = []
        files.watch(self._file_changed)

    def requests(self, op: str) -> list[Mapping[str, Any]]:
        """Every request of one operation so far."""
        return [one for one in self.asked if one["op"] == op]

    # ---- jobs

    def start(
        self,
        name: str,
        argv: tuple[str, ...] = ("program",),
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        log: str | None = None,
        meta: Mapping[str, object] | None = None,
    ) -> Run:
        """Start a job, as ``job.start`` does. Its run id counts up."""
        self._pid += 1
        run_id = f"run-{self._pid}"
        path = log or f"{self.files.home}/labeltui/runs/{run_id}/stdout.log"
        run = Run(
            self, name, run_id, self._pid, argv, dict(env or {}), cwd, self.files.expand(path), dict(meta or {}),
            self.now(),
        )  # fmt: skip
        self.jobs[name] = run
        self.files.write(run.log_path, b"")
        self.send({"ev": "job", **run.document})
        program = self.programs.get(name)
        if program is not None:
            run.task = asyncio.create_task(self._play(run, program))
        return run

    async def _play(self, run: Run, program: Program) -> None:
        await asyncio.sleep(0)
        run.end(await program(run))

    # ---- connections

    def connect(self, send: Callable[[Mapping[str, Any]], None]) -> Callable[[bytes], None]:
        """Connect a console. Returns a function that takes each line from it."""
        connection = _Connection(send)
        self._connections.append(connection)

        def line(data: bytes) -> None:
            task = asyncio.create_task(self._answer(connection, json.loads(data)))
            connection.tasks.add(task)
            task.add_done_callback(connection.tasks.discard)

        return line

    def disconnect(self) -> None:
        """Disconnect every console."""
        for connection in self._connections:
            for task in (*connection.tasks, *([connection.watching] if connection.watching else [])):
                task.cancel()
        self._connections.clear()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message to every console."""
        for connection in self._connections:
            connection.send(message)

    async def _answer(self, connection: _Connection, request: dict[str, Any]) -> None:
        number = request.pop("id", None)
        self.asked.append(dict(request))
        try:
            result = await self._result(connection, request)
        except LabeltuiError as error:
            problem = error.problem
            document = {"code": str(problem.code), "message": problem.message, "hint": problem.hint}
            connection.send({"id": number, "error": document})
            return
        if number is not None:
            connection.send({"id": number, "ok": dict(result)})
        for key in list(connection.follows):
            self._send_chunks(connection, key)

    async def _result(self, connection: _Connection, request: dict[str, Any]) -> Mapping[str, Any]:
        op = request.pop("op")
        scripted = self.answers.get(op)
        if scripted is not None:
            answer = scripted(request) if callable(scripted) else scripted
            if isinstance(answer, Exception):
                raise answer
            return answer
        operation: Callable[..., Any] | None = getattr(self, "_op_" + op.replace(".", "_"), None)
        if operation is None:
            raise Failed(
                Code.BAD_REQUEST, f"The agent in memory does not know {op}.", "Script it in agent.answers."
            )
        result: Mapping[str, Any] = await operation(connection, **request)
        return result

    # ---- operations

    async def _op_ping(self, _connection: _Connection) -> Mapping[str, Any]:
        return {"now_ts": self.now()}

    async def _op_job_start(
        self, _connection: _Connection, name: str, argv: list[str], **options: Any
    ) -> Mapping[str, Any]:
        there = self.jobs.get(name)
        if there is not None and there.ended_ts is None and not there.lost:
            raise Failed(Code.ALREADY_RUNNING, f"The job {name} runs already.", "Stop it first, or use it.")
        return self.start(name, tuple(argv), **options).document

    async def _op_job_status(self, _connection: _Connection, name: str) -> Mapping[str, Any]:
        run = self.jobs.get(name)
        return {"name": name, "state": "absent"} if run is None else run.document

    async def _op_job_list(self, _connection: _Connection) -> Mapping[str, Any]:
        return {"jobs": [self.jobs[name].document for name in sorted(self.jobs)]}

    async def _op_job_stop(self, connection: _Connection, name: str, grace_s: float) -> Mapping[str, Any]:
        run = self.jobs.get(name)
        if run is not None and run.ended_ts is None:
            run.stopped_by_us = True
            self.send({"ev": "stopping", "name": name, "phase": "term", "alive": 1, "waited_s": 0.0})
            run.end(TERMINATED)
        return await self._op_job_status(connection, name)

    async def _op_follow(
        self, connection: _Connection, path: str, key: str, offset: int = 0, file_id: str | None = None
    ) -> Mapping[str, Any]:
        file = self.files.get(path)
        same = file is not None and file_id in (None, "", file.file_id)
        connection.follows[key] = _Followed(
            self.files.expand(path), offset if same or file is None else 0, file.file_id if file else ""
        )
        return {}

    async def _op_ack(self, _connection: _Connection, key: str, bytes: int) -> Mapping[str, Any]:
        return {}

    async def _op_unfollow(self, connection: _Connection, key: str) -> Mapping[str, Any]:
        connection.follows.pop(key, None)
        return {}

    async def _op_disk_sum(self, _connection: _Connection, path: str, start: bool) -> Mapping[str, Any]:
        used, age_s = self.disk_sums.get(path, (None, None))
        return {"used": used, "age_s": age_s}

    async def _op_invitations(
        self, _connection: _Connection, ask: str, name: str = "", **given: Any
    ) -> Mapping[str, Any]:
        there = [one for one in self.invited if one["name"] == name]
        self.invited = [one for one in self.invited if ask == "list" or one["name"] != name]
        if ask == "add":
            since = self.now()
            self.invited.append(
                {"name": name, "key": given["key"], "port": given["port"], "since": since, "connected": False}
            )
        host = {"file": "~/.ssh/authorized_keys", "ssh_port": 22, "sockets": False, "forwards": True}
        return {
            "host": {**host, "connections": 0}, "invitations": self.invited,
            "removed": len(there) if ask == "revoke" else 0,
        }  # fmt: skip

    async def _op_console_enter(
        self, _connection: _Connection, console: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return {}

    async def _op_console_list(self, _connection: _Connection) -> Mapping[str, Any]:
        return {"consoles": self.consoles}

    async def _op_lease_take(
        self, _connection: _Connection, console: Mapping[str, Any], action: str, over: str | None = None
    ) -> Mapping[str, Any]:
        holder = next((one for one in self.consoles if one.get("action")), None)
        if holder is not None and not (holder["id"] == over and holder["may_be_taken"]):
            return {"holder": holder}
        self.leases.append(action)
        return {"holder": None}

    async def _op_lease_release(self, _connection: _Connection, action: str) -> Mapping[str, Any]:
        self.leases.remove(action)
        return {}

    async def _op_metrics(self, _connection: _Connection, disk_path: str) -> Mapping[str, Any]:
        return self.metrics

    async def _op_metrics_watch(
        self, connection: _Connection, interval_s: float, disk_path: str = "/"
    ) -> Mapping[str, Any]:
        if connection.watching is not None:
            connection.watching.cancel()
        connection.watching = (
            asyncio.create_task(self._sample(connection, interval_s)) if interval_s else None
        )
        return {}

    async def _sample(self, connection: _Connection, interval_s: float) -> None:
        while True:
            connection.send({"ev": "metrics", **self.metrics})
            await asyncio.sleep(interval_s)

    async def _op_orphans(
        self, _connection: _Connection, server_pgid: int | None = None
    ) -> Mapping[str, Any]:
        return {"orphans": list(self.orphans)}

    async def _op_servers(self, _connection: _Connection) -> Mapping[str, Any]:
        return {"servers": list(self.servers)}

    async def _op_orphans_stop(
        self, _connection: _Connection, pgid: int, grace_s: float, task: str = "train"
    ) -> Mapping[str, Any]:
        if all((one["pgid"], one.get("task", "train")) != (pgid, task) for one in self.orphans):
            raise Failed(
                Code.reported("not_orphaned"), f"The group {pgid} is no orphaned {task}.", "Look again."
            )
        self.orphans = [
            one for one in self.orphans if (one["pgid"], one.get("task", "train")) != (pgid, task)
        ]
        return {}

    # ---- followed files

    def _file_changed(self, path: str) -> None:
        for connection in self._connections:
            for key, followed in list(connection.follows.items()):
                if followed.path == path:
                    followed.end_sent = False
                    self._send_chunks(connection, key)

    def _send_chunks(self, connection: _Connection, key: str) -> None:
        followed = connection.follows[key]
        file = self.files.get(followed.path)
        if file is not None and file.file_id != followed.file_id:
            followed.file_id, followed.offset, followed.end_sent = file.file_id, 0, False
        data = b"" if file is None else file.data[followed.offset :]
        while data or not followed.end_sent:
            part, data = data[:CHUNK], data[CHUNK:]
            followed.end_sent = not data
            connection.send({
                "ev": "chunk", "key": key, "path": followed.path, "file_id": followed.file_id,
                "offset": followed.offset, "data": base64.b64encode(part).decode(), "at_end": not data,
            })  # fmt: skip
            followed.offset += len(part)
