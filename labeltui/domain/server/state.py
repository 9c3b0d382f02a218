"""Derive the server's state from its process, its output and its API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import BatchRun, FoundServer, OrphanTask, ServerInfo, ServerStatus
from labeltui.domain.states import ServerState

SILENT_AFTER_FAILURES = 3
ENDED_ON_PURPOSE = (0, -2, -15)


@dataclass(frozen=True, slots=True)
class ServerRun:
    """The server's process, as the host reports it. ``state`` is running, stopping, exited, lost or absent."""

    state: str = "absent"
    run_id: str | None = None
    pid: int | None = None
    exit_code: int | None = None
    log_path: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stopped_by_us: bool = False
    app: str | None = None
    models: tuple[str, ...] = ()
    studies: str | None = None
    dicomweb_cache_s: int | None = None


@dataclass(frozen=True, slots=True)
class ServerEvidence:
    """Facts on a run from its output and its REST API. ``problem`` comes from the output of a run that has ended.

    ``failing`` is why the server fails to answer ``/info/`` although it runs. ``found`` is the process of a server that
    labeltui did not start, if the host shows it.
    """

    phase: str = ""
    listening: bool = False
    info: Reading[ServerInfo] = field(default_factory=Reading)
    answered: bool = False  # /info/ has answered since the run started, even with a failure
    problem: Problem | None = None
    failing: Problem | None = None
    found: FoundServer | None = None
    batch: BatchRun | None = None  # the batch inference that runs, by the output that was read
    reads_tasks: bool = False  # the output was read up to now
    blocked: Problem | None = None  # why no request can reach the server


def derive_server(
    run: ServerRun, evidence: ServerEvidence, url: str | None, orphans: tuple[OrphanTask, ...] = ()
) -> ServerStatus:
    """Derive the server's status. A server that answers counts as running even if labeltui did not start it."""
    state = _state(run, evidence)
    current = evidence.failing is None and (_answers(evidence) or state is ServerState.RUNNING)
    info = evidence.info.value if current else None
    ours = run.state in ("running", "stopping") or state in (ServerState.CRASHED, ServerState.STOPPED)
    source = run if ours else evidence.found
    return ServerStatus(
        state=state,
        url=url if state in (ServerState.RUNNING, ServerState.UNREACHABLE) else None,
        pid=run.pid if run.state in ("running", "stopping") else None,
        exit_code=run.exit_code if state in (ServerState.CRASHED, ServerState.STOPPED) else None,
        app=run.app if ours and run.app else (info.name if info else None),
        models=_models(run, info, ours),
        labels={name: model.labels for name, model in info.models.items()} if info is not None else {},
        studies=source.studies if source is not None else None,
        dicomweb_cache_s=source.dicomweb_cache_s if source is not None else None,
        version=info.version if info else None,
        problem=_problem(state, run, evidence),
        phase=evidence.phase if state is ServerState.STARTING else "",
        run_id=run.run_id,
        log_path=run.log_path,
        started_at=run.started_at,
        ended_at=run.ended_at,
        orphans=orphans,
        batch=evidence.batch if state is ServerState.RUNNING else None,
        reads_tasks=evidence.reads_tasks and state is ServerState.RUNNING,
    )


def _answers(evidence: ServerEvidence) -> bool:
    return evidence.answered and (evidence.info.error is None or evidence.failing is not None)


def _state(run: ServerRun, evidence: ServerEvidence) -> ServerState:
    if run.state == "stopping":
        return ServerState.STOPPING
    if run.state == "running":
        if evidence.blocked is not None and evidence.listening:
            return ServerState.UNREACHABLE
        if not (evidence.listening and evidence.answered):
            return ServerState.STARTING
        silent = evidence.failing is None and evidence.info.failures >= SILENT_AFTER_FAILURES
        return ServerState.UNREACHABLE if silent else ServerState.RUNNING
    if _answers(evidence):
        return ServerState.RUNNING
    if run.state == "absent" and evidence.blocked is not None:
        return ServerState.UNREACHABLE  # somebody else's server may run
    if run.state == "absent" or run.stopped_by_us:
        return ServerState.STOPPED
    if run.state == "exited" and run.exit_code in ENDED_ON_PURPOSE:
        return ServerState.STOPPED
    return ServerState.CRASHED


def _models(run: ServerRun, info: ServerInfo | None, ours: bool) -> tuple[str, ...]:
    if info is not None:
        return tuple(info.models)
    return run.models if ours else ()


def _problem(state: ServerState, run: ServerRun, evidence: ServerEvidence) -> Problem | None:
    if state is ServerState.CRASHED:
        return evidence.problem or Problem(
            Code.LOST,
            "The server ended for an unknown reason: the host restarted, or labeltui's agent was killed.",
            "Start it again; its last output is in the log.",
        )
    if state is ServerState.RUNNING:
        return evidence.failing
    if state is ServerState.UNREACHABLE:
        if evidence.blocked is not None:
            return evidence.blocked
        why = (evidence.info.error or "").rstrip(".")
        return Problem(
            Code.SILENT,
            f"The server's process runs (pid {run.pid}) but does not answer: {why}.",
            "A long inference blocks the server for a while. Restart it if it still does not answer later; "
            "a restart ends a running training.",
        )
    return None
