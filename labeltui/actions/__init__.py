"""Every action, declared once: footer, help, palette, key map and command line are made from this list.

There is one file per area. The console imports all of them before first paint, so they must import quickly. They only
describe actions: ``labeltui.operations.table`` pairs each action with the operation that carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping

from labeltui.actions.console import CONSOLE_ACTIONS
from labeltui.actions.exports import EXPORT_ACTIONS
from labeltui.actions.guard import GUARD_ACTIONS
from labeltui.actions.invitations import INVITATION_ACTIONS
from labeltui.actions.model import LEADERS, QUIET_LEADERS, Action, Danger, refuse_change, why_disabled
from labeltui.actions.models import INFERENCE_ACTIONS, MODEL_ACTIONS
from labeltui.actions.params import Param
from labeltui.actions.pods import POD_ACTIONS
from labeltui.actions.server import SERVER_ACTIONS
from labeltui.actions.session import (
    DOCTOR,
    EVENING_ACTIONS,
    REPORT_ACTIONS,
    SSH_CONFIG,
    STATUS,
    SUPPORT_ACTIONS,
    TUNNEL,
)
from labeltui.actions.shell import SHELL_ACTIONS
from labeltui.actions.slicer import SLICER_ACTIONS
from labeltui.actions.studies import STUDY_ACTIONS
from labeltui.actions.training import TRAIN_ACTIONS

__all__ = [
    "ACTIONS",
    "BY_ID",
    "LEADERS",
    "QUIET_LEADERS",
    "Action",
    "Danger",
    "Param",
    "refuse_change",
    "why_disabled",
]

ACTIONS: tuple[Action, ...] = (
    *(STATUS, *REPORT_ACTIONS, DOCTOR, *SUPPORT_ACTIONS),
    *SERVER_ACTIONS,
    *SLICER_ACTIONS,
    *STUDY_ACTIONS,
    *INFERENCE_ACTIONS,
    *EXPORT_ACTIONS,
    *TRAIN_ACTIONS,
    *MODEL_ACTIONS,
    *INVITATION_ACTIONS,
    *EVENING_ACTIONS,
    *(SSH_CONFIG, TUNNEL),
    *POD_ACTIONS,
    *GUARD_ACTIONS,
    *SHELL_ACTIONS,
    *CONSOLE_ACTIONS,
)
"""All actions, in the order in which help and footer show them."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
