"""``server start``, ``server stop`` and ``server restart``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.actions.server import SERVER_RESTART, SERVER_START, ServerStartParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.models import server_with_weights
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.domain.rules.ended_work import own_orphans
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import BATCH_INFER, SCORING, ServerState
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Job, Preflight
from labeltui.monailabel.installation.probe import other_python
from labeltui.monailabel.installation.setup_problems import venv_stale
from labeltui.monailabel.launch import Launch, ServerOptions, app_folder, expand, is_dicomweb, launch
from labeltui.monailabel.own_labels import OFF
from labeltui.monailabel.packing import serving
from labeltui.operations.inference.tasks import batch_that_ends
from labeltui.operations.invitations.offer import report_missing
from labeltui.operations.labels.offer import report_restorable
from labeltui.operations.models.start import report_weights, send_models
from labeltui.operations.orphans import end_orphans
from labeltui.operations.pod.watched import report_guard
from labeltui.operations.server.ignored import report_ignored
from labeltui.operations.server.options import server_options
from labeltui.operations.server.own_labels import fit_models_to_labels
from labeltui.session.labels.choice import OWN_STUDIES
from labeltui.session.log.feed import AppLog
from labeltui.session.server.process import JOB
from labeltui.session.server.run import OPTIONS

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

STOP_GRACE_S = 10.0


async def server_start(session: Session, params: ServerStartParams, report: Report) -> Document:
    """Start the server, report each phase of its start, and wait until it answers.

    Raises Failed ``already_running``, or Failed for a requirement that is missing. If the server ends before it
    answers, raises Failed with the cause from its output.
    """
    options = server_options(session.profile, params)
    state = await session.readiness.settled()
    _no_tunnel(session)
    _not_running(state.server.value)
    plan = await _plan(session, options, report)
    agent = await session.link.ready()
    if params.model_from:
        await send_models(session, agent, options, params.model_from, report)
    await fit_models_to_labels(session, agent, options, replace=params.replace_models, report=report)
    await report_ignored(
        session,
        options,
        app_folder(options.app, expand(options.folder, agent.hello.home), agent.hello.home),
        report,
    )
    report.progress(f"Starting {options.app} with {', '.join(options.models)}")
    await agent.mkdir(plan.cwd)
    app_log = AppLog.of(plan.meta)
    where = await app_log.to_meta(agent) if app_log is not None else {}
    own = options.studies != session.profile.server.studies
    meta = {**plan.meta, **where, OPTIONS: _options_record(options), OWN_STUDIES: own}
    job = await agent.job_start(JOB, list(plan.argv), env=dict(plan.env), cwd=plan.cwd, meta=meta)
    await session.consoles.release(SERVER_START.title, SERVER_RESTART.title)  # the job excludes another start
    final = await _until_settled(session, job, report)
    server = final.server.value
    if server is None or server.state is not ServerState.RUNNING or server.problem is not None:
        raise _failure(server)
    await report_weights(session, options, report)
    await report_missing(session, report)
    await report_restorable(session, options.studies, report)
    guard = await report_guard(session, report)
    document = server_with_weights(session.store.state, session.clock())
    return document if guard is None else {**document, "guard": guard}


async def server_stop(session: Session, _params: NoParams, report: Report) -> Document:
    """Stop the server and every process that it started; also batch inferences and scorings of earlier servers.

    Does nothing if none of them runs. An earlier server's training stays: ``train stop`` ends it.

    Raises Failed ``not_ours`` for a server that labeltui did not start.
    """
    state = await session.readiness.settled()
    server = state.server.value
    if server is not None and server.state is ServerState.RUNNING and server.pid is None:
        raise Failed(
            Code.NOT_OURS, "A server answers, but labeltui did not start it.", "Stop the server where it was started."
        )  # fmt: skip
    agent = await session.link.ready()
    if batch := await batch_that_ends(session):
        report.progress(batch)
    report.progress("Stopping the server and everything it started")
    session.watch.expect_stop()
    try:
        await agent.job_stop(JOB, grace_s=STOP_GRACE_S)
    except LabeltuiError:
        session.watch.expect_stop(False)
        raise
    ended = (ServerState.STOPPED, ServerState.CRASHED)
    await session.store.wait_for(lambda s: s.server.value is not None and s.server.value.state in ended, 10.0)
    session.watch.on_orphans(await agent.orphans())
    await end_orphans(session, own_orphans(session.store.state, BATCH_INFER, SCORING), report)
    session.pollers.wake()
    return documents.server_document(session.store.state.server, session.clock())


async def server_restart(session: Session, _params: NoParams, report: Report) -> Document:
    """Stop the server, and start it again with the same options."""
    await session.readiness.settled()
    again = _started_with(session.watch.meta)
    await server_stop(session, NoParams(), report)
    return await server_start(session, again, report)


def _started_with(meta: Mapping[str, object]) -> ServerStartParams:
    """Return the options in a job's record. Another version of labeltui may have written the record."""
    stored = meta.get(OPTIONS)
    known = {param.name for param in ServerStartParams.declared}
    given = stored if isinstance(stored, dict) else {}
    return ServerStartParams.of({name: value for name, value in given.items() if name in known})


def _options_record(options: ServerOptions) -> dict[str, object]:
    """Return the options to store for a restart.

    Any console can read this record. It omits the environment, which may contain secrets.
    """
    return {
        "app": options.app,
        "models": ",".join(options.models),
        "labels": ",".join(options.labels) or OFF,
        "studies": options.studies,
        "port": options.port,
        "dicomweb_modality": options.dicomweb_modality,
        "conf": dict(options.conf),
        "worklist": options.worklist,
    }


def _no_tunnel(session: Session) -> None:
    """Raise Failed if the host forwards no ports, because no request would reach the server."""
    problem = session.tunnel.problem
    if problem is not None:
        raise Failed(problem.code, problem.message, problem.hint)


def _not_running(server: ServerStatus | None) -> None:
    if server is None:
        return
    if server.state in (
        ServerState.RUNNING,
        ServerState.UNREACHABLE,
        ServerState.STARTING,
        ServerState.STOPPING,
    ):
        whose = f" (pid {server.pid})" if server.pid else ", and labeltui did not start it"
        raise Failed(
            Code.ALREADY_RUNNING, f"The server is already {server.state}{whose}.", "Stop or restart it instead."
        )  # fmt: skip


async def _plan(session: Session, options: ServerOptions, report: Report) -> Launch:
    """Check the server's requirements. The server itself would notice some only after seconds, and some never."""
    studies = "" if is_dicomweb(options.studies) else options.studies
    agent = await session.link.ready()
    found = await agent.preflight(folder=options.folder, app=options.app, studies=studies, port=options.port)
    problem = _missing(found, options)
    if problem is not None:
        raise Failed(problem.code, problem.message, problem.hint)
    folder = f"{expand(options.folder, found.home)}/run"
    modules = await _send_modules(agent, folder, report, needed=bool(options.labels))
    return launch(options, home=found.home, path=found.path, python_path=found.python_path, serving=modules)


async def _send_modules(agent: AgentClient, folder: str, report: Report, *, needed: bool) -> str | None:
    """Send the modules that run inside the server. Returns their path; None if they can't be stored there.

    Raises Failed if they are ``needed``: without them, a server has no worklist and no own labels.
    """
    modules = serving()
    path = f"{folder}/{modules.name}"
    try:
        await agent.write(path, modules.source)
    except Failed as error:
        if needed:
            raise
        report.progress(f"The server starts without a worklist: {error.problem.message}")
        return None
    return path


def _missing(found: Preflight, options: ServerOptions) -> Problem | None:
    if not found.venv_found:
        return Problem(
            Code.NOT_INSTALLED,
            f"MONAI Label is not installed in {options.folder} on the host.",
            "Run `labeltui setup`.",
        )
    stale = other_python(options.folder, found.venv_made_by, found.venv_python, found.python_version)
    if stale:
        return venv_stale(stale)
    if not found.app:
        return Problem(
            Code.MISSING_APP,
            f"There is no app {options.app!r} on the host.",
            "`labeltui setup` installs radiology and monaibundle; name another app by its path.",
        )
    if not found.studies:
        return Problem(
            Code.NO_STUDIES,
            f"There is no folder {options.studies!r} on the host.",
            "`labeltui studies upload PATH` creates and fills it; or correct [profiles.NAME.server] studies.",
        )
    if not found.port_free:
        return Problem(
            Code.PORT_TAKEN,
            f"Another program on the host uses port {options.port}.",
            "Choose another port with --port, or stop that program.",
        )
    return None


async def _until_settled(session: Session, job: Job, report: Report) -> SessionState:
    """Wait until this run answers, or has ended and the cause was read from its output.

    Returns the newest snapshot.
    """
    reported = ""

    def settled(state: SessionState) -> bool:
        nonlocal reported
        server = state.server.value
        if server is None or server.run_id != job.run_id:
            return False
        if server.phase and server.phase != reported:
            reported = server.phase
            report.progress(reported)
        if server.state is ServerState.CRASHED:
            return session.watch.read_whole
        return server.state in (ServerState.RUNNING, ServerState.STOPPED)

    await session.store.wait_for(settled)
    # The last lines say why a server ended. They may have been read after the snapshot was made.
    session.watch.refresh()
    return session.store.state


def _failure(server: ServerStatus | None) -> LabeltuiError:
    problem = server.problem if server is not None else None
    if problem is None:
        return Failed(Code.STOPPED, "The server was stopped while it started.", "Start it again.")
    return Failed(problem.code, problem.message, problem.hint, problem.detail)
