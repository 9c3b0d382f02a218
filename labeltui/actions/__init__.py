"""Every action, declared once: footer, help, palette, key map and command line are made from this list.

One file per area. Importing them is cheap (it is on the way to first paint): what an action does is named here, and
lives in ``labeltui.operations.table``.
"""

from __future__ import annotations

from collections.abc import Mapping

from labeltui.actions.console import CONSOLE_ACTIONS
from labeltui.actions.guard import GUARD_ACTIONS
from labeltui.actions.model import LEADERS, QUIET_LEADERS, Action, Danger, Param, why_disabled
from labeltui.actions.pods import POD_ACTIONS
from labeltui.actions.session import SESSION_ACTIONS
from labeltui.actions.shell import SHELL_ACTIONS

__all__ = [
    "ACTIONS",
    "BY_ID",
    "LEADERS",
    "QUIET_LEADERS",
    "Action",
    "Danger",
    "Param",
    "why_disabled",
]

ACTIONS: tuple[Action, ...] = SESSION_ACTIONS + POD_ACTIONS + GUARD_ACTIONS + SHELL_ACTIONS + CONSOLE_ACTIONS
"""In the order in which help and footer show them."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
