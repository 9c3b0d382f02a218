"""Polls the server's API, and decides how often to poll and when to poll at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from labeltui.config.model import ServerSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.log.events import Event, LabelReceived, ReturnCode, SampleServed, TaskCommand
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.server.server import ServerInfo
from labeltui.domain.server.state import SILENT_AFTER_FAILURES
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.domain.studies.study import StudyQueue
from labeltui.domain.training.status import current_task, derive_training, lost_task_status, task_status
from labeltui.domain.training.tasks import Task
from labeltui.domain.training.training import TrainStatus
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.connection.tunnel import Tunnel
from labeltui.session.history.studies import StudyHistory
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, Poller, error_text
from labeltui.session.server.info_failure import InfoRequests
from labeltui.session.server.last_training import LastTraining
from labeltui.session.server.process import ServerWatch
from labeltui.session.server.remote_log import is_foreign
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.listing import StudyListing

# Seconds between polls. If labeltui started the server, its output says when something happened, and polling is slow.
# If somebody else did, there is no output to read, and polling is fast.
STARTING_S = 1.0
WATCHED_S = 15.0
FAILING_S = 60.0  # each request writes a traceback to the server's log
UNWATCHED_S = 2.5
TRAINING_S = 2.0
QUEUE_S = 60.0
UNWATCHED_QUEUE_S = 10.0
LEAST_S = 1.0
FOUND_S = 10.0  # for the agent's list of servers
MANY_STUDIES = 2000
# On DICOMweb, /info/ costs a request per finished series, and meanwhile the server answers nobody else. It may take
# this share of the time, as long as it is polled every two minutes.
SHARE = 10
SLOWEST_S = 120.0

DOWN = (ServerState.STOPPED, ServerState.CRASHED, ServerState.STARTING)
TASK_EVENTS = (TaskCommand, ReturnCode)


class Pollers:
    """Polls the API for the store's fields ``info``, ``queue`` and ``training``."""

    def __init__(
        self,
        store: Store,
        watch: ServerWatch,
        tunnel: Tunnel,
        clock: Clock,
        client: Callable[[], MonaiLabelClient],
        *,
        settings: ServerSection,
        client_id: str,
        studies: StudyHistory,
        agent: Callable[[], AgentClient | None],
        ready: Callable[[], Awaitable[AgentClient]],
        last_training: LastTraining,
    ) -> None:
        """Create the pollers. ``agent`` returns the agent if it runs, ``ready`` waits for it."""
        self._store = store
        self._watch = watch
        self._tunnel = tunnel
        self._client = client
        self.annotators = Annotators(client_id, lambda: watch.zone, studies.add)
        self.listing = StudyListing(
            store, client, self.annotators, clock, self._on_studies,
            settings=settings, process=self._process, ready=ready,
        )  # fmt: skip
        self._info_requests = InfoRequests(watch, agent)
        self._tasks: tuple[Task, ...] = ()
        self._running: Task | None = None
        self._last = last_training
        self._previous_server: tuple[ServerState, str | None] | None = None
        self._training = store.own(Fields.training)
        self.info: Poller[ServerInfo] = Poller(
            store.own(Fields.info), self._poll_info, self._info_interval, clock
        )
        self.queue: Poller[StudyQueue] = Poller(
            store.own(Fields.queue), self._poll_queue, self._queue_interval, clock
        )
        self.training: Poller[TrainStatus] = Poller(
            self._training, self._poll_training, self._training_interval, clock
        )
        self._clock = clock
        store.subscribe(self._on_store)
        watch.on_event.add(self._on_event)
        watch.on_lines.append(self._on_lines)
        watch.on_run.append(lambda: self.annotators.begin(watch.run.studies))

    @property
    def all(self) -> tuple[Poller[ServerInfo], Poller[StudyQueue], Poller[TrainStatus]]:
        """The three pollers."""
        return self.info, self.queue, self.training

    def wake(self) -> None:
        """Poll everything now."""
        for poller in self.all:
            poller.wake()

    # --- requests ---

    async def _poll_info(self) -> ServerInfo:
        try:
            info = await self._info_requests.info(self._client())
        except Exception as error:
            down = self._state() in (ServerState.STOPPED, ServerState.CRASHED)
            if isinstance(error, LabeltuiError) and error.problem.code == Code.INFO_FAILED:
                self._tunnel.request_succeeded()
            else:  # if the server is down, the request fails although the tunnel works
                self._tunnel.request_failed("" if down else error_text(error))
            raise
        self._tunnel.request_succeeded()
        return info

    async def _poll_queue(self) -> StudyQueue:
        self._need_server()
        return await self.listing.read()

    async def _process(self) -> int | None:
        """Wait until the server's process is known, and return its id. None if the host does not show it."""
        if self._state() is None:
            raise Unreachable(Code.SERVER_DOWN, "The server's process and output are still being read.")
        if is_foreign(self._store.state) and not self._watch.found_known.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FOUND_S):
                    await self._watch.found_known.wait()
        return self._watch.pid

    async def _poll_training(self) -> TrainStatus:
        if not self.complete:
            raise Unreachable(Code.SERVER_DOWN, "The server's process and output are still being read.")
        if self.down:
            return self._derive()
        self._need_server()
        try:
            client = self._client()
            self._tasks = await client.train_tasks()
            self._running = await client.train_running() if _unfinished(self._tasks) else None
        except LabeltuiError:
            if not self.down:  # it may have ended meanwhile, or the host has only now reported that it had
                raise
        else:
            self._last.store(self._watch.run.run_id, current_task(self._tasks, self._running))
        return self._derive()

    def submitted(self, task: Task) -> None:
        """Poll for a training that the server has just accepted and does not list yet."""
        self._last.store(self._watch.run.run_id, current_task((*self._tasks, task), self._running))
        self.training.wake()

    def _derive(self) -> TrainStatus:
        return derive_training(
            tasks=None if self.down else self._tasks,
            running=None if self.down else self._running,
            runs=self._watch.training.runs,
            info=self._store.state.info.value,
            orphans=self._watch.orphans,
            last=self._last.of(self._watch.run.run_id or self._watch.log.run_id) if self.down else None,
            ended_with=self._watch.ended_with,
            zone=self._watch.zone,
        )

    @property
    def complete(self) -> bool:
        """Whether process, output, API and orphans were all read.

        Until then, the end of a training may be unread, so that it would seem to have ended with its server.
        """
        state, watch, info = self._state(), self._watch, self._store.state.info
        if state is None or (info.as_of is None and info.error is None):
            return False
        if watch.is_stopping:
            return False  # the server calls the tasks that it kills failed
        if watch.ended_with == "pod" and not watch.is_attached:
            return True
        if self.down and not watch.orphans_known.is_set():
            return False
        if watch.is_remote or watch.run.run_id is None:
            return True
        if state in (ServerState.STOPPED, ServerState.CRASHED):
            return watch.read_whole
        unanswered = state is ServerState.STARTING and watch.listening
        return watch.caught_up and watch.log.run_id == watch.run.run_id and not unanswered

    @property
    def down(self) -> bool:
        """True if the server has ended, or if a new one does not answer yet.

        A server that labeltui did not start counts as running until several requests in a row have failed.
        """
        if self._state() not in DOWN:
            return False
        return not self._watch.is_remote or self._store.state.info.failures >= SILENT_AFTER_FAILURES

    def training_of(self, task_id: str, submitted: Task | None = None) -> TrainStatus | None:
        """Return the status of one task; None if the server does not list it.

        ``submitted`` is the server's answer to the start of the task. It is used if the server ended before it
        listed the task.
        """
        task = next((one for one in self._tasks if one.id == task_id), submitted if self.down else None)
        if task is None:
            return None
        runs, zone = self._watch.training.runs, self._watch.zone
        if self.down:
            return lost_task_status(
                task, runs=runs, orphans=self._watch.orphans, ended_with=self._watch.ended_with, zone=zone
            )
        return task_status(task, tasks=self._tasks, runs=runs, info=self._store.state.info.value, zone=zone)

    def _need_server(self) -> None:
        """Raise Unreachable with the server's state if the server is down, because a request would fail."""
        if (state := self._state()) in DOWN:
            raise Unreachable(Code.SERVER_DOWN, f"The server {state.clause}.", "Start the server first.")

    # --- how often ---

    def _state(self) -> ServerState | None:
        server = self._store.state.server.value
        return None if server is None else server.state

    def _watched(self) -> bool:
        server = self._store.state.server.value
        return server is not None and server.pid is not None

    def _info_interval(self) -> float:
        server, latency = self._store.state.server.value, self._store.state.info.latency_s
        if self._state() is ServerState.STARTING:
            return STARTING_S
        if server is not None and server.problem is not None and server.problem.code == Code.INFO_FAILED:
            return FAILING_S
        unwatched = self._state() is ServerState.RUNNING and not self._watched()
        usual = UNWATCHED_S if unwatched else WATCHED_S
        if server is None or latency is None or not is_dicomweb(server.studies or ""):
            return usual
        return max(usual, min(SHARE * latency, SLOWEST_S))

    def _queue_interval(self) -> float:
        if self.listing.on_dicomweb:
            state = self._store.state
            running = self._state() is ServerState.RUNNING and state.queue.error is None
            return max(LEAST_S, self.listing.series.wait_s) if running else QUEUE_S
        queue = self._store.state.queue.value
        few = queue is None or (queue.total is not None and queue.total <= MANY_STUDIES)
        return UNWATCHED_QUEUE_S if few and not self._watched() else QUEUE_S

    def _training_interval(self) -> float:
        training = self._store.state.training.value
        active = training is not None and training.state in (TrainState.RUNNING, TrainState.QUEUED)
        return TRAINING_S if active else WATCHED_S

    # --- what starts a poll ---

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.info in changed:
            self._watch.on_info(state.info)
            self._wake_on_counts(state)
        if Fields.server in changed:
            self._wake_on_server(state)

    def _wake_on_counts(self, state: SessionState) -> None:
        info, queue = state.info.value, state.queue.value
        if info is None or state.info.error is not None:
            return
        counts = (info.total, info.completed, dict(info.label_tags))
        if self.listing.on_dicomweb:  # the server's counts may always differ from labeltui's
            if self.listing.series.counts(counts):
                self._wake_queue()
        elif queue is None or counts != (queue.total, queue.completed, dict(queue.label_tags)):
            self.queue.wake()

    def _wake_on_server(self, state: SessionState) -> None:
        server = state.server.value
        now = (server.state, server.run_id) if server is not None else None
        if now != self._previous_server:
            self._previous_server = now
            self.wake()
        self.training.wake()  # the orphans may have changed

    def _on_event(self, event: Event) -> None:
        self.annotators.on_event(event)
        if not self._watch.caught_up:
            return
        if isinstance(event, LabelReceived):
            self._wake_queue()
        elif isinstance(event, SampleServed):
            self.queue.wake()  # adds no series and no label
        elif isinstance(event, TASK_EVENTS):
            self.training.wake()

    def _wake_queue(self) -> None:
        self.listing.series.changed()
        self.queue.wake()

    def _on_studies(self) -> None:
        """Read the changed list, and the server's own counts to compare with it."""
        self.queue.wake()
        self.info.wake()

    def _on_lines(self) -> None:
        """Derive the training state again, because the loss curve is in the server's output and not in the API."""
        if self._state() is ServerState.STARTING and self._watch.listening:
            self.info.wake()
        reading = self._training.value
        if reading.value is None or not self.complete:
            return
        value = self._derive()
        if value != reading.value:
            self._training.write(replace(reading, value=value, as_of=self._clock()))


def _unfinished(tasks: tuple[Task, ...]) -> bool:
    return any(not task.state.ended for task in tasks)
