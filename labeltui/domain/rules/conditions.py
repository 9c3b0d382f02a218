"""The reasons why an action is impossible, and the questions before actions, as text from the session state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labeltui.domain.amounts import rate_text
from labeltui.domain.rules import pod as podrules
from labeltui.domain.rules.ended_work import own_orphans, stopped_too, work_note
from labeltui.domain.rules.label_risk import label_note, risk
from labeltui.domain.rules.volume import full_note
from labeltui.domain.state import SessionState
from labeltui.domain.states import BATCH_INFER, SCORING, LinkState, ServerState, TrainState

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.pod.pod import Pod

Why = Callable[[SessionState], str | None]
"""The reason that an action is impossible, or the question to confirm it. None if there is no reason or no question."""


def not_connected(state: SessionState) -> str | None:
    """Return a reason unless the host is connected."""
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
    """Return a reason unless the server answers."""
    if _server_state(state) is ServerState.RUNNING:
        return None
    return "the server is not running"


def no_worklist(state: SessionState) -> str | None:
    """Return a reason if the server has no worklist; None if it has one, or if that is not known yet."""
    worklist = state.worklist.value
    return no_server(state) or (worklist.why_not if worklist is not None else None) or None


def cannot_start(state: SessionState) -> str | None:
    """Return a reason unless the host is connected and no server is up, so that the server may be started."""
    if (why := not_connected(state)) is not None:
        return why
    current = _server_state(state)
    if current in (ServerState.RUNNING, ServerState.STARTING, ServerState.STOPPING):
        return f"the server is {current}"
    return None


def cannot_stop(state: SessionState) -> str | None:
    """Return a reason unless a server is running or starting."""
    if (why := not_connected(state)) is not None:
        return why
    current = _server_state(state)
    if current in (ServerState.RUNNING, ServerState.STARTING):
        return None
    return "the server is not running"


def nothing_to_stop(state: SessionState) -> str | None:
    """Return a reason unless a server is up, or a batch inference or scoring of an earlier one is still at work."""
    left = own_orphans(state, BATCH_INFER, SCORING)
    return not_connected(state) if left else cannot_stop(state)


def _training_state(state: SessionState) -> TrainState | None:
    return None if state.training.value is None else state.training.value.state


def cannot_train(state: SessionState) -> str | None:
    """Return a reason unless the server answers and no training is running."""
    if (why := no_server(state)) is not None:
        return why
    if _training_state(state) is TrainState.RUNNING:
        return "a training is already running"
    return None


def nothing_trains(state: SessionState) -> str | None:
    """Return a reason unless there is a training to stop. A training whose server has ended counts too."""
    if _training_state(state) in (TrainState.RUNNING, TrainState.QUEUED, TrainState.ORPHANED):
        return None
    return "no training is running"


def ask_server_stop(state: SessionState) -> str | None:
    """The question before the server is stopped. It lists the work that the stop interrupts."""
    if _server_state(state) in (ServerState.STOPPED, ServerState.CRASHED):
        question = "Stop the server? It does not run."
    elif _training_state(state) in (TrainState.RUNNING, TrainState.QUEUED):
        question = "Stop the server? The running training is stopped too, and its current epoch is lost."
    else:
        question = "Stop the server? Annotators can't work until the server is started again."
    question += stopped_too(state)
    copies = state.labels.value
    if copies is None or copies.safe or state.labels.error is not None:
        return question
    if not copies.absent:
        return f"{question} Some labels are perhaps not on this machine."
    labels = "1 label is" if copies.absent == 1 else f"{copies.absent} labels are"
    return f"{question} {labels} not on this machine yet."


def ask_next(_state: SessionState) -> str | None:
    """The question before this console fetches a study as an annotator would."""
    return (
        "Fetch the next study? It is not reserved for this console, which labels nothing. MONAI Label still stores that"
        " this console fetched it, and forgets who fetched it by the same strategy before. Annotators fetch their"
        " studies in Slicer."
    )


def ask_restore(state: SessionState) -> str:
    """The question before copied labels are submitted to the server, with ``{}`` in place of the studies."""
    question = (
        "Submit the copied labels of {} that the server does not have? It keeps its own labels that differ."
    )
    server = state.server.value
    if server is not None and (server.studies or "").startswith("http"):
        question += " The server also stores each final label as a new DICOM SEG."
    return question


def ask_undelete(_state: SessionState) -> str:
    """The question before a deleted study is brought back, with ``{}`` in place of the study."""
    return "Bring {} back to the server, with the labels that it had?"


def ask_train_stop(state: SessionState) -> str | None:
    """The question before a training is stopped. It names the loss, or else the next training in the queue."""
    training = state.training.value
    queued = training.queued if training is not None else 0
    if queued:
        return f"Stop the training? The next training in the queue ({queued}) starts at once."
    if training is not None and training.best is not None:
        effect = "The best model so far stays; the current epoch is lost."
    elif training is None or training.epoch is None:
        effect = "It leaves a model only if an epoch has ended."
    elif training.epoch <= 1:
        models = state.models.value
        earlier = models is None or any(model.published is not None for model in models.on_host)
        stays = "; the model before it stays" if earlier else ""
        effect = f"No epoch has ended, so this training leaves no model{stays}."
    else:
        effect = "The current epoch is lost."
    return f"Stop the training? {effect}"


def cannot_invite(state: SessionState) -> str | None:
    """Return a reason unless annotators can be given access to the host."""
    if state.identity.demo:
        return "the demo's pod is a folder on this machine"
    return not_connected(state)


def ask_revoke(_state: SessionState) -> str | None:
    """The question before an invitation is revoked."""
    return (
        "Revoke the invitation? The key is removed from the host, and its connection is cut. If the host does not show"
        " which connection belongs to whom, all that only forward ports are cut; other annotators connect again."
    )


def ask_install(state: SessionState) -> str | None:
    """The question before earlier invitations are installed. It names the annotators who then have access."""
    found = state.invitations.value
    if found is None or not found.missing:
        return None
    return f"Give access to this host: {', '.join(one.name for one in found.missing)}?"


def demo_without_account(state: SessionState) -> str | None:
    """Return a reason if this is a demo that plays no RunPod account."""
    if state.identity.demo and not state.identity.rents:
        return "this demo has no RunPod account; `labeltui demo` plays one"
    return None


def _no_account(state: SessionState) -> str:
    return demo_without_account(state) or "this profile does not use RunPod"


def pod_cannot(action: str) -> Why:
    """Make a condition that returns None if RunPod allows ``action`` on the pod now."""

    def why(state: SessionState) -> str | None:
        pod = state.pod.value
        if pod is None:
            unknown = "RunPod has not answered yet" if state.identity.rents else _no_account(state)
            return state.pod.error or unknown
        return podrules.why_not(pod, action)

    return why


def no_pod(state: SessionState) -> str | None:
    """Return a reason unless the pod is known."""
    return None if state.pod.value is not None else state.pod.error or _no_account(state)


def cannot_start_pod(state: SessionState) -> str | None:
    """Return a reason unless the pod can be started or is starting.

    A pod that lost its GPU can: it is stopped first.
    """
    pod = state.pod.value
    if pod is not None and (pod.lost_its_gpu or pod.awaits_address):
        return None
    return pod_cannot("start")(state)


def cannot_rescue(state: SessionState) -> str | None:
    """Return a reason unless the pod can be started without its GPU. A pod that never had one is started normally."""
    pod = state.pod.value
    if pod is not None and pod.cpu_id:
        return "the pod was rented without a GPU, so start it normally"
    return None if pod is not None and pod.lost_its_gpu else pod_cannot("start")(state)


def no_network_volume(state: SessionState) -> str | None:
    """Return a reason unless the pod has a network volume, which another pod can use."""
    if (why := no_pod(state)) is not None:
        return why
    has_one = state.pod.value is not None and state.pod.value.network_volume_id
    return None if has_one else "the pod's files are on its own disk, which no other pod can use"


def loses_nothing(state: SessionState) -> str | None:
    """Return a reason unless terminating the pod would lose labels."""
    if (why := pod_cannot("terminate")(state)) is not None:
        return why
    return (
        None
        if risk(state, "terminate") is not None
        else "no label would be lost, so terminate the pod normally"
    )


def not_on_runpod(state: SessionState) -> str | None:
    """Return a reason unless the profile uses RunPod."""
    rents = state.identity.rents or state.pod.value is not None or state.pod.error is not None
    return None if rents else _no_account(state)


def no_proxy_shell(state: SessionState) -> str | None:
    """Return a reason unless RunPod's proxy has a shell on the pod. Only running pods have one."""
    pod = state.pod.value
    if pod is None:
        return not_on_runpod(state) or "the pod is not known yet"
    return None if pod.ssh_proxy is not None else f"the pod is {pod.status} and has no proxy shell"


def _cost(pod: Pod) -> str:
    return "an unknown price" if pod.cost_per_hour is None else rate_text(pod.cost_per_hour)


def ask_pod_start(state: SessionState) -> str | None:
    """The question before a pod is started. It names the price, because the pod costs money from then on."""
    pod = state.pod.value
    if pod is not None and pod.lost_its_gpu:
        return (
            f"Stop {pod.name} and start it again until it has a GPU? Everything outside its volume is lost."
        )
    if pod is None or pod.awaits_address:
        return None
    return f"Start {pod.name}? RunPod charges for every second that it runs."


def ask_pod_stop(state: SessionState) -> str | None:
    """The question before a pod is stopped.

    It names the files that stay and those that are lost, and the cost while stopped.
    """
    pod = state.pod.value
    if pod is None:
        return "Stop the pod?"
    rate = rate_text(pod.cost_per_hour_stopped)
    has_volume = bool(pod.volume_disk_gb or pod.network_volume_id)
    lost = (
        f"{pod.volume_path or 'Its volume'} stays, everything else"
        if has_volume
        else "The pod has no volume: everything"
    )
    ends = (work_note(state, "stop"), label_note(state, "stop"), full_note(state))
    parts = (f"Stop {pod.name}? {lost} on the pod is lost.", *ends, f"While stopped, the pod costs {rate}.")
    return " ".join(part for part in parts if part)


def ask_pod_restart(state: SessionState) -> str | None:
    """The question before a pod is restarted. It names the work that ends and the files that are lost."""
    pod = state.pod.value
    name = "the pod" if pod is None else pod.name
    question = f"Restart {name}? The server ends, and everything outside its volume is lost."
    return " ".join(
        part for part in (question, work_note(state, "restart"), label_note(state, "restart")) if part
    )


def ask_pod_terminate(state: SessionState) -> str | None:
    """The question before a pod is terminated. It names the files that are lost."""
    pod = state.pod.value
    if pod is None:
        return "Terminate the pod? Everything on the pod is lost. This cannot be undone."
    lost = (
        "Only the files on its network volume stay."
        if pod.network_volume_id
        else "Every study, label and model on the pod is lost."
    )
    question = f"Terminate {pod.name} ({_cost(pod)})? This cannot be undone. {lost}"
    ends = (work_note(state, "terminate"), label_note(state, "terminate"))
    return " ".join(part for part in (question, *ends) if part)


def no_guard(state: SessionState) -> str | None:
    """Return a reason unless the guard answers."""
    guard = state.guard.value
    if guard is None:
        return not_connected(state) or "the guard has not reported yet"
    return {"none": guard.words.rstrip("."), "dead": "no guard runs on the pod"}.get(guard.state)


def guard_not_expected(state: SessionState) -> str | None:
    """Return a reason unless a guard can run on the host."""
    guard = state.guard.value
    return guard.words.rstrip(".") if guard is not None and guard.state == "none" else not_connected(state)


def ask_guard_off(state: SessionState) -> str | None:
    """The question before the guard is switched off. It names the pod's price."""
    pod = state.pod.value
    rate = f" at {rate_text(pod.cost_per_hour)}" if pod is not None and pod.cost_per_hour else ""
    return f"Switch the guard off? Then only you can stop this pod. It costs money{rate}, also with your laptop closed."
