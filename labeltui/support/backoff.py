"""How long to wait before another try."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

Uniform = Callable[[float, float], float]
"""Draws a number between two bounds."""

LONGEST_S = 60.0
_MOST_DOUBLINGS = 16  # more would overflow after hours of failures, and every wait is capped long before

_uniform: Uniform = SystemRandom().uniform


def backoff_s(
    failures: int,
    first_s: float = 0.5,
    longest_s: float = LONGEST_S,
    spread: tuple[float, float] = (0.75, 1.25),
    uniform: Uniform = _uniform,
) -> float:
    """Seconds to wait after so many failures in a row (from 1): doubled each time, capped, then jittered.

    The cap comes before the jitter, so a wait may be up to ``longest_s`` times the upper end of ``spread``.
    """
    return jittered(min(longest_s, first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)), spread, uniform)


def jittered(seconds: float, spread: tuple[float, float], uniform: Uniform = _uniform) -> float:
    """``seconds`` times a factor drawn from ``spread``, so that two consoles don't ask in step."""
    return seconds * uniform(*spread)
