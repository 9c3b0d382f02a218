"""Explains why a rented host is unreachable, if its pod is the reason. Pure; the first paint imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeltui.domain.rules.pod import UNNAMED
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, Word

if TYPE_CHECKING:
    from labeltui.domain.pod.pod import Pod

Keys = Callable[[str], str]
"""A function that returns the keys of an action, given the action's id."""

STARTING = Word("◌", "pod starting", Tone.BUSY)
WAITS = Word("◌", "waiting for the pod", Tone.FAINT)
OFFLINE = Word("○", "offline", Tone.FAINT)
_STARTING_TEXTS = {
    "provisioning": "RunPod is looking for a machine for the pod.",
    "starting": "The pod is starting: RunPod pulls its image and creates its container.",
    "running": "The pod runs and waits for its SSH address.",
}


@dataclass(frozen=True, slots=True)
class Absence:
    """The pod's state as the reason for an unreachable host. ``texts`` has three lengths, for the strip.

    ``next`` says what happens next or what to do; empty if there is nothing to add to ``reason``.
    """

    word: Word
    texts: tuple[str, str, str]
    reason: str
    next: str


def absence(state: SessionState, keys: Keys = lambda _action: "") -> Absence | None:
    """Return the reason why the host can't be reached, if it is the pod's state; else None."""
    host, pod = state.host.value, state.pod.value
    if not state.identity.rents or (host is not None and host.state is LinkState.CONNECTED):
        return None
    if pod is None:
        texts = (WAITS.text, "waits", "wait")
        unnamed = state.pod.error == UNNAMED
        rent = (
            f"{keys('pod.options')} rents one; {keys('pods')} lists those of the account." if unnamed else ""
        )
        return Absence(WAITS, texts, safe(state.pod.error), rent) if state.pod.error else None
    if pod.status.is_up:
        return _while_starting(pod)
    ended = {
        "stopped": ("pod stopped", "The pod is stopped.", f"{keys('pod.start')} starts it."),
        "terminated": ("pod gone", "The pod was terminated.", f"{keys('pod.options')} rents another pod."),
    }.get(pod.status.value)
    if ended is None:
        return None
    why, reason, next_step = ended
    return Absence(OFFLINE, (f"offline, {why}", "offline", "off"), reason, next_step)


def _while_starting(pod: Pod) -> Absence | None:
    if pod.status.value == "running" and pod.ssh is not None:
        return None
    texts = (STARTING.text, STARTING.text, "wait")
    return Absence(STARTING, texts, _STARTING_TEXTS[pod.status.value], "labeltui then connects to it.")
