"""The other consoles that use the same folder of a host, and the lease that one of them has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.rules import span
from labeltui.domain.problems import Refused
from labeltui.domain.text import one_line


@dataclass(frozen=True, slots=True)
class OtherConsole:
    """Another console, or a command that has the lease. Times are by this desk's clock, from ages by the host's.

    ``who`` is user and machine, such as ``anna@ward3``. ``silent_since`` is None while the console answers, and
    ``action`` is empty while it has no lease.
    """

    id: str
    who: str
    client_id: str
    program: str  # "console" | "command"
    read_only: bool
    since: datetime
    silent_since: datetime | None = None
    action: str = ""
    action_since: datetime | None = None

    @property
    def shown(self) -> str:
        """The owner's name on one line, without control characters."""
        return one_line(self.who) or "somebody"


def lease_held(
    who: str, action: str, age_s: float, *, silent_s: float, may_be_taken: bool, free_in_s: float
) -> Refused:
    """Return Refused ``lease_held``: who has the lease, for what and for how long, in seconds, and what to do."""
    owner = one_line(who) or "Another console"
    message = f"{owner} has begun this on the host {span(age_s)} ago: {one_line(action)}."
    if not may_be_taken:
        hint = "Wait until it has ended, or ask its operator. `labeltui --read-only` watches meanwhile."
        return Refused(Code.LEASE_HELD, message, hint)
    if silent_s < age_s / 2:
        hint = "It takes very long. Ask its operator, or take over with --take-over."
        return Refused(Code.LEASE_HELD, message, hint, offers=("take-over",))
    message += f" That console has not answered for {span(silent_s)}."
    hint = f"Wait: if it stays silent, the host is free in {span(free_in_s)}. Or take over with --take-over."
    return Refused(Code.LEASE_HELD, message, hint, offers=("take-over",))
