"""Opens the demo: a session over a pod of an emulated RunPod account."""

from __future__ import annotations

from functools import partial
from typing import Any

from labeltui.config.load import find_config_path, load, select
from labeltui.config.model import CONSOLE_SETTINGS, Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.hosts.base import Prompter
from labeltui.opening.autostart import autostart
from labeltui.opening.hosts import host_of, proxy_shells_of
from labeltui.opening.launch import Launch
from labeltui.opening.log_file import log_to
from labeltui.operations.ssh_config import keep_current
from labeltui.sandbox.runpod.launch import PodFailed, RunPod, start_runpod
from labeltui.sandbox.scenarios import DEFAULT, UnknownScenario, find
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from labeltui.support.desk import WINDOWS


async def open_demo(launch: Launch, prompter: Prompter) -> Session:
    """Start an emulated account and build a session over its pod. Closing the session ends it and deletes the files.

    The session has the console's settings (``CONSOLE_SETTINGS``) of the operator's profile. Raises Misused
    ``unknown_scenario`` and the errors of a profile that was named; Failed ``demo_failed``; on Windows Refused
    ``not_on_windows``.
    """
    if WINDOWS:
        raise Refused(
            Code.NOT_ON_WINDOWS,
            "The demo's pod needs Linux or macOS.",
            "Open labeltui in WSL to see the demo.",
        )
    settings = _console_settings(launch)
    pod = await _start_pod(launch.demo or DEFAULT)
    try:
        profile = Profile.model_validate(pod.profile() | settings | launch.overrides)
        state = StateFolder(pod.root / "console")
        log_to(state.ready())
        host = host_of(profile, state, prompter)
        proxy_shells = proxy_shells_of(profile, state, prompter)
        return Session(
            "demo", profile, host, state, read_only=launch.read_only, pod=pod, proxy_shells=proxy_shells,
            on_reached=keep_current, autostart=partial(autostart, names=pod.autostart) if pod.autostart else None,
        )  # fmt: skip
    except BaseException:
        await pod.close()
        raise


def _console_settings(launch: Launch) -> dict[str, Any]:
    """Return the console's settings of the operator's profile; none if there is no profile, or a wrong one.

    Raises Misused for a profile or a file that the operator named.
    """
    try:
        profile = select(load(find_config_path(launch.config)), launch.profile)[1]
    except Misused:
        if launch.config or launch.profile:
            raise
        return {}
    return profile.model_dump(include=set(CONSOLE_SETTINGS), exclude_unset=True)


async def _start_pod(scenario: str) -> RunPod:
    try:
        return await start_runpod(scenario, with_pod=find(scenario).has_pod)
    except UnknownScenario as error:
        raise Misused(
            Code.UNKNOWN_SCENARIO, str(error), "Choose a scenario of this list with --scenario."
        ) from None
    except PodFailed as error:
        raise Failed(
            Code.DEMO_FAILED, str(error), "Try again. `labeltui -v demo` prints the details."
        ) from None
