"""What stopping or terminating a pod would cost in labels: in words, from the state alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.state import SessionState

if TYPE_CHECKING:  # on the way to first paint
    from labeltui.domain.labels.copies import LabelCopies
    from labeltui.domain.pod.pod import Pod

GIVE_UP = "--lose-labels gives them up."


def copies_of(state: SessionState) -> LabelCopies | None:
    """What is known of the copies of this pod's labels: another pod's say nothing of it."""
    pod, copies = state.pod.value, state.labels.value
    if pod is None or copies is None or not copies.source.startswith(f"{pod.id}:"):
        return None
    return copies


def would_lose(pod: Pod, action: str, copies: LabelCopies | None) -> bool:
    """Whether the labels are gone afterwards. Where they lie is not known before they were looked at: then, yes."""
    kept = bool(pod.network_volume_id) or (action != "terminate" and pod.volume_disk_gb > 0)
    root = copies.root if copies is not None else ""
    volume = (pod.volume_path or "").rstrip("/")
    return not (kept and volume and (root + "/").startswith(volume + "/"))


def label_words(state: SessionState, action: str) -> str:
    """What to know of the labels before the pod is asked to stop, restart or terminate; a sentence, or nothing."""
    pod, copies = state.pod.value, copies_of(state)
    if pod is None:
        return ""
    lost = would_lose(pod, action, copies)
    if copies is None:
        return "Whether its labels are copied to this machine is unknown." if lost else ""
    if state.labels.error is not None:
        seen = state.labels.as_of
        when = "" if seen is None else f" on {seen.astimezone():%d %b at %H:%M}"
        more = "; whether any came since is unknown" if lost else ""
        return f"{copies.here} of {copies.total} labels were on this machine{when}{more}."
    if not copies.total:
        return "There are no labels on it." if lost else ""
    if copies.safe:
        return f"All {copies.total} labels are on this machine." if lost else ""
    why = f": {copies.reason}" if copies.reason else ""
    stay = "" if lost else "; they stay on its volume"
    return f"{_absent(copies)} NOT on this machine{why}{stay}."


def risk(state: SessionState, action: str) -> Problem | None:
    """Why the pod can't be asked to do that before its labels are safe; None when they are, or would not be lost.

    Of a pod that is stopped and was never looked at nobody can tell: that is asked in words, not refused.
    """
    pod, copies = state.pod.value, copies_of(state)
    if pod is None or not would_lose(pod, action, copies):
        return None
    if copies is not None and not copies.safe:
        why = f": {copies.reason}" if copies.reason else ""
        message = f"{_absent(copies)} not on this machine{why}."
        how = copies.hint or "Copy them: `labeltui labels pull`, or c in the queue."
        if not pod.status.is_up:
            how = "Start it for its data (`labeltui pod start --data-only`), then `labeltui labels pull`."
        return Problem(Code.LABELS_NOT_COPIED, message, f"{how} {GIVE_UP}")
    if pod.status.value != "running" or (copies is not None and state.labels.error is None):
        return None
    why = state.labels.error or "they were never looked at"
    return Problem(
        Code.LABELS_UNKNOWN,
        f"Whether the labels of {pod.name} are on this machine is unknown: {why.rstrip('.')}.",
        f"Reconnect (p c) and try again. {GIVE_UP}",
    )


def _absent(copies: LabelCopies) -> str:
    return f"{copies.absent} of {copies.total} labels {'is' if copies.absent == 1 else 'are'}"
