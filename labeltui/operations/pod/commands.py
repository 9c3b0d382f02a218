"""``pod list``, ``show``, ``events``, ``keys``, ``start``, ``stop``, ``restart`` and ``terminate``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from labeltui.actions.model import PodParams
from labeltui.actions.params import NoParams
from labeltui.actions.pods import PodEndParams, PodEventsParams, PodKeysParams, PodStartParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.pod import money_document, pod_document, pod_line
from labeltui.domain.pod.pod import PodAction
from labeltui.domain.rules.volume import full_note
from labeltui.hosts.ssh.own_keys import read_public
from labeltui.operations.labels.safety import spare_labels
from labeltui.operations.pod.start import (
    can_be_reached,
    start_for_data,
    start_once,
    start_until_it_works,
    startable,
    stop_and_wait,
    wait_until,
)
from labeltui.operations.pod.target import legal, target
from labeltui.operations.pod.watched import report_guard
from labeltui.operations.refresh import refresh_money
from labeltui.session.pod.events import event_document

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def pod_list(session: Session, _params: NoParams, _report: Report) -> Document:
    """List every pod of the account and its cost."""
    pods = await session.account.refresh_pods()
    own = [await session.account.owns(pod) for pod in pods]
    lines = [{**pod_line(pod), "of_profile": mine} for pod, mine in zip(pods, own, strict=True)]
    return {"as_of": documents.moment(session.clock()), "pods": lines}


async def pod_show(session: Session, params: PodParams, _report: Report) -> Document:
    """Show the profile's pod, or the named one."""
    pod = await target(session, params.pod)
    own = await session.account.owns(pod)
    if own:
        await refresh_money(session)
    left = session.store.state.requests_left
    return {
        "as_of": documents.moment(session.clock()),
        **pod_document(pod),
        "of_profile": own,
        "money": money_document(session.store.state, session.clock()) if own else None,
        "requests_left": None if left is None else asdict(left),
    }


async def pod_events(session: Session, params: PodEventsParams, _report: Report) -> Document:
    """Show the last events of the profile's pod, oldest first. ``lines`` is their number; 50 by default."""
    session.pod_watch.begin(store=False)
    pod = await session.account.find()
    session.account.pod.learned(pod)
    events = session.store.state.pod_events[-(params.lines or 50) :]
    return {
        "as_of": documents.moment(session.clock()),
        "name": pod.name,
        "status": pod.status.value,
        "events": [event_document(event) for event in events],
    }


async def pod_keys(session: Session, params: PodKeysParams, _report: Report) -> Document:
    """List the account's SSH keys. With ``add``, the public key in that file is added first."""
    client = await session.account.client()
    if params.add:
        keys = await client.add_ssh_key(read_public(params.add).line)
    else:
        keys = await client.ssh_keys()
    listed = [{"fingerprint": key.fingerprint or None, "comment": key.comment or None} for key in keys]
    return {"as_of": documents.moment(session.clock()), "keys": listed}


async def pod_start(session: Session, params: PodStartParams, report: Report) -> Document:
    """Start the stopped pod, and wait until it can be reached.

    With ``retry``, try again every few minutes while its machine has no free GPU. With ``data_only``, start
    the pod without a GPU, to copy its data. Raises Failed with the actions that may help.
    """
    if params.data_only:
        now = await start_for_data(session, params, report)
        guard = await report_guard(session, report, now)
        message = f"{now.name} runs without a GPU. Copy the labels, then stop the pod."
        return {
            "as_of": documents.moment(session.clock()),
            "message": message,
            **pod_document(now),
            "guard": guard,
        }
    pod = await startable(session, params, report)
    if params.retry:
        now = await start_until_it_works(session, pod, report, params.every)
    else:
        now = await start_once(session, pod, report)
    guard = await report_guard(session, report, now)
    return {"as_of": documents.moment(session.clock()), **pod_document(now), "guard": guard}


async def pod_stop(session: Session, params: PodEndParams, report: Report) -> Document:
    """Stop the pod, once its labels are safe.

    Its volume stays and still costs money; files outside the volume are lost.
    """
    pod = await legal(session, params, PodAction.STOP)
    await spare_labels(session, pod, PodAction.STOP, report, lose_labels=params.lose_labels)
    state = session.store.state
    if state.pod.value is not None and state.pod.value.id == pod.id and (full := full_note(state)):
        report.progress(full)
    report.progress(f"Stopping {pod.name}")
    now = await stop_and_wait(session, pod, report)
    return {"as_of": documents.moment(session.clock()), **pod_document(now)}


async def pod_restart(session: Session, params: PodEndParams, report: Report) -> Document:
    """Restart the pod's container, once its labels are safe. Files outside the volume are lost."""
    pod = await legal(session, params, PodAction.RESTART)
    await spare_labels(session, pod, PodAction.RESTART, report, lose_labels=params.lose_labels)
    report.progress(f"Restarting {pod.name}")
    client = await session.account.client()
    with session.pod_stops.requested(pod):
        await client.restart(pod.id)
    now = await wait_until(session, pod, can_be_reached, report)
    guard = await report_guard(session, report, now)
    return {"as_of": documents.moment(session.clock()), **pod_document(now), "guard": guard}


async def pod_terminate(session: Session, params: PodEndParams, report: Report) -> Document:
    """Terminate the pod, once its labels are safe. Every file that is not on a network volume is lost."""
    pod = await legal(session, params, PodAction.TERMINATE)
    await spare_labels(session, pod, PodAction.TERMINATE, report, lose_labels=params.lose_labels)
    report.progress(f"Terminating {pod.name}")
    client = await session.account.client()
    with session.pod_stops.requested(pod):
        await client.terminate(pod.id)
    session.account.wake()
    return {
        "as_of": documents.moment(session.clock()),
        "id": pod.id,
        "name": pod.name,
        "status": "terminated",
    }
