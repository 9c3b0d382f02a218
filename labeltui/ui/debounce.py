"""Calls a function after a delay, reliably.

Textual's own one-shot timer checks the clock twice before it waits. If the delay is over at the second check
(because it is tiny or the machine is busy), the timer ends without calling back, and a pane that waits for
the call never updates again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def call_after(pump: MessagePump, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
    """Call ``callback`` in the message loop of ``pump`` after ``seconds``, unless ``pump`` is closed by then."""
    return asyncio.get_running_loop().call_later(max(0.0, seconds), pump.call_next, callback)
