"""Which engine a shell gets."""

from __future__ import annotations

import os

from labeltui.ui.widgets.terminal.engine import LINES_MOST, Engine, EngineDied

CHOICE = "LABELTUI_TERMINAL"


async def start_engine(columns: int, rows: int, *, history: int = LINES_MOST) -> Engine:
    """The faster one where it is installed and starts, else the one in Python. ``history`` is how many lines it keeps.

    ``LABELTUI_TERMINAL=bittty`` in the environment always takes the latter.
    """
    from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine  # noqa: PLC0415 - after first paint

    if os.environ.get(CHOICE) != "bittty" and GhosttyEngine.installed():
        try:
            return await GhosttyEngine.start(columns, rows, history=history)
        except EngineDied:  # such as a C library that is too old for it
            pass
    from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine  # noqa: PLC0415 - as above

    return BitttyEngine(columns, rows, history=history)
