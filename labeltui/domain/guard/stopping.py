"""When the guard may send RunPod the next stop, and when it must admit that its stops have no effect.

Pure, like ``rules.py``, and sent to the host with it. Times are seconds on the monotonic clock. The guard sends no
other action than ``stop``: a ``start`` could wake the pod that a lost answer has just stopped.
"""

from __future__ import annotations

ACCEPTED = "accepted"  # RunPod took the stop, or said that the pod has no need of one
UNANSWERED = "unanswered"  # RunPod may have taken it
REFUSED = "refused"  # this key may not stop the pod
FAILED = "failed"  # too many requests, an error of the server, or anything else that may pass

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
SETTLES_S = 30.0
ENOUGH = 3
MOST_A_MINUTE = 6


def outcome(status: int) -> str:
    """What an answer to a stop means; ``status`` 0 is no answer.

    409 says that the status of the pod allows no stop: it is stopping or stopped, whatever a list still shows.
    """
    if status in (200, 204, 409):
        return ACCEPTED
    if status in (401, 403):
        return REFUSED
    return UNANSWERED if status == 0 else FAILED


class Stops:
    """The stops that were sent since the pod was due, and what came of them."""

    def __init__(self) -> None:
        self.sent: list[float] = []  # when a stop was accepted or not answered
        self.any = False  # a stop was sent: the pod may be down
        self.failures = 0  # in a row
        self.due_at = float("-inf")
        self._requests: list[float] = []

    def reset(self) -> None:
        """The pod is in use again. The limit on requests a minute goes on."""
        self.sent, self.any, self.failures, self.due_at = [], False, 0, float("-inf")

    def may_send(self, now: float) -> bool:
        """Whether a stop may be sent now."""
        recent = [at for at in self._requests if now - at < 60.0]
        return now >= self.due_at and len(recent) < MOST_A_MINUTE

    def note(self, result: str, now: float) -> None:
        """A stop was sent at ``now`` with this result."""
        self._requests = [*self._requests[-MOST_A_MINUTE:], now]
        self.any = True
        if result in (ACCEPTED, UNANSWERED):
            self.sent.append(now)
        if result == ACCEPTED:
            self.failures = 0
            self.due_at = now + (SETTLES_S if len(self.sent) < ENOUGH else LONGEST_RETRY_S)
        elif result == REFUSED:
            self.due_at = now  # another key may be allowed to
        else:
            self.failures += 1
            self.due_at = now + min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self.failures - 1, 10))

    def settled(self, now: float) -> None:
        """RunPod shows that the pod does not run; ask again later, as its status may lag."""
        self.sent, self.failures, self.due_at = [], 0, now + SETTLES_S

    def without_effect(self, now: float) -> int:
        """How many stops were accepted or not answered and left the pod running for 30 s, if enough; else 0."""
        count = sum(now - at >= SETTLES_S for at in self.sent)
        return count if count >= ENOUGH else 0
