"""Refusals that need no session. This module imports no session and no network code, so a refusal comes at once."""

from __future__ import annotations

import asyncio

from labeltui.actions import Action, Danger, refuse_change
from labeltui.actions.model import PodParams
from labeltui.actions.session import DOCTOR
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.config.load import find_config_path, load, select
from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.literal import visible
from labeltui.domain.problems import Refused
from labeltui.domain.rules.pod import no_pod_named, not_of_runpod
from labeltui.domain.state import Identity, SessionState
from labeltui.runpod.keys import find_key, keys_elsewhere


def refuse_unwanted(request: Request, output: Output) -> None:
    """Raise Refused ``read_only`` or ``unconfirmed`` if the command line alone shows that the action must not run."""
    action = request.action
    if action is not None:
        refuse_change(action, read_only=request.launch.read_only)
        _refuse_unasked(request, action, TerminalPrompter(output.progress))


def refuse_unprepared(request: Request) -> None:
    """Raise the errors that the profile alone shows.

    These are Misused for a wrong profile or for a missing API key or pod, and Refused. The doctor is exempt because it
    reports these itself, and a demo because it reads no profile.
    """
    action, launch = request.action, request.launch
    if launch.demo is not None or action is DOCTOR:
        return
    profile = select(load(find_config_path(launch.config)), launch.profile)[1]
    if action is not None:
        refuse_change(action, read_only=profile.read_only)
    of_pods = action is not None and action.command[:1] == ("pod",)
    if (profile.host == "runpod" and (action is None or action.needs_host)) or of_pods:
        _refuse_other_host(profile, request)
        _refuse_without_account(profile, pod_needed=not of_pods)


def _refuse_other_host(profile: Profile, request: Request) -> None:
    """Raise Misused for an action on the profile's pod if the profile's machine is not a pod. No key would help."""
    named = request.params.get("pod") or (profile.runpod is not None and profile.runpod.pod)
    of_one_pod = request.action is not None and issubclass(request.action.takes, PodParams)
    if of_one_pod and profile.host != "runpod" and not named:
        raise not_of_runpod(profile.host)


def _refuse_without_account(profile: Profile, *, pod_needed: bool) -> None:
    section = profile.runpod
    if pod_needed and (section is None or not section.pod):
        raise no_pod_named()
    command = section.key_command if section is not None else None
    if not keys_elsewhere(command):
        asyncio.run(find_key())


def _refuse_unasked(request: Request, action: Action, prompter: TerminalPrompter) -> None:
    """Raise Refused before connecting, if the action needs a confirmation and nobody can be asked.

    The question in it is the one for a session of which nothing is known yet.
    """
    unasked = request.yes is None and not prompter.present and not action.reads_first
    if action.danger not in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE) or not unasked:
        return
    question = visible(action.ask(SessionState(Identity("")), request.params) or f"{action.title}?")
    flag = "--yes NAME" if action.danger is Danger.IRREVERSIBLE else "--yes"
    raise Refused(Code.UNCONFIRMED, f"Not confirmed: {question}", f"Add {flag}.")
