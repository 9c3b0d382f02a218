"""Runs tasks that are restarted after a failure, and polls values."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.reading import Reading
from labeltui.session.runtime.store import Owned
from labeltui.support.backoff import backoff_s
from labeltui.support.file_errors import sentence

T = TypeVar("T")
Clock = Callable[[], datetime]

log = logging.getLogger(__name__)


def error_text(error: BaseException) -> str:
    """Return an error as one sentence for the screen.

    That is the problem's message, or the type and text of any other exception.
    """
    if isinstance(error, LabeltuiError):
        return error.problem.message
    if (unusable := sentence(error)) is not None:
        return unusable
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Supervisor:
    """Owns the session's tasks. A task that raises is logged and restarted after a back-off."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Run ``work`` until it returns or is cancelled; restart it when it raises."""
        task = asyncio.create_task(self._run(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        failures = 0
        while True:
            try:
                return await work()
            except Exception:
                failures += 1
                log.exception("%s failed; it is started again", name)
                await asyncio.sleep(backoff_s(failures))

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Poller(Generic[T]):
    """Polls one value for as long as the session runs, and writes each result to its field of the store.

    ``interval`` returns the seconds until the next poll. The poller calls it before each wait, so the
    interval can be short only while something happens. After a failure the poller backs off; the store has
    the old value and the error.
    """

    def __init__(
        self,
        field: Owned[Reading[T]],
        poll: Callable[[], Awaitable[T]],
        interval: Callable[[], float],
        clock: Clock,
    ) -> None:
        self._field = field
        self._poll = poll
        self._interval = interval
        self._clock = clock
        self._wake = asyncio.Event()
        self.attempts = 0
        """Count of polls that have begun. Polls are numbered from 1."""
        self.finished = 0
        """Number of the newest poll whose reading was written; 0 before the first."""

    @property
    def name(self) -> str:
        """The name of the store's field."""
        return self._field.field.name

    def wake(self) -> None:
        """Poll now. If a poll is in flight, another follows, since the first may have started too early."""
        self._wake.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            self._wake.clear()
            reading = await self.poll()
            wait = self._interval()
            # After a failure the next poll comes sooner than usual, then the back-off grows up to the usual interval.
            await self._pause(min(wait, backoff_s(reading.failures)) if reading.failures else wait)

    async def poll(self) -> Reading[T]:
        """Poll once and write the reading, with the error if it failed. Never raises."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.attempts += 1
        number = self.attempts
        try:
            value = await self._poll()
        except Exception as error:
            if not isinstance(error, LabeltuiError):
                log.exception("polling %s", self.name)
            reading = self._field.value.failed(error_text(error), interval_s=self._interval())
        else:
            latency = loop.time() - began
            reading = self._field.value.succeeded(
                value, self._clock(), latency_s=latency, interval_s=self._interval()
            )
        self.finished = max(self.finished, number)
        self._field.write(reading)
        if (due := self._interval()) != reading.interval_s:  # the interval depends on the new value
            reading = replace(reading, interval_s=due)
            self._field.write(reading)
        return reading

    def learned(self, value: T) -> None:
        """Write a value that another part of labeltui has just fetched."""
        reading = self._field.value.succeeded(value, self._clock(), interval_s=self._interval())
        self._field.write(reading)

    def failed(self, why: str) -> None:
        """Record that another part of labeltui failed to fetch the value. ``why`` is shown beside the old value."""
        self._field.write(self._field.value.failed(why))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):  # wait_for can swallow a cancellation before Python 3.12
                await self._wake.wait()
        except TimeoutError:
            return
