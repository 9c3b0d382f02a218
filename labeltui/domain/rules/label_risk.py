"""The labels that stopping or terminating a pod would lose, as text computed from the session state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.state import SessionState

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.labels.copies import LabelCopies
    from labeltui.domain.pod.pod import Pod

GIVE_UP = "To lose these labels, add --lose-labels."


def copies_of(state: SessionState) -> LabelCopies | None:
    """The copies of this pod's labels. None when unknown, for example for another pod."""
    pod, copies = state.pod.value, state.labels.value
    if pod is None or copies is None or not copies.source.startswith(f"{pod.id}:"):
        return None
    return copies


def would_lose(pod: Pod, action: str, copies: LabelCopies | None) -> bool:
    """True when the action destroys the labels, or when it is unknown where the labels are stored."""
    return lost_with(pod, action, copies.root if copies is not None else "")


def lost_with(pod: Pod, action: str, path: str) -> bool:
    """True when the action destroys this absolute path on the pod. An empty path means that the path is unknown."""
    survives = bool(pod.network_volume_id) or (action != "terminate" and pod.volume_disk_gb > 0)
    volume = (pod.volume_path or "").rstrip("/")
    return not (survives and volume and (path + "/").startswith(volume + "/"))


def label_note(state: SessionState, action: str) -> str:
    """A sentence on the labels, for the question before a stop, restart or termination; may be empty."""
    pod, copies = state.pod.value, copies_of(state)
    if pod is None:
        return ""
    lost = would_lose(pod, action, copies)
    if copies is None:
        return "It is unknown whether the pod's labels are copied to this machine." if lost else ""
    if state.labels.error is not None:
        last_read = state.labels.as_of
        when = "" if last_read is None else f" on {last_read.astimezone():%d %b at %H:%M}"
        more = "; whether there are newer labels is unknown" if lost else ""
        return f"{copies.count_text} were on this machine{when}{more}."
    if not copies.total and copies.safe:
        return "There are no labels on the pod." if lost else ""
    if copies.safe:
        return f"{copies.whole_text} are on this machine." if lost else ""
    why = f": {copies.reason}" if copies.reason else ""
    stay = "" if lost else "; they stay on the pod's volume"
    return f"{copies.absent_text} NOT on this machine{why}{stay}."


def risk(state: SessionState, action: str) -> Problem | None:
    """Return why labels must be copied before the pod is stopped or terminated; None when nothing would be lost.

    The risk is unknown for a stopped pod that was never connected. The action is then allowed, and the question
    before it says that the risk is unknown.
    """
    pod, copies = state.pod.value, copies_of(state)
    if pod is None or not would_lose(pod, action, copies):
        return None
    if copies is not None and not copies.safe:
        why = f": {copies.reason}" if copies.reason else ""
        message = f"{copies.absent_text} not on this machine{why}."
        how = copies.hint or "Copy the labels: `labeltui labels pull`, or press c in the queue."
        if not pod.status.is_up:
            how = "Run `labeltui pod start --data-only` (starts the pod without a GPU), then `labeltui labels pull`."
        return Problem(Code.LABELS_NOT_COPIED, message, f"{how} {GIVE_UP}")
    if pod.status.value != "running" or (copies is not None and state.labels.error is None):
        return None
    why = state.labels.error or "the list of labels has not been read yet"
    return Problem(
        Code.LABELS_UNKNOWN,
        f"It is unknown whether the labels of {pod.name} are on this machine: {why.rstrip('.')}.",
        f"Reconnect (p c) and try again. {GIVE_UP}",
    )
