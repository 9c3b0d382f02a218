"""Delays between retries."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

Uniform = Callable[[float, float], float]
"""Draws a random number between two bounds."""

LONGEST_S = 60.0
_MOST_DOUBLINGS = 16  # more would overflow after hours of failures; the cap applies long before

_uniform: Uniform = SystemRandom().uniform


def backoff_s(
    failures: int,
    first_s: float = 0.5,
    longest_s: float = LONGEST_S,
    spread: tuple[float, float] = (0.75, 1.25),
    uniform: Uniform = _uniform,
) -> float:
    """Seconds to wait after ``failures`` in a row (from 1): doubled each time, capped, then jittered.

    The cap is applied before the jitter, so a wait may be as long as ``longest_s`` times the upper bound of ``spread``.
    """
    return jittered(min(longest_s, first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)), spread, uniform)


def jittered(seconds: float, spread: tuple[float, float], uniform: Uniform = _uniform) -> float:
    """Multiply by a factor drawn from ``spread``, so that several consoles don't send requests in step."""
    return seconds * uniform(*spread)
