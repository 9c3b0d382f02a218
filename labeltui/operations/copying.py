"""Copies to or from the host, which connect again after a lost connection and continue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from labeltui.domain.problems import Unreachable
from labeltui.hosts.base import Progress
from labeltui.support.backoff import backoff_s

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

T = TypeVar("T")
RECONNECT_S = 600.0
"""How long an attempt waits for the host."""
MOST_FAILURES = 8


class Furthest:
    """Passes the progress of a file's copy on. ``done`` is the number of bytes that were reached in any attempt."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self.done = progress, 0

    def __call__(self, done: int, size: int) -> None:
        """Receive the progress of one attempt, in bytes."""
        self.done = max(self.done, done)
        self._progress(done, size)


async def until_copied(
    attempt: Callable[[], Awaitable[T]],
    reached: Callable[[], object],
    report: Report,
    then: str = "connects again and copies the rest",
    passes: Callable[[Unreachable], bool] = lambda _error: True,
) -> T:
    """Call ``attempt`` until it does not lose the connection. Each call continues where the last one stopped.

    ``reached`` returns how far the copy is, and ``then`` says what labeltui does after a loss. Raises Unreachable after
    eight attempts in a row that got no further; errors that ``passes`` rejects, and others, are raised at once.
    """
    failures = 0
    while True:
        before = reached()
        try:
            return await attempt()
        except Unreachable as error:
            failures = failures + 1 if reached() == before else 1
            if failures > MOST_FAILURES or not passes(error):
                raise
            report.progress(f"{error.problem.message} labeltui {then}.")
            await asyncio.sleep(backoff_s(failures))
