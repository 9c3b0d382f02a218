"""Tasks that can't die silently."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, TypeVar

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.reading import Reading
from labeltui.session.runtime.store import Owned
from labeltui.support.backoff import backoff_s

T = TypeVar("T")
Clock = Callable[[], datetime]

log = logging.getLogger(__name__)


def error_text(error: BaseException) -> str:
    """An error as one sentence for the screen."""
    if isinstance(error, LabeltuiError):
        return error.problem.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Supervisor:
    """Owns the session's tasks: one that ends with an error is reported, and started again after a while."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Keep ``work`` going until it returns or is cancelled."""
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
                log.exception("%s failed, and is started again", name)
                await asyncio.sleep(backoff_s(failures))

    async def close(self) -> None:
        """Cancel everything and wait for it."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Poller(Generic[T]):
    """Polls one thing again and again, and keeps its field of the store true to what it learnt.

    ``interval`` is asked before each wait, so that a source looks often only while something happens. ``wake``
    makes it look at once. Failures back off; the store shows each of them.
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

    @property
    def name(self) -> str:
        """The field's name."""
        return self._field.field.name

    def wake(self) -> None:
        """Look now; a look that is under way is followed by another, since it may have come too early."""
        self._wake.set()

    async def run(self) -> None:
        """Look forever."""
        while True:
            self._wake.clear()
            reading = await self.poll()
            wait = self._interval()
            # After a failure it looks again soon, and less and less often, down to its usual pace.
            await self._pause(min(wait, backoff_s(reading.failures)) if reading.failures else wait)

    async def poll(self) -> Reading[T]:
        """Look once; what fails is in the reading."""
        began = time.monotonic()
        self.attempts += 1
        try:
            value = await self._poll()
        except Exception as error:
            if not isinstance(error, LabeltuiError):
                log.exception("source %s", self.name)
            reading = self._field.value.failed(error_text(error), interval_s=self._interval())
        else:
            latency = time.monotonic() - began
            reading = self._field.value.succeeded(
                value, self._clock(), latency_s=latency, interval_s=self._interval()
            )
        self._field.write(reading)
        return reading

    def learned(self, value: T) -> None:
        """Take over a value that something else has just asked for."""
        reading = self._field.value.succeeded(value, self._clock(), interval_s=self._interval())
        self._field.write(reading)

    def failed(self, why: str) -> None:
        """Note that something else asked in vain."""
        self._field.write(self._field.value.failed(why))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):  # wait_for can swallow a cancellation before Python 3.12
                await self._wake.wait()
        except TimeoutError:
            return
