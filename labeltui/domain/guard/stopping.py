"""Decide when the guard may send RunPod the next stop, and when it must report that its stops have no effect.

The module does no I/O. It is sent to the host together with ``rules.py``. Times are seconds on the monotonic clock. The
guard never sends ``start``: if the answer to its stop was lost, that could start the pod again.
"""

from __future__ import annotations

ACCEPTED = "accepted"  # RunPod accepted the stop, or the pod is already stopping or stopped
UNANSWERED = "unanswered"  # RunPod may have carried out the stop
REFUSED = "refused"  # this key may not stop the pod
FAILED = "failed"  # too many requests, a server error, or another failure that may pass

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
SETTLES_S = 30.0
ENOUGH = 3
MOST_A_MINUTE = 6


def outcome(status: int) -> str:
    """Classify an answer to a stop by its HTTP status; ``status`` 0 means no answer.

    409 means that the pod is already stopping or stopped, even if a list of pods still shows it as running.
    """
    if status in (200, 204, 409):
        return ACCEPTED
    if status in (401, 403):
        return REFUSED
    return UNANSWERED if status == 0 else FAILED


class Stops:
    """The stops that were sent since a stop became due, and their results."""

    def __init__(self) -> None:
        self.sent: list[float] = []  # times of the stops that were accepted or not answered
        self.any = False  # a stop was sent: the pod may be down
        self.failures = 0  # in a row
        self.due_at = float("-inf")
        self._requests: list[float] = []

    def reset(self) -> None:
        """Forget the stops, because the pod is in use again. The limit on requests per minute still counts them."""
        self.sent, self.any, self.failures, self.due_at = [], False, 0, float("-inf")

    def may_send(self, now: float) -> bool:
        """True if the next stop is due at ``now`` and the limit on requests per minute allows it."""
        recent = [at for at in self._requests if now - at < 60.0]
        return now >= self.due_at and len(recent) < MOST_A_MINUTE

    def note(self, result: str, now: float) -> None:
        """Record a stop that was sent at ``now``, and its result."""
        self._requests = [*self._requests[-MOST_A_MINUTE:], now]
        self.any = True
        if result in (ACCEPTED, UNANSWERED):
            self.sent.append(now)
        if result == ACCEPTED:
            self.failures = 0
            self.due_at = now + (SETTLES_S if len(self.sent) < ENOUGH else LONGEST_RETRY_S)
        elif result == REFUSED:
            self.due_at = now  # another key may be allowed to stop the pod
        else:
            self.failures += 1
            self.due_at = now + min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self.failures - 1, 10))

    def settled(self, now: float) -> None:
        """Record that RunPod shows the pod as not running.

        The next stop then waits 30 s, because RunPod's status may lag.
        """
        self.sent, self.failures, self.due_at = [], 0, now + SETTLES_S

    def without_effect(self, now: float) -> int:
        """Number of stops that left the pod running for 30 s, if there are three or more; else 0."""
        count = sum(now - at >= SETTLES_S for at in self.sent)
        return count if count >= ENOUGH else 0
