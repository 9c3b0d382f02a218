"""What the actions of the registry do. Each takes the session, parameters and a report, and returns a document.

Raises LabeltuiError with the words for people and the exit code for scripts; an error that comes with a document
carries it as ``document``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labeltui.domain.documents import documents
from labeltui.domain.documents.guard import guard_document
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup

if TYPE_CHECKING:
    from labeltui.domain.state import SessionState
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

from labeltui.domain.documents.pod import money_document
from labeltui.operations.doctor.doctor import doctor
from labeltui.operations.pod.guard import (guard_keep, guard_off, guard_set, guard_status)
from labeltui.operations.labels.commands import (labels_list, labels_pull, labels_verify, look_at_labels)
from labeltui.operations.server.logs import server_logs
from labeltui.operations.pod.commands import (pod_events, pod_keys, pod_list, pod_restart, pod_show, pod_start, pod_stop, pod_terminate)
from labeltui.operations.deploy.create import pod_create
from labeltui.operations.deploy.market import pod_gpus, pod_make_volume, pod_volumes
from labeltui.operations.server.lifecycle import server_restart, server_start, server_stop
from labeltui.operations.report import report
from labeltui.session.pod.spending import look_at_money
from labeltui.operations.ssh_config import ssh_config
from labeltui.operations.server.training import train_start, train_status, train_stop

__all__ = [
    "doctor",
    "guard_keep",
    "guard_off",
    "guard_set",
    "guard_status",
    "labels_list",
    "labels_pull",
    "labels_verify",
    "pod_create",
    "pod_events",
    "pod_gpus",
    "pod_keys",
    "pod_list",
    "pod_make_volume",
    "pod_restart",
    "pod_show",
    "pod_start",
    "pod_stop",
    "pod_terminate",
    "pod_volumes",
    "report",
    "server_logs",
    "server_restart",
    "server_start",
    "server_status",
    "server_stop",
    "setup",
    "ssh_config",
    "status",
    "studies_list",
    "studies_next",
    "train_start",
    "train_status",
    "train_stop",
    "tunnel",
]


async def status(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """Everything the status strip shows."""
    await session.settled()
    await session.first_readings("queue", "training", "metrics")
    await look_at_labels(session)
    await look_at_money(session)
    with suppress(LabeltuiError):
        await session.guard.fresh()
    state, now = session.store.state, session.clock()
    more = {"money": money_document(state, now), "guard": guard_document(state.guard, now)}
    return {**documents.status_document(state, now), **more}


async def server_status(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """State, app, models, URL."""
    state = await session.settled()
    return documents.server_document(state.server, session.clock())


async def studies_list(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """Every study, its state, who has it."""
    await session.need_server()
    state = await session.first_readings("queue")
    if state.queue.value is None:
        raise Failed(
            "no_queue", f"The studies can't be listed: {state.queue.error}.", "See `labeltui server logs`."
        )
    return documents.studies_document(state.queue, session.clock())


async def studies_next(session: Session, params: Mapping[str, Any], _report: Report) -> Document:
    """Let a strategy pick a study; the server notes that this client has it open."""
    state = await session.need_server()
    info = state.info.value
    offered = info.strategies if info is not None else ()
    strategy = params.get("strategy") or (offered[0] if offered else "random")
    if offered and strategy not in offered:
        raise Failed(
            "unknown_strategy", f"The server has no strategy {strategy!r}.", f"It has: {', '.join(offered)}."
        )
    sample = await session.sources.client().next_sample(strategy)
    session.sources.queue.wake()
    if sample is None:
        raise Failed(
            "nothing_left", "No study is left to label.", "Add studies, or train on what was submitted."
        )
    return {
        "as_of": documents.moment(session.clock()),
        "id": sample.id,
        "path": sample.path,
        "name": sample.name,
        "strategy": strategy,
        "client_id": session.profile.client_id,
    }


async def setup(session: Session, params: Mapping[str, Any], report: Report) -> Document:
    """Install MONAI Label on the host; with ``check``, only say what is there."""
    if not params.get("check") and session.read_only:
        raise Refused("read_only", "Setup changes the host, and this session is read-only.", "Use --check.")
    options = setup_options(session.profile)
    if params.get("torch"):
        options = replace(options, torch=params["torch"])
    await session.link.connected()
    work = Setup(session, options, report)
    if not params.get("check"):
        return await work.run()
    document = await work.check()
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


async def tunnel(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """Hold the tunnel until interrupted, and say each change of its state."""
    await session.hold_tunnel()
    seen = session.store.state.tunnel

    def changed(state: SessionState) -> bool:
        return state.tunnel.value != seen.value

    while True:
        report.emit(documents.tunnel_document(seen, session.clock()))
        seen = (await session.store.wait_for(changed)).tunnel
