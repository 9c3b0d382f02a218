"""Calling back after a while, for certain.

A timer of Textual that is to fire once looks at the clock twice before it waits, and where its time is over by the
second look (a wait of microseconds, or a machine that was busy in between) it ends without having fired. Whoever
remembers that something is on its way would wait for ever: a pane would stand still for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def soon(pump: MessagePump, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
    """Call ``callback`` in the turn of ``pump`` after so long, unless that has closed by then; can be cancelled."""
    return asyncio.get_running_loop().call_later(max(0.0, seconds), pump.call_next, callback)
