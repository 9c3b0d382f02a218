"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The result of one check."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One checked part. ``message`` reports its state; ``hint`` is the next step, empty if none is needed."""

    part: str
    verdict: Verdict
    message: str
    hint: str = ""
