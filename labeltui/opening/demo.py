"""Opens the demo: a session over an embedded pod."""

from __future__ import annotations

from functools import partial

from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.hosts.base import Prompter
from labeltui.opening.autostart import autostart
from labeltui.opening.hosts import host_of, proxy_shells_of
from labeltui.opening.launch import Launch
from labeltui.opening.log_file import log_to
from labeltui.operations.ssh_config import keep_current
from labeltui.sandbox.launch import Pod, PodFailed, start_pod
from labeltui.sandbox.runpod.launch import RunPod, start_runpod
from labeltui.sandbox.scenarios import DEFAULT, UnknownScenario, find
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from labeltui.support.desk import WINDOWS


async def open_demo(launch: Launch, prompter: Prompter) -> Session:
    """Start an embedded pod and build a session over it. Closing the session ends the pod and deletes their files.

    Raises Misused ``unknown_scenario``, Failed ``demo_failed``, and on Windows Refused ``not_on_windows``.
    """
    if WINDOWS:
        raise Refused(
            Code.NOT_ON_WINDOWS,
            "The demo's pod needs Linux or macOS.",
            "Open labeltui in WSL to see the demo.",
        )
    pod = await _start_pod(launch.demo or DEFAULT)
    try:
        profile = Profile.model_validate(pod.profile())
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


async def _start_pod(scenario: str) -> Pod | RunPod:
    try:
        return await (start_runpod(scenario) if find(scenario).rented else start_pod(scenario))
    except UnknownScenario as error:
        raise Misused(
            Code.UNKNOWN_SCENARIO, str(error), "Choose a scenario of this list with --scenario."
        ) from None
    except PodFailed as error:
        raise Failed(
            Code.DEMO_FAILED, str(error), "Try again. `labeltui -v demo` prints the details."
        ) from None
