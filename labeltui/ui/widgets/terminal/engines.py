"""Chooses the engine of a shell."""

from __future__ import annotations

import os

from labeltui.ui.widgets.terminal.engine import LINES_MOST, Engine, EngineDied

CHOICE = "LABELTUI_TERMINAL"


async def start_engine(columns: int, rows: int, *, history: int = LINES_MOST) -> Engine:
    """Start the faster engine, libghostty-vt, if it is installed and works, else bittty.

    ``history`` is in lines. ``LABELTUI_TERMINAL=bittty`` in the environment always selects bittty.
    """
    from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine  # noqa: PLC0415 - after first paint

    if os.environ.get(CHOICE) != "bittty" and GhosttyEngine.installed():
        try:
            return await GhosttyEngine.start(columns, rows, history=history)
        except EngineDied:  # for example, a C library that is too old
            pass
    from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine  # noqa: PLC0415 - as above

    return BitttyEngine(columns, rows, history=history)
