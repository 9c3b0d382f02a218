"""The console's end of the agent: speaks with one that was started (``starting.py``)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import HostMetrics
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.server.server import OrphanTraining
from labeltui.hosts.agent.messages import AgentHello, Chunk, Job
from labeltui.hosts.agent.parsing import chunk_of, follow_error_of, job_of, json_object, metrics_of
from labeltui.hosts.agent.sending import DEADLINE_S
from labeltui.hosts.base import Channel
from labeltui.support.subscribers import Subscribers

LONGEST_LINE = 8 << 20

JobCallback = Callable[[Job], None]
StopProgress = Callable[[str, int, float], None]


class _Follow:
    """What was received for one followed file; the agent keeps no more than its window in flight."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Chunk | LabeltuiError] = asyncio.Queue()


class AgentClient:
    """One agent on one connection.

    Every method raises a LabeltuiError, ``Unreachable`` once the connection is gone.
    """

    def __init__(self, channel: Channel, hello: AgentHello, rest: bytes) -> None:
        self.hello = hello
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._follows: dict[str, _Follow] = {}
        self._on_job: Subscribers[[Job]] = Subscribers()
        self._on_metrics: Subscribers[[HostMetrics | LabeltuiError]] = Subscribers()
        self._on_stopping: dict[str, Subscribers[[str, int, float]]] = {}
        self._write_lock = asyncio.Lock()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(rest), name="agent reader")

    # ---- the wire

    async def _read(self, buffered: bytes) -> None:
        reason = "The agent ended."
        try:
            pending = bytearray(buffered)
            while True:
                *lines, rest = bytes(pending).split(b"\n")
                for line in lines:
                    self._receive(line)
                pending = bytearray(rest)
                data = await self._next(pending)
                if not data:
                    said = self._channel.stderr_tail().decode("utf-8", "replace").strip().splitlines()
                    reason = f"The agent ended: {said[-1]}" if said else "The connection to the agent ended."
                    break
        except LabeltuiError as error:
            reason = error.problem.message
        except asyncio.CancelledError:
            reason = "The connection to the agent was closed."
            raise
        finally:
            self._end(reason)

    async def _next(self, pending: bytearray) -> bytes:
        """Read on, until ``pending`` holds the end of a line; what is read last is returned."""
        while True:
            data = await self._channel.read()
            pending += data
            if not data or b"\n" in data:
                return data
            if len(pending) > LONGEST_LINE:
                raise Unreachable(Code.AGENT_GARBLED, "The agent sent a line without end.", "Connect again.")

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._gone())
        self._waiting.clear()
        for follow in self._follows.values():
            follow.queue.put_nowait(self._gone())

    def _gone(self) -> Unreachable:
        return Unreachable(Code.AGENT_LOST, self._ended.result(), "It is connected again by itself.")

    def _receive(self, line: bytes) -> None:
        message = json_object(line)
        if message is None:
            return  # something on the host wrote into the stream; its deadline tells if it was an answer
        if "ev" in message:
            self._event(message)
            return
        future = self._waiting.pop(message.get("id") or 0, None)
        if future is None or future.done():
            return
        error = message.get("error")
        if error is None:
            future.set_result(message.get("ok") or {})
        else:
            text, hint = str(error.get("message", "")), str(error.get("hint", ""))
            future.set_exception(Failed(Code.reported(error.get("code")), text, hint))

    def _event(self, message: dict[str, Any]) -> None:
        kind = message["ev"]
        if kind == "job":
            self._on_job.notify(job_of(message))
        elif kind == "stopping":
            stopping = self._on_stopping.get(str(message.get("name")))
            if stopping is not None:
                stopping.notify(str(message["phase"]), int(message["alive"]), float(message["waited_s"]))
        elif kind == "metrics":
            told = Failed(Code.METRICS, str(message["error"])) if "error" in message else metrics_of(message)
            self._on_metrics.notify(told)
        elif kind in ("chunk", "follow.error"):
            follow = self._follows.get(str(message.get("key")))
            if follow is not None:
                follow.queue.put_nowait(chunk_of(message) if kind == "chunk" else follow_error_of(message))

    async def _write(self, message: Mapping[str, Any]) -> None:
        if self._ended.done():
            raise self._gone()
        async with self._write_lock:
            await self._channel.write(json.dumps(message).encode() + b"\n")

    async def request(self, op: str, *, deadline_s: float = DEADLINE_S, **arguments: Any) -> dict[str, Any]:
        """Ask the agent; Failed with the agent's own words, or code ``agent_slow`` after ``deadline_s``."""
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(deadline_s):
                await self._write({"id": number, "op": op, **arguments})
                return await future
        except TimeoutError:
            raise Failed(
                Code.AGENT_SLOW, f"The agent did not answer within {deadline_s:g} s.", "Try again."
            ) from None
        finally:
            self._waiting.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # it may have failed after the deadline; nobody awaits it any more

    async def lost(self) -> str:
        """Return, with the reason in words, when the agent can't be spoken to any more."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End the conversation; jobs go on. May be called twice."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        self._end("The connection to the agent was closed.")  # a reader that never ran has not said so
        await self._channel.close()

    async def ping(self) -> float:
        """Seconds until the agent answered."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        await self.request("ping")
        return loop.time() - before

    # ---- jobs

    async def job_start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        log: str | None = None,
        meta: Mapping[str, object] | None = None,
    ) -> Job:
        """Start a named job.

        Failed ``already_running`` while it runs, ``start_failed`` when it can't be executed.
        """
        told = await self.request(
            "job.start",
            name=name,
            argv=list(argv),
            env=dict(env or {}),
            cwd=cwd,
            log=log,
            meta=dict(meta or {}),
        )
        return job_of(told)

    async def job_status(self, name: str) -> Job:
        """The job as it stands now; state ``absent`` when it never ran."""
        return job_of(await self.request("job.status", name=name))

    async def job_list(self) -> tuple[Job, ...]:
        """Every job that ever ran in the folder, by name."""
        return tuple(job_of(told) for told in (await self.request("job.list"))["jobs"])

    async def job_stop(
        self, name: str, *, grace_s: float = 10.0, progress: StopProgress | None = None
    ) -> Job:
        """Stop a job's whole group; returns once nothing of it is alive.

        ``progress(phase, alive, waited_s)``.
        """
        stopping = self._on_stopping.setdefault(name, Subscribers())
        unsubscribe = stopping.add(progress) if progress is not None else None
        try:
            return job_of(await self.request("job.stop", deadline_s=grace_s + 40, name=name, grace_s=grace_s))
        finally:
            if unsubscribe is not None:
                unsubscribe()

    def subscribe_jobs(self, callback: JobCallback) -> Callable[[], None]:
        """Tell ``callback`` of every job that starts or ends, whoever caused it.

        Returns how to unsubscribe.
        """
        return self._on_job.add(callback)

    # ---- files

    async def follow(
        self, path: str, offset: int = 0, *, file_id: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The bytes of a file from ``offset`` on, as they are written; close the iterator to end it.

        ``file_id`` is of the chunk that was seen last: where the file was replaced since, it starts again at
        0. A file that is not there yet gives one empty chunk (``at_end``, no ``file_id``), and its bytes once
        it is.
        """
        key = f"f{next(self._numbers)}"
        follow = self._follows[key] = _Follow()
        try:
            await self.request("follow", path=path, key=key, offset=offset, file_id=file_id)
            while True:
                item = await follow.queue.get()
                if isinstance(item, LabeltuiError):
                    raise item
                yield item
                if item.data:
                    await self._write({"op": "ack", "key": key, "bytes": len(item.data)})
        finally:
            del self._follows[key]
            if not self._ended.done():
                with contextlib.suppress(LabeltuiError):
                    await self._write({"op": "unfollow", "key": key})

    async def read(self, path: str, offset: int = 0, limit: int = 65536) -> bytes:
        """At most ``limit`` (up to 1 MiB) bytes of a file."""
        return base64.b64decode((await self.request("read", path=path, offset=offset, limit=limit))["data"])

    async def stat(self, path: str) -> Mapping[str, Any]:
        """``size`` in bytes, ``mtime`` in unix seconds, ``is_dir``, ``file_id`` as of a chunk; Failed ``not_found``."""
        return await self.request("stat", path=path)

    async def listdir(self, path: str) -> tuple[str, ...]:
        """Names in a folder, sorted, at most 10 000."""
        return tuple((await self.request("listdir", path=path))["names"])

    async def mkdir(self, path: str) -> None:
        """Make a folder and those above it."""
        await self.request("mkdir", path=path)

    async def sha256(self, path: str, limit: int | None = None) -> str:
        """Checksum of the first ``limit`` bytes (None: all) of a file."""
        return str((await self.request("sha256", deadline_s=600, path=path, limit=limit))["sha256"])

    # ---- the host

    async def metrics(self, disk_path: str = "/") -> HostMetrics:
        """One sample of the host's load; disk is of the volume that holds ``disk_path``."""
        return metrics_of(await self.request("metrics", disk_path=disk_path))

    async def watch_metrics(
        self, interval_s: float, disk_path: str = "/"
    ) -> AsyncGenerator[HostMetrics, None]:
        """Samples pushed every ``interval_s`` seconds; a failed one is raised.

        The newest watch sets the pace.
        """
        newest: asyncio.Queue[HostMetrics | LabeltuiError] = asyncio.Queue(1)

        def put(item: HostMetrics | LabeltuiError) -> None:
            if newest.full():
                newest.get_nowait()  # a sample nobody looked at is worth nothing once there is a newer one
            newest.put_nowait(item)

        unsubscribe = self._on_metrics.add(put)
        ended = asyncio.ensure_future(asyncio.shield(self._ended))
        ended.add_done_callback(lambda _: put(self._gone()) if self._ended.done() else None)
        try:
            await self.request("metrics.watch", interval_s=interval_s, disk_path=disk_path)
            while True:
                item = await newest.get()
                if isinstance(item, LabeltuiError):
                    raise item
                yield item
        finally:
            unsubscribe()
            ended.cancel()
            if not self._on_metrics and not self._ended.done():
                with contextlib.suppress(LabeltuiError):
                    await self._write({"op": "metrics.watch", "interval_s": 0})

    async def orphans(self, server_pgid: int | None = None) -> tuple[OrphanTraining, ...]:
        """Trainings whose server is gone; those of the group ``server_pgid`` are never among them."""
        told = (await self.request("orphans", server_pgid=server_pgid))["orphans"]
        return tuple(
            OrphanTraining(
                int(one["pid"]),
                int(one["pgid"]),
                str(one["model"]),
                None if one["started_ts"] is None else datetime.fromtimestamp(one["started_ts"], UTC),
            )
            for one in told
        )

    async def stop_orphans(self, pgid: int, *, grace_s: float = 5.0) -> None:
        """End one orphaned training, group and all; Failed ``not_orphaned`` for any other group."""
        await self.request("orphans.stop", deadline_s=grace_s + 40, pgid=pgid, grace_s=grace_s)

    # ---- the guard

    async def guard(self, program: str, ask: str, **told: Any) -> dict[str, Any]:
        """Ask the guard, whose program lies at ``program`` of the host: see the head of ``guard/door.py``."""
        return await self.request("guard", deadline_s=40.0, program=program, request={"ask": ask, **told})
