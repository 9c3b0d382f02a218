"""What is asked of RunPod: list, look, start, stop, restart, terminate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.domain import documents
from labeltui.domain.pod import Pod, PodAction, PodStatus
from labeltui.domain.poddocuments import gpu_document, pod_document, pod_line
from labeltui.domain.problems import Failed, Misused

if TYPE_CHECKING:
    from labeltui.runpod.client import RunpodClient
    from labeltui.session.report import Document, Report
    from labeltui.session.session import Session

SETTLES_S = 600.0


async def pod_list(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """Every pod of the account, and what it costs."""
    client = await session.rental.client()
    pods = await client.pods()
    return {"as_of": documents.moment(session.clock()), "pods": [pod_line(pod) for pod in pods]}


async def pod_show(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """The profile's pod."""
    return {"as_of": documents.moment(session.clock()), **pod_document(await session.rental.find())}


async def pod_gpus(session: Session, _params: Mapping[str, Any], _report: Report) -> Document:
    """Kinds of GPU with price and stock, the cheapest first."""
    client = await session.rental.client()
    offers = await client.gpu_offers()
    priced = sorted(offers, key=lambda o: (o.price_secure is None, o.price_secure or 0, o.name))
    return {"as_of": documents.moment(session.clock()), "gpus": [gpu_document(offer) for offer in priced]}


async def pod_keys(session: Session, params: Mapping[str, Any], _report: Report) -> Document:
    """The account's SSH keys; with ``add``, after adding the public key in that file."""
    client = await session.rental.client()
    if params.get("add"):
        keys = await client.add_ssh_key(public_key(str(params["add"])))
    else:
        keys = await client.ssh_keys()
    listed = [{"fingerprint": key.fingerprint or None, "comment": key.comment or None} for key in keys]
    return {"as_of": documents.moment(session.clock()), "keys": listed}


async def pod_start(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """Start the stopped pod, and wait until it can be reached."""
    pod = await _legal(session, PodAction.START)
    report.progress(f"Starting {pod.name}")
    await _ask(session, lambda client: client.start(pod.id))
    now = await until(session, lambda p: p.status is PodStatus.RUNNING and p.ssh is not None, report)
    session.link.reconnect()
    if now.lost_its_gpu:
        raise Failed(
            "no_gpu", f"{now.name} came back without a GPU: others have taken those of its machine.",
            "Stop it and try later, copy your data off it, or make a new pod on a network volume.",
        )  # fmt: skip
    return {"as_of": documents.moment(session.clock()), **pod_document(now)}


async def pod_stop(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """Stop the pod. Its volume stays (and is paid for); what is outside the volume is gone."""
    pod = await _legal(session, PodAction.STOP)
    report.progress(f"Stopping {pod.name}")
    await _ask(session, lambda client: client.stop(pod.id))
    now = await until(session, lambda p: not p.status.is_up, report)
    return {"as_of": documents.moment(session.clock()), **pod_document(now)}


async def pod_restart(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """Restart the pod's container: what is outside the volume is gone, its host keys are new."""
    pod = await _legal(session, PodAction.RESTART)
    report.progress(f"Restarting {pod.name}")
    await _ask(session, lambda client: client.restart(pod.id))
    now = await until(session, lambda p: p.status is PodStatus.RUNNING and p.ssh is not None, report)
    session.link.reconnect()
    return {"as_of": documents.moment(session.clock()), **pod_document(now)}


async def pod_terminate(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """Give the pod back for ever, with every file that is not on a network volume."""
    pod = await _legal(session, PodAction.TERMINATE)
    report.progress(f"Terminating {pod.name}")
    client = await session.rental.client()
    await client.terminate(pod.id)
    session.rental.wake()
    return {
        "as_of": documents.moment(session.clock()),
        "id": pod.id,
        "name": pod.name,
        "status": "terminated",
    }


async def _legal(session: Session, action: PodAction) -> Pod:
    """The pod, when RunPod allows the action now; otherwise its state in words."""
    pod = await session.rental.find()
    if action in pod.actions:
        return pod
    legal = ", ".join(pod.actions) or "nothing"
    raise Failed(
        "pod_state", f"{pod.name} is {pod.status}: it can't be asked to {action} now.", f"It can: {legal}."
    )  # fmt: skip


async def _ask(session: Session, ask: Callable[[RunpodClient], Awaitable[Pod]]) -> None:
    await ask(await session.rental.client())
    session.rental.wake()


async def until(session: Session, holds: Callable[[Pod], bool], report: Report) -> Pod:
    """The pod once something holds of it, watched at the pace of a change."""
    said = ""

    def settled(state: Any) -> bool:
        nonlocal said
        pod: Pod | None = state.pod.value
        if pod is None or state.pod.error is not None:
            return False
        if pod.status.value != said:
            said = pod.status.value
            report.progress(f"{pod.name} is {said}")
        return holds(pod)

    session.watch_pod()
    session.rental.wake()
    try:
        state = await session.store.wait_for(settled, SETTLES_S)
    except TimeoutError:
        raise Failed(
            "pod_slow", f"The pod did not get there within {SETTLES_S / 60:.0f} minutes; it is {said or 'unknown'}.",
            "See its logs on RunPod; it goes on being paid for.",
        ) from None  # fmt: skip
    assert state.pod.value is not None  # noqa: S101 - what was waited for
    return state.pod.value


def public_key(path: str) -> str:
    """The line of a public key file. Raises Misused for a private one."""
    try:
        line = Path(path).expanduser().read_text("utf-8").strip()
    except OSError as error:
        raise Misused(
            "no_key_file", f"{path} can't be read: {error.strerror}.", "Name a .pub file."
        ) from None
    if "PRIVATE KEY" in line:
        raise Misused(
            "private_key", f"{path} is a private key.", "Name its .pub file; the private one stays here."
        )
    return line
