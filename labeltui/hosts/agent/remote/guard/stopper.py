"""Stops the pod: sends a stop, watches what comes of it, and sends the next one when the rules allow it."""

from __future__ import annotations

from typing import Callable

from labeltui.domain.guard.stopping import ACCEPTED, REFUSED, UNANSWERED, Stops
from labeltui.hosts.agent.remote.guard.runpod import Ways


class Stopper:
    """``by`` names the key whose stop RunPod accepted, or may have accepted; empty before that."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.by = ""
        self._stops = Stops()
        self._say = say

    def reset(self) -> None:
        """The pod is not due any more."""
        self._stops.reset()
        self.by = ""

    def step(self, ways: Ways, now: float, write: Callable[[], None]) -> bool:
        """Send one stop, if one may be sent at ``now``; returns whether anything is known that was not before.

        ``write`` saves the state just before: the stop may take effect before RunPod's answer is read.
        """
        way = ways.chosen()
        if way is None or not self._stops.may_send(now):
            return False
        if self._stops.any and way.is_down():
            self._stops.settled(now)
            self._say("RunPod shows that the pod does not run")
            return True
        self.by = way.way.name
        write()
        result = way.stop()
        self._stops.note(result, now)
        ruled_out = " is ruled out" if result == REFUSED else ""
        self._say(f"{way.way.name}{ruled_out}: {way.way.words}")
        if result not in (ACCEPTED, UNANSWERED):
            self.by = ""
        return True

    def problem(self, now: float) -> str:
        """That the stops have no effect, in words; empty while they may still have one."""
        count = self._stops.without_effect(now)
        if not count:
            return ""
        return f"{count} stops that RunPod accepted or did not answer left the pod running"
