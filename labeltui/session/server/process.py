"""Derives the server's state from its process (watched by the agent), its output and its API."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.events import Event
from labeltui.domain.log.lines import event, parse_line
from labeltui.domain.log.meaning import Meaning, Trouble
from labeltui.domain.log.startup import StartupReader, diagnose_exit
from labeltui.domain.pod.load import memory_peak
from labeltui.domain.problems import Failed, Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import FoundServer, OrphanTask, ServerInfo
from labeltui.domain.server.state import ServerEvidence, ServerRun, derive_server
from labeltui.domain.states import ServerState
from labeltui.domain.training.log import TrainLog
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Chunk, Job, JobState
from labeltui.session.log.feed import AppLog, LogFeed
from labeltui.session.log.store import LogStore
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock
from labeltui.session.server.run import moment, run_of
from labeltui.session.server.successor import Successor
from labeltui.support.subscribers import Subscribers

JOB = "server"
FOUND = "found"
"""Used in place of a run id for the log of a server that labeltui did not start."""
LINES_FOR_DIAGNOSIS = 400


class ServerWatch:
    """Writes the store's field ``server``, and notifies subscribers of events in the server's output."""

    def __init__(
        self,
        store: Store,
        log: LogStore,
        clock: Clock,
        url: Callable[[], str | None],
        blocked: Callable[[], Problem | None] = lambda: None,
        pod_was_stopped: Callable[[datetime | None], bool] = lambda _began: False,
    ) -> None:
        """Watch the server at ``url``. ``pod_was_stopped`` gets a run's start, by this machine's clock."""
        self.log, self.training = log, TrainLog()
        self.run, self._successor = ServerRun(), Successor()
        self.meta: Mapping[str, object] = {}
        self.orphans: tuple[OrphanTask, ...] = ()
        self.orphans_known, self.found_known = asyncio.Event(), asyncio.Event()
        self._stopping: str | None = None
        self._found: FoundServer | None = None
        self._failing: Problem | None = None
        self.zone: tzinfo = UTC  # zone of the host's wall clock; the server's lines have times by that clock
        self.caught_up = self._fresh = self._job_known = self._host_lost = self._pod_ended = False
        self.on_event: Subscribers[[Event]] = Subscribers()
        self.on_lines: list[Callable[[], None]] = []
        self.on_problem: list[Callable[[Meaning, int, datetime], None]] = []
        """Called with each problem that the output reports, its line in the log and its time."""
        self.on_run: list[Callable[[], None]] = []
        self._store = store
        self._field, self._log_errors = store.own(Fields.server), store.own(Fields.log_errors)
        self._clock, self._url, self._blocked, self._pod_was_stopped = clock, url, blocked, pod_was_stopped
        self._startup = StartupReader()
        self._last_line_at: datetime | None = None  # by the host's clock, without zone
        self.feed = LogFeed(log, self._on_line, clock, self._on_fed)
        self._answered_at: datetime | None = None
        self._memory_pct: float | None = None  # the most that was used before the run ended
        self._failures_while_lost = 0  # they say nothing about the server
        self._ahead_s = 0.0  # seconds by which the host's clock is ahead of this machine's
        self._ended = asyncio.Event()
        self._final_size: int | None = None

    async def attach(self, agent: AgentClient) -> None:
        """Follow the job and its output until the agent is gone."""
        self.zone = timezone(timedelta(seconds=agent.hello.utc_offset_s))
        self._ahead_s = agent.hello.now_ts - self._clock().timestamp()
        unsubscribe = agent.subscribe_jobs(self._on_job)
        measuring = asyncio.create_task(self._measure(agent))
        try:
            self._on_job(await agent.job_status(JOB))
            await self._follow(agent)
        finally:
            unsubscribe()
            measuring.cancel()
            await asyncio.gather(measuring, return_exceptions=True)

    async def _measure(self, agent: AgentClient) -> None:
        """Read the size of an ended run's output. The cause of the end is in the last lines."""
        while True:
            await self._ended.wait()
            self._ended.clear()
            if (path := self.run.log_path) is None:
                continue
            try:
                self._final_size = (await agent.stat(path)).size
            except Failed:
                self._final_size = 0  # the file was deleted: nothing more will come
            self.refresh()

    async def _follow(self, agent: AgentClient) -> None:
        """Follow the output of the newest run, then the output of each later run."""
        while True:
            run_id, path = await self._run_with_log()
            if self.log.run_id != run_id:
                self.begin(run_id, path, app_log=AppLog.of(self.meta))
            self._note_end()
            self.log.back(self._clock())
            reading = asyncio.create_task(self.feed.read(agent, path))
            replaced = asyncio.create_task(self._other_run(run_id))
            try:
                await asyncio.wait((reading, replaced), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
            finally:
                reading.cancel()
                replaced.cancel()
                await asyncio.gather(reading, replaced, return_exceptions=True)

    async def _other_run(self, run_id: str) -> None:
        await self._store.wait_for(lambda _s: self.run.run_id != run_id)

    async def _run_with_log(self) -> tuple[str, str]:
        await self._store.wait_for(lambda _s: self.run.run_id is not None and self.run.log_path is not None)
        return self.run.run_id or "", self.run.log_path or ""

    def begin_remote(self, source: str) -> None:
        """Begin the log of a server that labeltui did not start. ``source`` names the source of its lines."""
        self.begin(FOUND, source, source)

    def feed_remote(self, offset: int, data: bytes) -> None:
        """Add more bytes of that server's log, up to its present end."""
        self.log.back(self._clock())
        self.feed.own(Chunk(self.log.path or "", "", offset, data, at_end=True))

    def remote_lost(self, why: str) -> None:
        """Mark in the log that it can't be read now, with the reason ``why``."""
        self.feed.lost(self._clock(), why)

    def _note_end(self) -> None:
        if self.run.ended_at is not None and self.log.run_id == self.run.run_id:
            self.feed.ended(self.run.ended_at, self.zone)

    def begin(self, run_id: str, path: str, source: str = "", app_log: AppLog | None = None) -> None:
        """Begin the log of a run whose output is the file ``path`` on the host."""
        self.feed.begin(run_id, path, source, app_log)
        self.training = TrainLog()
        self._startup = StartupReader()
        self._count_errors()
        self._last_line_at, self.caught_up = None, False
        for notify in self.on_run:
            notify()

    def _on_fed(self) -> None:
        if self.feed.caught_up and not self.caught_up:
            self.caught_up = True
            self.refresh()
        if self._fresh:
            self._fresh = False
            self._count_errors()
            self.refresh()
            for notify in self.on_lines:
                notify()

    def _count_errors(self) -> None:
        if len(self.log.errors) != self._store.state.log_errors:
            self._log_errors.write(len(self.log.errors))

    def _on_line(self, raw: bytes, number: int, own: bool) -> None:
        self._fresh = True
        line = raw.decode("utf-8", "replace")
        record = parse_line(line)
        problem = self.log.errors.feed(record)
        reported = event(record)
        if own:  # other lines may be of another server that writes to the same app.log
            self.training.take(record, reported, line)
            self._startup.take(record.message)
        if reported is not None:
            self.on_event.notify(reported)
        if record.time is not None:  # a line without a time has the time of the previous line
            self._last_line_at = record.time
        if problem is not None and not (problem.kind is Trouble.KILLED and self._stopping == self.log.run_id):
            at = self._clock() if self._last_line_at is None else self._last_line_at.replace(tzinfo=self.zone)
            for notify in self.on_problem:
                notify(problem, number, at)

    def expect_stop(self, stops: bool = True) -> None:
        """Record that the operator stops the run now, so that the end of its tasks raises no alert."""
        self._stopping = self.run.run_id if stops else None

    @property
    def is_stopping(self) -> bool:
        """Whether the operator stops the run, which has not ended yet."""
        return self.run.state in (JobState.RUNNING, JobState.STOPPING) and self._stopping == self.run.run_id

    def _on_job(self, job: Job) -> None:
        if job.name != JOB:
            return
        job = self._successor.on_job(job, self._ahead_s, self._clock())
        ended = job.state in (JobState.EXITED, JobState.LOST)
        ran, other = self.run.state in (JobState.RUNNING, JobState.STOPPING), job.run_id != self.run.run_id
        if ran and (ended or other):
            self.orphans_known.clear()  # the list is of the time when the server ran
        if other or (ran and ended):
            self._memory_pct = None if other else memory_peak(self._store.state.loads, self._clock())
        if other or ended:
            self._answered_at = self._failing = None  # the last answer was of the previous run
        self._job_known = True
        if self._host_lost:
            self._host_lost, self._failures_while_lost = False, self._store.state.info.failures
        self._final_size = None
        self.meta = job.meta or {}
        with_pod = self._pod_ended and ended and job.run_id == self.run.run_id
        lost = job.state is JobState.LOST and not job.stopped_by_us
        self._pod_ended = with_pod or (lost and self._pod_was_stopped(moment(job.started_ts, self._ahead_s)))
        self.run = run_of(job, stopped=self._pod_ended)
        self._stopping = job.run_id if self.run.stopped_by_us else None
        if ended:
            self._note_end()
            self._ended.set()
        self.refresh()

    @property
    def listening(self) -> bool:
        """Whether the run has printed that the server listens."""
        return self._startup.ready and self.log.run_id == self.run.run_id

    def on_info(self, info: Reading[ServerInfo]) -> None:
        """Record when the API last answered, and derive the server's state again."""
        if info.error is None and info.as_of is not None:
            self._answered_at = info.as_of
            self._failures_while_lost = 0
            if self.is_attached and self._successor.on_answer(info):
                self.run, self._pod_ended = ServerRun(), False
        self.refresh()

    def on_info_failure(self, problem: Problem | None) -> None:
        """Store the reason for which ``/info/`` fails. None if it succeeds, or if the server can't be reached."""
        self._failing = problem
        if problem is not None:
            self._answered_at = self._clock()

    @property
    def is_attached(self) -> bool:
        """Whether the agent reports the host's jobs now."""
        return self._job_known and not self._host_lost

    @property
    def is_remote(self) -> bool:
        """Whether the log is of a server that labeltui did not start."""
        return self.log.run_id == FOUND

    @property
    def app_folder(self) -> str | None:
        """The folder of the server's app on the host. None if it is unknown."""
        if self.run.state == "running":
            log = AppLog.of(self.meta)
            return None if log is None else posixpath.dirname(posixpath.dirname(log.path))
        return self._found.app if self._found is not None else None

    @property
    def pid(self) -> int | None:
        """The server's process on the host, even if labeltui did not start it. None if it is unknown."""
        if self.run.state == "running":
            return self.run.pid
        return self._found.pid if self._found is not None else None

    def on_orphans(self, orphans: tuple[OrphanTask, ...]) -> None:
        """Store the tasks whose server has ended, and derive the server's state again."""
        self.orphans = orphans
        self.orphans_known.set()
        self.refresh()

    def on_found(self, server: FoundServer | None) -> None:
        """Store the process of a server that labeltui did not start, and derive the server's state again."""
        self._found = server
        self.found_known.set()
        self.refresh()

    def refresh(self) -> None:
        """Derive the server's state again and write it. Does nothing while the host does not report its jobs."""
        if not self.is_attached and not self._pod_ended:
            return
        info = self._store.state.info
        evidence = ServerEvidence(
            phase=self._startup.phase if self.log.run_id == self.run.run_id else "",
            listening=self.listening,
            info=replace(info, failures=max(0, info.failures - self._failures_while_lost)),
            answered=self._answered_at is not None,
            problem=self._diagnosis(),
            failing=self._failing,
            found=self._found,
            batch=self.training.batch.run if self.log.run_id == (self.run.run_id or FOUND) else None,
            reads_tasks=self.caught_up and self.log.run_id == self.run.run_id,
            blocked=self._blocked(),
        )
        status = derive_server(self.run, evidence, self._url(), self.orphans)
        if (current := self._field.value).value != status or current.error is not None:
            self._field.write(Reading(status, self._clock()))

    @property
    def ended_with(self) -> str:
        """``pod`` or ``server`` if the operator's stop of it ended the run; else empty."""
        if self._pod_ended:
            return "pod"
        server = self._field.value.value
        stopped = server is not None and server.state is ServerState.STOPPED and not self.is_remote
        return "server" if stopped else ""

    def pod_ended(self) -> None:
        """Record that the pod was stopped or terminated, which ended the server and every training."""
        if self._pod_ended or self.run.state not in (JobState.RUNNING, JobState.STOPPING):
            return
        self._pod_ended, self._answered_at, self.orphans = True, None, ()
        ended_at = self._clock()
        self.run = replace(self.run, state=JobState.EXITED, pid=None, stopped_by_us=True, ended_at=ended_at)
        self.refresh()

    def host_lost(self, why: str) -> None:
        """The connection was lost: mark the state as old, with the reason."""
        if self.log.run_id is not None:
            self.feed.lost(self._clock(), why)
        self._answered_at = None if self.run.state == "absent" else self._answered_at
        self._host_lost = True
        if not self._pod_ended:
            self._field.write(replace(self._field.value, error=why))

    @property
    def read_whole(self) -> bool:
        """Whether the whole output of an ended run was read. True if there was no run."""
        if self.log.run_id != self.run.run_id:
            return self.run.run_id is None
        return self._final_size is not None and self.feed.stored >= self._final_size

    def _diagnosis(self) -> Problem | None:
        if self.run.state not in (JobState.EXITED, JobState.LOST) or self.log.run_id != self.run.run_id:
            return None
        if not self.read_whole:
            code = "" if self.run.exit_code is None else f" (exit code {self.run.exit_code})"
            return Problem(Code.ENDED, f"The server has ended{code}. Its last lines are still being read.")
        lines = [line.decode("utf-8", "replace") for line in self.log.tail(LINES_FOR_DIAGNOSIS)]
        return diagnose_exit(lines, self.run.exit_code, self._memory_pct)
