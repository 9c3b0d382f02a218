"""Stops the pod: sends a stop, checks its effect, and sends the next one when the rules allow that."""

from __future__ import annotations

from typing import Callable

from labeltui.domain.guard.stopping import ACCEPTED, REFUSED, UNANSWERED, Stops
from labeltui.hosts.agent.remote.guard.runpod import StopKeys


class Stopper:
    """Sends the stops. ``by`` names the key whose stop RunPod accepted, or may have accepted; empty before that."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.by = ""
        self._stops = Stops()
        self._say = say

    def reset(self) -> None:
        """Forget the stops that were sent, because a stop is no longer due."""
        self._stops.reset()
        self.by = ""

    def step(self, keys: StopKeys, now: float, write: Callable[[], None]) -> bool:
        """Send one stop if the rules allow one at ``now``. Returns whether the state has changed.

        ``write`` saves the state before the stop, because the pod may stop before RunPod's answer is read.
        """
        key = keys.chosen()
        if key is None or not self._stops.may_send(now):
            return False
        if self._stops.any and key.is_down():
            self._stops.settled(now)
            self._say("RunPod shows that the pod does not run")
            return True
        self.by = key.method.name
        write()
        result = key.stop()
        self._stops.note(result, now)
        ruled_out = " is ruled out" if result == REFUSED else ""
        self._say(f"{key.method.name}{ruled_out}: {key.method.words}")
        if result not in (ACCEPTED, UNANSWERED):
            self.by = ""
        return True

    def problem(self, now: float) -> str:
        """Return an error text if the stops have had no effect. Empty while they may still have one."""
        count = self._stops.without_effect(now)
        if not count:
            return ""
        return f"{count} stops that RunPod accepted or did not answer left the pod running"
