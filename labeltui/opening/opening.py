"""From the command line's words to a session: profile, host, state folder, and the demo's pod."""

from __future__ import annotations

from collections.abc import Callable

from labeltui.config.load import find_config_path, load, select
from labeltui.config.model import Profile, SshSection
from labeltui.domain.problems import Failed, Misused
from labeltui.hosts.base import Host, Prompter
from labeltui.hosts.local import LocalHost
from labeltui.hosts.ssh import SshHost
from labeltui.sandbox.launch import Pod, PodFailed, start_pod
from labeltui.sandbox.runpod.launch import RunPod, start_runpod
from labeltui.sandbox.scenarios import DEFAULT, UnknownScenario, find
from labeltui.opening.launch import Launch
from labeltui.opening.log_file import log_to
from labeltui.session.pod.host import PodHost, ssh_of
from labeltui.session.pod.proxy_shell import ProxyDoor
from labeltui.session.pod.account import Rental
from labeltui.session.session import Session
from labeltui.session.runtime.state_folder import StateDir

KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


def open_profile(launch: Launch, prompter: Prompter) -> Session:
    """A session over the named profile, or the file's default."""
    path = find_config_path(launch.config)
    name, profile = select(load(path), launch.profile)
    state = StateDir.of_profile(name)
    log_to(state.ready())
    read_only = launch.read_only or profile.read_only
    host = host_of(profile, state, prompter)
    door = door_of(profile, state, prompter)
    return Session(name, profile, host, state, read_only=read_only, config=path, door=door)


async def open_demo(launch: Launch, prompter: Prompter) -> Session:
    """A session over an embedded pod, which is gone without a trace when the session is closed."""
    pod = await _start_pod(launch.demo or DEFAULT)
    try:
        profile = Profile.model_validate(pod.profile())
        state = StateDir(pod.root / "console")
        log_to(state.ready())
        host = host_of(profile, state, prompter)
        door = door_of(profile, state, prompter)
        return Session("demo", profile, host, state, read_only=launch.read_only, pod=pod, door=door)
    except BaseException:
        await pod.close()
        raise


async def _start_pod(scenario: str) -> Pod | RunPod:
    try:
        return await (start_runpod(scenario) if find(scenario).rented else start_pod(scenario))
    except UnknownScenario as error:
        raise Misused("unknown_scenario", str(error), "Choose one of those with --scenario.") from None
    except PodFailed as error:
        raise Failed("demo_failed", str(error), "Try again; `labeltui -v demo` says more.") from None


def host_of(profile: Profile, state: StateDir, prompter: Prompter) -> Callable[[Rental], Host]:
    """The host a profile names, made from the rental."""
    if profile.host == "local":
        return lambda _rental: LocalHost()
    if profile.host == "runpod":
        return lambda rental: PodHost(rental, state, prompter, ssh_of(rental))
    if profile.ssh is None:
        raise Misused(
            "no_address", 'host = "ssh" needs an address.', 'Add [profiles.NAME.ssh] with address = "...".'
        )
    host = _ssh_host(profile.ssh, state, prompter)
    return lambda _rental: host


def door_of(profile: Profile, state: StateDir, prompter: Prompter) -> Callable[[Rental], ProxyDoor] | None:
    """The proxied door of the profile's host, where it has one, made from the rental."""
    if profile.host != "runpod":
        return None
    return lambda rental: ProxyDoor(rental, state, prompter)


def _ssh_host(ssh: SshSection, state: StateDir, prompter: Prompter) -> SshHost:
    return SshHost(
        ssh.address,
        key=ssh.key,
        jump=ssh.jump,
        known_hosts=(ssh.known_hosts,) if ssh.known_hosts else KNOWN_HOSTS,
        own_known_hosts=state.known_hosts,
        config=None if ssh.config == "none" else ssh.config or "~/.ssh/config",
        prompter=prompter,
    )
