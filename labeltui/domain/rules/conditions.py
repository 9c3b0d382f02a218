"""When an action can't be done, and what is asked before one is: in words, from the state alone. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labeltui.domain.host import LinkState
from labeltui.domain.rules import pod as podrules
from labeltui.domain.rules.label_risk import label_words, risk
from labeltui.domain.server.server import ServerState
from labeltui.domain.state import SessionState
from labeltui.domain.training.training import TrainState

if TYPE_CHECKING:  # on the way to first paint
    from labeltui.domain.pod.pod import Pod

Why = Callable[[SessionState], str | None]
"""Words, or None for "nothing stands in the way" (or "nothing to ask")."""


def not_connected(state: SessionState) -> str | None:
    """The host must be connected."""
    host = state.host.value
    if host is not None and host.state is LinkState.CONNECTED:
        return None
    pod = state.pod.value
    if state.identity.rents and pod is not None and not pod.status.is_up:
        return f"the pod is {pod.status.value}"
    return "the host is not connected"


def _server_state(state: SessionState) -> ServerState | None:
    return None if state.server.value is None else state.server.value.state


def no_server(state: SessionState) -> str | None:
    """The server must answer."""
    if _server_state(state) is ServerState.RUNNING:
        return None
    return "the server is not running"


def cannot_start(state: SessionState) -> str | None:
    """A server is started where none runs."""
    if (why := not_connected(state)) is not None:
        return why
    current = _server_state(state)
    if current in (ServerState.RUNNING, ServerState.STARTING, ServerState.STOPPING):
        return f"the server is {current}"
    return None


def cannot_stop(state: SessionState) -> str | None:
    """Only a server that runs can be stopped."""
    if (why := not_connected(state)) is not None:
        return why
    current = _server_state(state)
    if current in (ServerState.RUNNING, ServerState.STARTING):
        return None
    return "the server is not running"


def _training_state(state: SessionState) -> TrainState | None:
    return None if state.training.value is None else state.training.value.state


def cannot_train(state: SessionState) -> str | None:
    """One training runs at a time."""
    if (why := no_server(state)) is not None:
        return why
    if _training_state(state) is TrainState.RUNNING:
        return "a training is already running"
    return None


def nothing_trains(state: SessionState) -> str | None:
    """There must be a training to stop, an orphaned one too."""
    if _training_state(state) in (TrainState.RUNNING, TrainState.QUEUED, TrainState.ORPHANED):
        return None
    return "no training is running"


def ask_server_stop(state: SessionState) -> str | None:
    """What stopping the server costs."""
    if _training_state(state) in (TrainState.RUNNING, TrainState.QUEUED):
        said = "Stop the server? A training is running: it is stopped too, and its current epoch is lost."
    else:
        said = "Stop the server? Annotators can't fetch or submit until it is started again."
    copies = state.labels.value
    if copies is None or copies.safe or state.labels.error is not None:
        return said
    labels = "1 label is" if copies.absent == 1 else f"{copies.absent} labels are"
    return f"{said} {labels} not on this machine yet."


def ask_train_stop(state: SessionState) -> str | None:
    """What stopping the training costs, and what begins next."""
    training = state.training.value
    queued = training.queued if training is not None else 0
    if queued:
        return f"Stop the training? {queued} more wait in the queue: the next one starts at once."
    return "Stop the training? The best model so far is kept; the current epoch is lost."


def pod_cannot(action: str) -> Why:
    """Why RunPod would not allow the action now."""

    def why(state: SessionState) -> str | None:
        pod = state.pod.value
        if pod is None:
            asked = "RunPod has not answered yet" if state.identity.rents else "this profile is not on RunPod"
            return state.pod.error or asked
        return podrules.why_not(pod, action)

    return why


def no_pod(state: SessionState) -> str | None:
    """There must be a pod to speak of."""
    return None if state.pod.value is not None else state.pod.error or "this profile is not on RunPod"


def cannot_start_pod(state: SessionState) -> str | None:
    """What is stopped can be started; one that came back without its GPU is stopped first."""
    pod = state.pod.value
    if pod is not None and pod.lost_its_gpu:
        return None
    return pod_cannot("start")(state)


def cannot_rescue(state: SessionState) -> str | None:
    """What is stopped can be started without a GPU, except where it never had one."""
    pod = state.pod.value
    if pod is not None and pod.cpu_id:
        return "it was rented without a GPU: it can just be started"
    return cannot_start_pod(state)


def no_network_volume(state: SessionState) -> str | None:
    """Only a network volume can be taken along to another pod."""
    if (why := no_pod(state)) is not None:
        return why
    has_one = state.pod.value is not None and state.pod.value.network_volume_id
    return None if has_one else "its files are on its own disk, which no other pod can have"


def loses_nothing(state: SessionState) -> str | None:
    """Labels are given up only where there are some to lose."""
    if (why := pod_cannot("terminate")(state)) is not None:
        return why
    return None if risk(state, "terminate") is not None else "no label would be lost: terminate it as ever"


def not_on_runpod(state: SessionState) -> str | None:
    """A pod is rented for a profile that is on RunPod."""
    rents = state.identity.rents or state.pod.value is not None or state.pod.error is not None
    return None if rents else "this profile is not on RunPod"


def no_proxied_door(state: SessionState) -> str | None:
    """RunPod's proxy leads to pods that run, and to nothing else."""
    pod = state.pod.value
    if pod is None:
        return not_on_runpod(state) or "the pod is not known yet"
    return None if pod.ssh_proxy is not None else f"the pod is {pod.status} and has no proxied door"


def _cost(pod: Pod) -> str:
    return "an unknown price" if pod.compute_per_hour is None else f"${pod.compute_per_hour:.2f}/h"


def ask_pod_start(state: SessionState) -> str | None:
    """Starting begins to cost."""
    pod = state.pod.value
    if pod is not None and pod.lost_its_gpu:
        return f"Stop {pod.name} and start it again, until it has a GPU? What is not on its volume is gone."
    return None if pod is None else f"Start {pod.name}? It is paid for by the second while it runs."


def ask_pod_stop(state: SessionState) -> str | None:
    """What stays, what is gone, what it goes on costing."""
    pod = state.pod.value
    if pod is None:
        return "Stop the pod?"
    rate = f"${pod.cost_per_hour_stopped:.3f}/h"
    has_volume = bool(pod.volume_disk_gb or pod.network_volume_id)
    kept = (
        f"{pod.volume_path or 'Its volume'} stays, everything else"
        if has_volume
        else "It has no volume: everything"
    )
    labels = label_words(state, "stop")
    return f"Stop {pod.name}? {kept} on it is gone. {labels} Stopped it costs {rate}.".replace("  ", " ")


def ask_pod_restart(state: SessionState) -> str | None:
    """What a restart ends."""
    pod = state.pod.value
    name = "the pod" if pod is None else pod.name
    said = f"Restart {name}? The server and its training end, and what is not on its volume is gone."
    return f"{said} {label_words(state, 'restart')}".strip()


def ask_pod_terminate(state: SessionState) -> str | None:
    """What is gone for ever."""
    pod = state.pod.value
    if pod is None:
        return "Terminate the pod? Everything on it is gone for ever."
    kept = (
        "Only its network volume stays."
        if pod.network_volume_id
        else "Every study, label and model on it is gone."
    )
    return f"Terminate {pod.name} ({_cost(pod)}) for ever? {kept} {label_words(state, 'terminate')}".strip()


def no_guard(state: SessionState) -> str | None:
    """Why nothing can be asked of the guard."""
    guard = state.guard.value
    if guard is None:
        return not_connected(state) or "the guard has said nothing yet"
    return {"none": guard.words.rstrip("."), "dead": "no guard runs on the pod"}.get(guard.state)


def guard_not_expected(state: SessionState) -> str | None:
    """Why there can be no guard."""
    guard = state.guard.value
    return guard.words.rstrip(".") if guard is not None and guard.state == "none" else not_connected(state)


def ask_guard_off(state: SessionState) -> str | None:
    """What it costs."""
    pod = state.pod.value
    rate = f" at ${pod.cost_per_hour:.2f} an hour" if pod is not None and pod.cost_per_hour else ""
    return f"Nothing will stop this pod but you: it goes on{rate}, also while your laptop is closed. Go on?"
