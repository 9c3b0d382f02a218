"""One line of the doctor's report. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How one part is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One part: what it is like, and the next step where there is one."""

    part: str
    verdict: Verdict
    message: str
    hint: str = ""
