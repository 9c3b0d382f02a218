"""Runs an action, for keys, palette, forms and command line alike."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions import BY_ID, Action, Danger, refuse_change
from labeltui.actions.model import PodParams
from labeltui.actions.params import Params
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.operations.table import OPERATIONS
from labeltui.session.runtime.supervise import error_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

CONFIRMED = (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE)


def command_line(action: Action, params: Params) -> str:
    """Return the command that runs this action. Shows only the names in ``env``, because values may be secret."""
    parts: list[str] = ["labeltui", *(action.command or (action.id,))]
    for param in action.params:
        value = params.value(param)
        if value == param.empty:
            continue
        if param.kind == "bool":
            parts.append(param.flag)
        elif param.kind == "list":
            for item in value:
                parts += [str(item)] if param.positional else [param.flag, str(item)]
        elif param.kind == "pairs":
            for key, item in value.items():
                parts += [param.flag, key, "…" if param.name == "env" else str(item)]
        elif param.positional:
            parts.append(str(value))
        else:
            parts += [param.flag, str(value)]
    if isinstance(params, PodParams) and params.named:
        parts += ["--yes", params.named]
    return shlex.join(parts)


def _check(session: Session, action: Action, given: Mapping[str, Any], confirmed: bool) -> None:
    refuse_change(action, read_only=session.read_only)
    if action.danger in CONFIRMED and not confirmed:
        question = action.ask(session.store.state, given) or action.title
        raise Refused(Code.UNCONFIRMED, f"Not confirmed: {question}", "Confirm it, or add --yes.")


async def run_action(
    session: Session, action_id: str, given: Mapping[str, Any], report: Report, *, confirmed: bool = False
) -> Document:
    """Run an action of the registry on a session. The journal records the action unless it changes nothing.

    ``given`` are the action's parameters by name. Raises Misused ``bad_parameter`` for a bad parameter,
    Refused for a change in a read-only session or for an unconfirmed action, and the action's own
    LabeltuiError. Conditions that disable the action's key are not checked here, because the action itself
    has newer readings.
    """
    action = BY_ID[action_id]
    operation = OPERATIONS[action_id]
    params = action.takes.of(given)
    _check(session, action, given, confirmed)
    if action.danger is Danger.NONE:
        return await operation(session, params, report)
    entry = session.journal.begin(session.clock(), action.title, command_line(action, params))
    try:
        document = await operation(session, params, report)
    except asyncio.CancelledError:
        session.journal.end(entry, False, "cancelled")
        raise
    except Exception as error:
        session.journal.end(entry, False, error_text(error))
        raise
    session.journal.end(entry, True, "done")
    return document
