"""Stores the trainings that servers have printed: the watched server, and earlier ones on the host."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from datetime import tzinfo
from functools import partial

from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.training.log import TrainLog, TrainRun
from labeltui.domain.training.record import TrainingRecord, record_of
from labeltui.domain.training.status import run_status
from labeltui.hosts.agent.client import AgentClient
from labeltui.session.history.trainings import TrainingHistory
from labeltui.session.log.splitter import LineSplitter
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.server.process import ServerWatch

BLOCK = 1 << 20
MAX_LOG = 64 << 20
"""Bytes of an earlier run's output that are read."""
MAX_RUNS = 50
DOWN = (ServerState.STOPPED, ServerState.CRASHED)


class TrainingRecorder:
    """Stores each training of the watched server when an epoch or the training ends."""

    def __init__(self, store: Store, watch: ServerWatch, history: TrainingHistory) -> None:
        self._store, self._watch, self._history = store, watch, history
        self._previous: dict[int, tuple[TrainRun, bool]] = {}
        self._stored: set[tuple[object, ...]] = set()
        watch.on_lines.append(self._record)
        store.subscribe(self._on_store)

    def _on_store(self, _state: SessionState, changed: Changed) -> None:
        if Fields.server in changed:
            self._record()

    def _record(self) -> None:
        """Compare each training with its stored record. Before all lines are read, a training seems incomplete."""
        server = self._store.state.server.value
        up = server is not None and server.state not in DOWN
        run_id, zone = self._watch.log.run_id or "", self._watch.zone
        self._history.on_live_run(run_id if up else None)
        if not self._watch.caught_up:
            return
        runs, records = self._watch.training.runs, []
        for number, run in enumerate(runs):
            last = run is runs[-1]
            before = self._previous.get(number)
            if before is not None and before[0] is run and before[1] == (up and last):
                continue
            self._previous[number] = run, up and last
            record = _record_of(run, zone, run_id, up=up, last=last, ended_with=self._watch.ended_with)
            if record is not None and _essence(record) not in self._stored:
                self._stored.add(_essence(record))
                records.append(record)
        if records:
            self._history.add(records)


def _essence(record: TrainingRecord) -> tuple[object, ...]:
    """The values of a training whose change makes the recorder store it again."""
    best = record.best
    progress = (record.state, record.ended_at, record.total_epochs, record.epochs, record.model_file)
    return (record.started_at, record.model, *progress, best and (best.metric, best.value, best.epoch))


class EarlierRuns:
    """Reads the output of earlier runs of the server, for trainings that no labeltui watched.

    The output of each run is in a folder of its own below ``FOLDER/runs`` on the host. The newest 50 are read,
    once each, and at most 64 MiB of each.
    """

    def __init__(self, store: Store, watch: ServerWatch, history: TrainingHistory, folder: str) -> None:
        self._store, self._watch, self._history, self._folder = store, watch, history, f"{folder}/runs"

    async def run(self, agent: AgentClient) -> None:
        """Read the outputs now and each time another run begins, until the agent is gone."""
        while True:
            await self.read(agent)
            await self._store.wait_for(partial(_has_other_run, self._run_id()))

    async def read(self, agent: AgentClient) -> None:
        """Read the outputs that have grown since they were read."""
        try:
            names = await agent.list_folder(self._folder)
        except Failed:
            return  # no server has run on this host
        done = await self._history.logs_read()
        for run_id in names[-MAX_RUNS:]:
            if run_id == self._run_id():
                continue
            path = f"{self._folder}/{run_id}/stdout.log"
            try:
                size = (await agent.stat(path)).size
                if done.get(run_id) != size:
                    await self._read_log(agent, run_id, path, size)
            except Failed:
                continue  # it was deleted, or is not readable

    def _run_id(self) -> str | None:
        server = self._store.state.server.value
        return None if server is None else server.run_id

    async def _read_log(self, agent: AgentClient, run_id: str, path: str, size: int) -> None:
        lines, trainings, offset = LineSplitter(), TrainLog(), 0
        while offset < min(size, MAX_LOG):
            block = await agent.read(path, offset, BLOCK)
            if not block:
                break
            offset += len(block)
            await asyncio.to_thread(_feed, trainings, lines.feed(block))
        runs, zone = trainings.runs, self._watch.zone
        records = [
            _record_of(run, zone, run_id, up=False, last=run is runs[-1], ended_with=_ended_with(run))
            for run in runs
        ]
        self._history.add([record for record in records if record is not None], found=True)
        self._history.log_was_read(run_id, size)


def _has_other_run(run_id: str | None, state: SessionState) -> bool:
    server = state.server.value
    return server is not None and server.run_id != run_id


def _feed(trainings: TrainLog, lines: list[bytes]) -> None:
    for line in lines:
        trainings.feed(line.decode("utf-8", "replace"))


def _ended_with(run: TrainRun) -> str:
    """Return ``server`` for a training that SIGTERM ended.

    Only a stop of the whole server sends it; MONAI Label itself kills trainings.
    """
    return "server" if run.return_code == -signal.SIGTERM else ""


def _record_of(
    run: TrainRun, zone: tzinfo, run_id: str, *, up: bool, last: bool, ended_with: str
) -> TrainingRecord | None:
    """Make the record of a training in a server's output.

    ``up`` is True if the server has not ended. A server runs its trainings one after the other. If another one
    followed and no end was printed, it is unknown how this one ended.
    """
    status = run_status(run, zone, running=up, ended_with=ended_with if last else "")
    record = record_of(run, status, run_id)
    if record is None or run.ended or last:
        return record
    return replace(record, state=None, problem="")
