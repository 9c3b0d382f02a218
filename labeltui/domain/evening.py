"""The end of the day: what is safe, what still runs, and what the day has cost, each as it was last read."""

from __future__ import annotations

from dataclasses import replace

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.guide.labels import copies, model_here
from labeltui.domain.guide.step import Mark, Step, fresh, is_connected
from labeltui.domain.rules.ended_work import ENDS
from labeltui.domain.rules.pod import pod_has_ended
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState


def evening(state: SessionState) -> tuple[Step, ...]:
    """Return labels, model, training and server; for a rented pod also the pod and today's cost."""
    steps = (labels_here(state), models_here(state), training_over(state), server_stopped(state))
    return (*steps, pod_ended(state), cost(state)) if state.identity.rents else steps


def labels_here(state: SessionState) -> Step:
    """Whether every label has a copy on this machine; done if there is none to copy."""
    step, found = copies(state), fresh(state.labels)
    if found is not None and found.safe and not found.people:
        return replace(step, mark=Mark.DONE, text="there is no label to copy")
    return step


def models_here(state: SessionState) -> Step:
    """Whether every trained model has a copy on this machine; done if none was trained."""
    step, found = model_here(state), fresh(state.models)
    if step.mark is Mark.UNKNOWN and is_connected(state) and found is not None:
        return replace(step, mark=Mark.DONE, text="no model was trained")
    return step


def training_over(state: SessionState) -> Step:
    """Whether no training runs."""
    title, why = "training", "A stop of the server or the pod ends a running training."
    if pod_has_ended(state):
        return Step(title, why, Mark.DONE, "the pod is not running")
    now = fresh(state.training)
    if now is None:
        return Step(title, why, Mark.UNKNOWN, state.training.error or "not read yet")
    if now.state not in ENDS:
        return Step(title, why, Mark.DONE, "none runs")
    epoch = f", epoch {now.epoch} of {now.total_epochs or '?'}" if now.epoch else ""
    text = f"{now.state}: {now.model or 'a model'}{epoch}"
    if now.state is TrainState.ORPHANED:
        return Step(title, why, Mark.TODO, text, "Stop it.", "train.stop")
    return Step(title, why, Mark.BUSY, text, "Wait for its end, or stop it.", "train.stop")


def server_stopped(state: SessionState) -> Step:
    """Whether the server is stopped."""
    title, why = "server stopped", "A running server accepts labels, and uses the GPU."
    if pod_has_ended(state):
        return Step(title, why, Mark.DONE, "the pod is not running")
    now = fresh(state.server)
    if not is_connected(state) or now is None or now.state is ServerState.UNREACHABLE:
        return Step(title, why, Mark.UNKNOWN, state.server.error or "the host is not connected")
    if now.state in (ServerState.STOPPED, ServerState.CRASHED):
        return Step(title, why, Mark.DONE, f"it is {now.state}")
    return Step(title, why, Mark.TODO, f"it is {now.state}", "Stop the server.", "server.stop")


def pod_ended(state: SessionState) -> Step:
    """Whether the rented pod is stopped or terminated."""
    title, why = "pod stopped", "A pod costs money for every second that it runs."
    pod = fresh(state.pod)
    if pod is None:
        return Step(title, why, Mark.UNKNOWN, state.pod.error or "there is no pod, or RunPod did not answer")
    if pod.status.is_up:
        rate = "an unknown price" if pod.cost_per_hour is None else rate_text(pod.cost_per_hour)
        text = f"it runs at {rate}: {pod.name}"
        return Step(title, why, Mark.TODO, text, "Stop the pod.", "pod.stop")
    return Step(title, why, Mark.DONE, f"it is {pod.status}: {pod.name}")


def cost(state: SessionState) -> Step:
    """What the account's pods have cost since local midnight."""
    title, why = "cost today", "All pods of the account since midnight."
    spend = fresh(state.spend)
    if spend is None or spend.today is None:
        return Step(
            title,
            why,
            Mark.UNKNOWN,
            state.spend.error or (spend.bill_error if spend else "") or "not known yet",
        )
    return Step(
        title, why, Mark.DONE, dollars(spend.today), "The report has the whole session.", "report.write"
    )
