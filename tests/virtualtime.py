"""An event loop whose clock jumps to the next timer when nothing else is left to do: hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Reports what is ready now; where the loop would have slept, time has passed instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("nothing will ever happen: everything waits for something without a deadline")
        self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code whose only waits are timers: no sockets, threads or processes may be waited for."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed
