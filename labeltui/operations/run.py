"""Runs an action, for keys, palette, forms and command line alike."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions import BY_ID, Action, Danger, refuse_change
from labeltui.actions.model import TAKE_OVER, PodParams
from labeltui.actions.params import Param, Params
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.operations.table import OPERATIONS
from labeltui.session.runtime.supervise import error_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

CONFIRMED = (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE)


def command_line(action: Action, params: Params, name: str = "") -> str:
    """Return the command that runs this action, with its confirmation if it needs one.

    ``name`` confirms an action that can't be undone, unless the parameters have a name. Shows only the names in
    ``env``, because values may be secret.
    """
    parts: list[str] = ["labeltui", *(action.command or (action.id,))]
    words = [
        str(word)
        for param in action.params
        if param.positional and (value := params.value(param)) != param.empty
        for word in (value if param.kind == "list" else (value,))
    ]
    dashed = any(word.startswith("-") for word in words)
    parts += [] if dashed else words
    for param in action.params:
        if not param.positional and (value := params.value(param)) != param.empty:
            parts += _option(param, value)
    named = params.named if isinstance(params, PodParams) else None
    if named or action.danger in CONFIRMED:
        parts += ["--yes", *filter(None, [named or name])]
    return shlex.join([*parts, "--", *words] if dashed else parts)


def _option(param: Param, value: Any) -> list[str]:
    """A parameter's flag with its value. Both are one word if the value would otherwise be read as a flag."""
    if param.kind == "bool":
        return [param.flag]
    if param.kind == "pairs":
        pairs = ((param.flag, key, "…" if param.name == "env" else str(item)) for key, item in value.items())
        return [part for pair in pairs for part in pair]
    items = map(str, value) if param.kind == "list" else (str(value),)
    return [
        part
        for item in items
        for part in ([f"{param.flag}={item}"] if item.startswith("-") else [param.flag, item])
    ]


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
    Refused for a change in a read-only session or for an unconfirmed action, Refused ``lease_held`` for an
    exclusive action while another console of the host runs one (``take_over`` among the parameters takes over
    from one that is silent), and the action's own LabeltuiError. Conditions that disable the action's key are not
    checked here, because the action itself has newer readings.
    """
    action = BY_ID[action_id]
    operation = OPERATIONS[action_id]
    take_over = given.get(TAKE_OVER) is True
    params = action.takes.of({name: value for name, value in given.items() if name != TAKE_OVER})
    _check(session, action, given, confirmed)
    if action.danger is Danger.NONE:
        return await operation(session, params, report)
    exclusive = action.exclusive and not getattr(params, "check", False)
    name = action.name_to_type(session.store.state) if action.danger is Danger.IRREVERSIBLE else ""
    entry = session.journal.begin(session.clock(), action.title, command_line(action, params, name))
    try:
        if exclusive:
            document = await _with_lease(session, action, params, report, take_over=take_over)
        else:
            document = await operation(session, params, report)
    except asyncio.CancelledError:
        session.journal.end(entry, False, "cancelled")
        raise
    except Exception as error:
        session.journal.end(entry, False, error_text(error))
        raise
    session.journal.end(entry, True, "done")
    return document


async def _with_lease(
    session: Session, action: Action, params: Params, report: Report, *, take_over: bool
) -> Document:
    async with session.consoles.lease(action.title, take_over=take_over) as why_not:
        if why_not:
            report.progress(f"Other consoles on this host do not see this action: {why_not}")
        return await OPERATIONS[action.id](session, params, report)
