"""The first steps: account, pod, connection, installation, studies and server."""

from __future__ import annotations

from labeltui.domain.guide.step import Mark, Step, fresh, is_connected, is_serving
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, ServerState, TunnelState


def account(state: SessionState) -> Step | None:
    """RunPod's API key; None for a profile without RunPod."""
    if not state.identity.rents:
        return None
    title, why = "account key", "labeltui rents and stops the pod with RunPod's API key."
    # The list of pods is read only while it is on screen, so it proves nothing once another request has failed.
    listed = None if state.account.error is not None else fresh(state.pods)
    if any(answer is not None for answer in (fresh(state.account), fresh(state.pod), listed)):
        return Step(title, why, Mark.DONE, "RunPod accepts the key")
    if state.account.error is None:
        return Step(title, why, Mark.BUSY, "RunPod has not answered yet")
    return Step(
        title, why, Mark.WRONG, state.account.error, "Check the key; the doctor shows where it is.", "doctor"
    )


def pod(state: SessionState) -> Step | None:
    """The pod; None for a profile without RunPod."""
    if not state.identity.rents:
        return None
    title, why = "pod", "The pod is the rented machine whose GPU trains the model."
    found = state.pod.value
    if found is None:
        if state.pod.error is None:
            return Step(title, why, Mark.BUSY, "RunPod has not answered yet")
        return Step(title, why, Mark.TODO, state.pod.error, "Rent a pod.", "pod.options")
    if state.pod.error is not None:
        return Step(title, why, Mark.UNKNOWN, state.pod.error)
    if found.lost_its_gpu:
        return Step(
            title, why, Mark.WRONG, "the pod runs without its GPU", "Choose what to do.", "pod.choices"
        )
    if found.status.is_up:
        mark = Mark.DONE if found.status is PodStatus.RUNNING else Mark.BUSY
        return Step(title, why, mark, f"{found.name} is {found.status}")
    if found.status is PodStatus.STOPPED:
        mark = Mark.UNKNOWN if state.day_ended else Mark.TODO
        return Step(title, why, mark, f"{found.name} is stopped", "Start the pod.", "pod.start")
    if found.status is PodStatus.TERMINATED:
        mark = Mark.UNKNOWN if state.day_ended else Mark.TODO
        return Step(title, why, mark, f"{found.name} was terminated", "Rent another pod.", "pod.options")
    return Step(
        title,
        why,
        Mark.WRONG,
        f"the state of {found.name} is {found.status}",
        "See the pod's events.",
        "events",
    )


def ssh_key(state: SessionState) -> Step | None:
    """The SSH key; None for this machine, which needs none."""
    host = state.host.value
    if host is not None and host.kind == "local":
        return None
    title, why = "SSH key", "labeltui logs in to the host with your SSH key, which never leaves this machine."
    if host is not None and host.state is LinkState.CONNECTED:
        return Step(title, why, Mark.DONE, "the host accepts the login")
    return Step(title, why, *_unconnected(state))


def reach(state: SessionState) -> Step:
    """The connection, and the tunnel if there is one."""
    title, why = "connection", "The server is reached through this connection only, so no port is open."
    host, tunnel = state.host.value, state.tunnel.value
    if not is_connected(state) or host is None:
        return Step(title, why, *_unconnected(state))
    if tunnel is not None and tunnel.state is TunnelState.FAILED:
        return Step(
            title, why, Mark.WRONG, tunnel.detail or "the tunnel failed", "See what is wrong.", "doctor"
        )
    return Step(title, why, Mark.DONE, f"connected to {host.address or host.name}")


def _unconnected(state: SessionState) -> tuple[Mark, str, str, str]:
    """Mark, text, what to do, and action while the host is not connected."""
    host, pod_now = state.host.value, state.pod.value
    if state.identity.rents and (pod_now is None or not pod_now.status.is_up):
        return Mark.UNKNOWN, "tried once the pod runs", "", ""
    if host is not None and host.state is LinkState.REFUSED:
        return Mark.WRONG, host.detail or "the login was refused", "See what is wrong.", "doctor"
    if host is not None and host.state is LinkState.RECONNECTING:
        return Mark.BUSY, host.detail or "connecting again", "Connect at once.", "reconnect"
    return Mark.BUSY, "connecting", "", ""


def installed(state: SessionState) -> Step:
    """MONAI Label on the host."""
    title, why = "MONAI Label", "The server runs on the host, in its own Python environment."
    found = fresh(state.prepared)
    if is_serving(state) or (is_connected(state) and found is not None and found.installed):
        return Step(title, why, Mark.DONE, "installed on the host")
    if not is_connected(state):
        return Step(title, why, Mark.UNKNOWN, "checked once the host is connected")
    if found is None:
        mark = Mark.BUSY if state.prepared.error is None else Mark.UNKNOWN
        return Step(title, why, mark, state.prepared.error or "being checked")
    return Step(title, why, Mark.TODO, "not installed on the host", "Install it.", "setup")


def studies(state: SessionState) -> Step:
    """The studies of the profile's folder or DICOMweb server."""
    title, why = "studies", "The images that are labelled; the server hands them out one by one."
    queue, found = fresh(state.queue), fresh(state.prepared)
    if is_serving(state) and queue is not None and queue.total is not None:
        if queue.total:
            return Step(title, why, Mark.DONE, f"{queue.total} on the host")
    elif not is_connected(state):
        return Step(title, why, Mark.UNKNOWN, "counted once the host is connected")
    elif found is None or found.studies is None:
        return Step(title, why, Mark.UNKNOWN, "counted once the server runs")
    elif found.studies:
        return Step(title, why, Mark.DONE, "the folder has files")
    return Step(
        title,
        why,
        Mark.TODO,
        "none on the host",
        "Send a folder of images from this machine.",
        "queue.upload",
    )


def server(state: SessionState) -> Step:
    """The server."""
    title, why = "server", "It hands out studies, stores labels, and trains."
    found = fresh(state.server)
    if not is_connected(state) or found is None:
        return Step(title, why, Mark.UNKNOWN, "read once the host is connected")
    if found.state is ServerState.RUNNING:
        return Step(title, why, Mark.DONE, "running")
    if found.state is ServerState.STARTING:
        return Step(title, why, Mark.BUSY, f"starting: {found.phase}" if found.phase else "starting")
    if found.state is ServerState.STOPPING:
        return Step(title, why, Mark.BUSY, "stopping")
    if found.state is ServerState.STOPPED:
        mark = Mark.UNKNOWN if state.day_ended else Mark.TODO
        return Step(title, why, mark, "stopped", "Start the server.", "server.start")
    text = f"the server {found.state.clause}" if found.problem is None else found.problem.message
    return Step(title, why, Mark.WRONG, text, "See what may solve it.", "offers")
