"""Confirm an action on a pod. The pod is fetched first, because the operator confirms its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions import Action, Danger
from labeltui.actions.exports import LABELS_EXPORT
from labeltui.actions.model import TAKE_OVER
from labeltui.actions.session import REPORT
from labeltui.actions.slicer import SLICER
from labeltui.actions.studies import STUDIES_UPLOAD
from labeltui.cli.asking import TerminalPrompter
from labeltui.domain.failure_codes import Code
from labeltui.domain.literal import visible
from labeltui.domain.problems import Refused
from labeltui.domain.rules.pod import NAMED, about_pod, called
from labeltui.operations.labels.safety import copy_last
from labeltui.operations.pod.target import target

if TYPE_CHECKING:
    from labeltui.domain.pod.pod import Pod
    from labeltui.session.session import Session


async def confirm_pod(
    session: Session, action: Action, params: Mapping[str, Any], yes: str | None, prompter: TerminalPrompter
) -> tuple[bool, Mapping[str, Any]]:
    """Return whether the operator confirms the action, and the parameters with the pod's id in place of its name.

    The whole name is needed for a pod that is not the profile's, and for an action that can't be undone. Raises
    Refused ``unconfirmed`` for a wrong name, and the errors of :func:`labeltui.operations.pod.target.target`.
    """
    pod = await target(session, params.get("pod"))
    own = await session.account.owns(pod)
    params = {**params, "pod": pod.id} if params.get("pod") else params
    if yes and yes != called(pod):
        raise _wrong(action, pod)
    if (
        own
        and (yes is not None or action.danger is Danger.CHANGE)
        and action.danger is not Danger.IRREVERSIBLE
    ):
        return True, params
    if own and action.may_lose_labels:
        await copy_last(session, pod)
    question = visible(action.question(about_pod(session.store.state, pod)) or f"{action.title}?")
    if own and action.danger is not Danger.IRREVERSIBLE:
        answer = await prompter.ask(f"{question} [y/N]")
        return (answer or "").strip().lower() in ("y", "yes"), params
    name = called(pod)
    whose = "" if own else visible(f"{name} ({pod.id}) is not this profile's pod. ")
    if not yes:
        if not prompter.present:
            raise Refused(Code.UNCONFIRMED, f"Not confirmed: {whose}{question}", f"Add --yes {name}.")
        yes = await prompter.ask(f"{whose}{question} Type {name!r} to continue:")
    if yes != name:
        raise _wrong(action, pod)
    return True, {**params, NAMED: name}


async def confirm_replacement(
    session: Session, params: Mapping[str, Any], yes: str | None, prompter: TerminalPrompter
) -> Mapping[str, Any]:
    """Return the parameters of ``invite``, with ``replace`` if the operator agrees to revoke the earlier invitation."""
    if session.store.state.identity.demo or params.get("replace"):
        return params
    found = (await session.invitations.refresh()).find(str(params.get("name")))
    if found is None:
        return params
    if yes is None:
        question = f"{found.name} is invited already. Revoke that key, and make a new one? [y/N]"
        answer = await prompter.ask(question)
        if (answer or "").strip().lower() not in ("y", "yes"):
            return params  # the operation refuses it
    return {**params, "replace": True}


_ANSWERS = {
    (STUDIES_UPLOAD.id, Code.EXISTS): (
        "Replace all of them (r), skip them (s), or cancel? [r/s]",
        {"r": "replace", "s": "skip"},
    ),
    (STUDIES_UPLOAD.id, Code.UNCONFIRMED): (
        "Remove these headers (d), send the files as they are (i), or cancel? [d/i]",
        {"d": "deidentify", "i": "identified"},
    ),
    (LABELS_EXPORT.id, Code.EXISTS): ("Replace it (r), or cancel? [r]", {"r": "replace"}),
    (REPORT.id, Code.EXISTS): ("Replace it (r), or cancel? [r]", {"r": "replace"}),
}


async def choose_answer(
    refused: Refused, action: Action, params: Mapping[str, Any], prompter: TerminalPrompter
) -> Mapping[str, Any]:
    """Ask once about studies that differ, identifying headers, an earlier export, the name in Slicer, or a lease.

    Without an answer, raise ``refused``.
    """
    if action.id == SLICER.id and refused.problem.code == Code.NO_CLIENT_ID and prompter.present:
        name = await prompter.ask(f"{visible(refused.problem.message)} Your name:")
        return {**params, "as": (name or "").strip()}
    if refused.problem.code == Code.LEASE_HELD and refused.problem.offers and prompter.present:
        answer = await prompter.ask(f"{visible(refused.problem.message)} Take over? [y/N]")
        if (answer or "").strip().lower() in ("y", "yes"):
            return {**params, TAKE_OVER: True}
    asked = _ANSWERS.get((action.id, refused.problem.code))
    if asked is None or not prompter.present:
        raise refused
    question, answers = asked
    answer = (await prompter.ask(f"{visible(refused.problem.message)} {question}") or "").strip().lower()
    if answer not in answers:
        raise refused
    return {**params, answers[answer]: True}


def _wrong(action: Action, pod: Pod) -> Refused:
    return Refused(Code.UNCONFIRMED, f"{action.title}: the name does not match.", f"Add --yes {called(pod)}.")
