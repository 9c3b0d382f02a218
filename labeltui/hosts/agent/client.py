"""The console's client for a running agent: typed requests, answers and events."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import HostMetrics
from labeltui.domain.labels.copies import HostLabel, Listing
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.server.server import FoundServer, OrphanTask
from labeltui.hosts.agent.consoles import ConsoleRequests
from labeltui.hosts.agent.messages import (
    AgentHello,
    Chunk,
    DiskSum,
    FileFacts,
    InvitedKeys,
    Job,
    LabelPage,
    Preflight,
)
from labeltui.hosts.agent.models import ModelRequests
from labeltui.hosts.agent.parsing import bytes_of, chunk_of, follow_error_of, garbled, orphans_of, parse
from labeltui.hosts.agent.studies import StudiesRequests
from labeltui.hosts.base import Channel
from labeltui.support.subscribers import Subscribers

SUM_S = 3600.0  # for the checksums of all labels in one request
LIST_S = 120.0
PROBE_S = 60.0
PREFLIGHT_S = 30.0
STARTS_S = 20.0

JobCallback = Callable[[Job], None]
StopProgress = Callable[[str, int, float], None]


@dataclass(frozen=True, slots=True)
class _Jobs:
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Servers:
    servers: tuple[FoundServer, ...]


class _Follow:
    """Chunks of one followed file that nobody has read yet. The agent sends only so many bytes ahead of an ack."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Chunk | LabeltuiError] = asyncio.Queue()


class AgentClient(StudiesRequests, ModelRequests, ConsoleRequests):
    """The agent's requests, typed. Each raises Failed ``agent_garbled`` if the answer has an unexpected shape."""

    def __init__(self, channel: Channel, hello: AgentHello, rest: bytes, program: str = "") -> None:
        self.program = program  # starts the agent's zip file; quoted
        self._follows: dict[str, _Follow] = {}
        self._on_job: Subscribers[[Job]] = Subscribers()
        self._on_metrics: Subscribers[[HostMetrics | LabeltuiError]] = Subscribers()
        self._on_stopping: dict[str, Subscribers[[str, int, float]]] = {}
        super().__init__(channel, hello, rest)

    def _on_end(self) -> None:
        for follow in self._follows.values():
            follow.queue.put_nowait(self._gone())

    def _event(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "job":
            self._on_job.notify(parse(Job, message))
        elif kind == "stopping":
            self._stopping(message)
        elif kind == "metrics":
            failed = Failed(Code.METRICS, str(message["error"])) if "error" in message else None
            self._on_metrics.notify(failed or parse(HostMetrics, message))
        elif kind == "studies":
            self._on_studies.notify(message)
        elif kind in ("chunk", "follow.error"):
            follow = self._follows.get(str(message.get("key")))
            if follow is not None:
                follow.queue.put_nowait(chunk_of(message) if kind == "chunk" else follow_error_of(message))

    def _stopping(self, message: Mapping[str, Any]) -> None:
        try:
            phase, alive, waited_s = str(message["phase"]), int(message["alive"]), float(message["waited_s"])
        except (KeyError, TypeError, ValueError):
            raise garbled("how a job is stopped") from None
        stopping = self._on_stopping.get(str(message.get("name")))
        if stopping is not None:
            stopping.notify(phase, alive, waited_s)

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

        Raises Failed ``already_running`` while the job runs, ``start_failed`` if the command can't be executed.
        """
        answer = await self.request(
            "job.start", name=name, argv=list(argv), env=dict(env or {}), cwd=cwd, log=log,
            meta=dict(meta or {}),
        )  # fmt: skip
        return parse(Job, answer)

    async def job_status(self, name: str) -> Job:
        """Fetch the job's current record. The state is ``absent`` if the job never ran."""
        return parse(Job, await self.request("job.status", name=name))

    async def job_list(self) -> tuple[Job, ...]:
        """Fetch every job that ever ran in the folder, sorted by name."""
        return parse(_Jobs, await self.request("job.list")).jobs

    async def job_stop(
        self, name: str, *, grace_s: float = 10.0, progress: StopProgress | None = None
    ) -> Job:
        """Stop all processes of a job. Returns when none is alive.

        ``progress(phase, alive, waited_s)`` is called while the processes end; the phase is ``term`` or ``kill``.
        """
        stopping = self._on_stopping.setdefault(name, Subscribers())
        unsubscribe = stopping.add(progress) if progress is not None else None
        try:
            answer = await self.request("job.stop", deadline_s=grace_s + 40, name=name, grace_s=grace_s)
            return parse(Job, answer)
        finally:
            if unsubscribe is not None:
                unsubscribe()

    def subscribe_jobs(self, callback: JobCallback) -> Callable[[], None]:
        """Call ``callback`` for every job that any client starts or that ends. Returns a function that unsubscribes."""
        return self._on_job.add(callback)

    # ---- files

    async def follow(
        self, path: str, offset: int = 0, *, file_id: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the bytes of a file from ``offset`` on, as they are written. Close the iterator to stop.

        ``file_id`` is the id in the last chunk received, which continues there. If the file was replaced since,
        offsets start again at 0. A missing file yields one empty chunk (``at_end``, no ``file_id``), and its
        bytes when it appears.
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
        """Read at most ``limit`` bytes of a file, up to 1 MiB."""
        return bytes_of((await self.request("read", path=path, offset=offset, limit=limit)).get("data"))

    async def stat(self, path: str) -> FileFacts:
        """Fetch the size and times of a file or folder. Raises Failed ``not_found``."""
        return parse(FileFacts, await self.request("stat", path=path))

    async def list_folder(self, path: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; at most 10 000. Raises Failed ``not_found``."""
        return parse(_Names, await self.request("listdir", path=path)).names

    async def mkdir(self, path: str) -> None:
        """Make a folder and its parents."""
        await self.request("mkdir", path=path)

    async def write(self, path: str, data: bytes, *, replaces: bytes | None = None) -> None:
        """Replace a file below the agent's folder in one step, and create its folder if needed.

        ``replaces`` is the content that the file must still have, else Failed ``file_changed`` is raised.
        ``b""`` stands for an empty or missing file.
        """
        known = None if replaces is None else hashlib.sha256(replaces).hexdigest()
        await self.request("write", path=path, data=base64.b64encode(data).decode("ascii"), replaces=known)

    async def sha256(self, path: str, limit: int | None = None) -> str:
        """Return the SHA-256 in hex of the first ``limit`` bytes of a file, or of all if ``limit`` is None."""
        answer = await self.request("sha256", deadline_s=SUM_S, path=path, limit=limit)
        return parse(str, answer.get("sha256"))

    # ---- the host

    async def metrics(self, disk_path: str = "/") -> HostMetrics:
        """Fetch one sample of the host's load. The disk is the volume of ``disk_path``."""
        return parse(HostMetrics, await self.request("metrics", disk_path=disk_path))

    async def watch_metrics(
        self, interval_s: float, disk_path: str = "/"
    ) -> AsyncGenerator[HostMetrics, None]:
        """Yield a sample every ``interval_s`` seconds. Raises Failed ``metrics`` for a failed sample.

        The newest call sets the interval for all.
        """
        newest: asyncio.Queue[HostMetrics | LabeltuiError] = asyncio.Queue(1)

        def put(item: HostMetrics | LabeltuiError) -> None:
            if newest.full():
                newest.get_nowait()  # an unread sample is worthless once there is a newer one
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

    async def disk_sum(self, path: str, *, start: bool) -> DiskSum:
        """Fetch the total size of a volume's files. ``start`` requests a new sum if the newest is 10 minutes old."""
        return parse(DiskSum, await self.request("disk.sum", path=path, start=start))

    async def orphans(self, server_pgid: int | None = None) -> tuple[OrphanTask, ...]:
        """List all users' tasks whose server has ended. Processes of the group ``server_pgid`` are left out."""
        return orphans_of(await self.request("orphans", server_pgid=server_pgid))

    async def stop_orphans(self, pgid: int, task: str, *, grace_s: float = 5.0) -> None:
        """End all processes of an orphaned task from our folder. Raises Failed ``not_orphaned`` for others."""
        await self.request("orphans.stop", deadline_s=grace_s + 40, pgid=pgid, task=task, grace_s=grace_s)

    async def servers(self) -> tuple[FoundServer, ...]:
        """List the MONAI Label servers of this user on the host, including those that labeltui did not start."""
        return parse(_Servers, await self.request("servers")).servers

    async def preflight(self, *, folder: str, app: str, studies: str, port: int) -> Preflight:
        """Check whether the server can start. ``studies`` is empty for a DICOMweb server."""
        answer = await self.request(
            "preflight", deadline_s=PREFLIGHT_S, folder=folder, app=app, studies=studies, port=port
        )
        return parse(Preflight, answer)

    async def probe(self, wanted: Mapping[str, object]) -> Mapping[str, Any]:
        """Fetch facts about the host's installation as JSON; see ``remote/installation/probe.py``."""
        return await self.request("probe", deadline_s=PROBE_S, **wanted)

    # ---- labels

    async def list_labels(self, studies: str, only: Iterable[tuple[str, str]] | None = None) -> Listing:
        """List the label files below ``studies``, without checksums. ``only`` limits them to some (tag, study).

        Raises Failed ``io_error`` if a folder can't be read.
        """
        wanted = None if only is None else [list(pair) for pair in only]
        labels: list[HostLabel] = []
        skipped: list[str] = []
        after: list[str] | None = None
        while True:
            answer = await self.request(
                "labels.list", deadline_s=LIST_S, studies=studies, only=wanted, after=after
            )
            page = parse(LabelPage, answer)
            labels += page.labels
            skipped += [f"{one.tag}/{one.name}: {one.problem}" for one in page.skipped]
            if not page.more or page.after is None:
                return Listing(page.root, page.now_ns, tuple(labels), tuple(skipped))
            after = list(page.after)

    async def sum_labels(self, studies: str, keys: Iterable[tuple[str, str]]) -> tuple[HostLabel, ...]:
        """Fetch the labels with these (tag, file name), with current checksums. Deleted labels are left out."""
        answer = await self.request(
            "labels.sum", deadline_s=SUM_S, studies=studies, keys=[list(key) for key in keys]
        )
        return parse(LabelPage, answer).labels

    # ---- programs

    async def run_program(
        self,
        python: str,
        source: str,
        arguments: object = None,
        *,
        memory_bytes: int | None = None,
        wall_s: float = 60.0,
        answer_bytes: int = 1 << 20,
    ) -> Any:
        """Run a program with a Python of the host. Returns the result of its ``main(arguments)``, which is JSON.

        ``memory_bytes`` limits the program's address space if the host's system supports it. The program's process
        group is killed if this call is cancelled or the connection is lost. Raises Failed ``program_failed``,
        ``program_slow`` or ``program_memory``, with the end of the program's output as the detail.
        """
        key = f"p{next(self._numbers)}"
        try:
            answer = await self.request(
                "program.run", deadline_s=wall_s + STARTS_S, key=key, python=python, source=source,
                arguments=arguments, memory_bytes=memory_bytes, wall_s=wall_s, answer_bytes=answer_bytes,
            )  # fmt: skip
        except Failed:
            raise  # the program has ended
        except BaseException:
            with contextlib.suppress(LabeltuiError):
                await self._write({"op": "program.stop", "key": key})
            raise
        return answer.get("answer")

    # ---- the guard

    async def guard(self, ask: str, **arguments: Any) -> dict[str, Any]:
        """Send a request to the guard. ``remote/guard/requests.py`` lists the requests."""
        return await self.request("guard", deadline_s=40.0, request={"ask": ask, **arguments})

    async def invitations(self, ask: str, **arguments: Any) -> InvitedKeys:
        """Send a request about invited annotators' keys. ``remote/invited/keys.py`` lists the requests."""
        answer = await self.request("invitations", deadline_s=40.0, ask=ask, **arguments)
        return parse(InvitedKeys, answer)
