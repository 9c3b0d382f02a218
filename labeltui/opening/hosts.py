"""Creates the host of a profile, and its shells through RunPod's proxy."""

from __future__ import annotations

from collections.abc import Callable

from labeltui.config.model import Profile, SshSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused, Refused
from labeltui.domain.ssh_address import parse
from labeltui.hosts.base import Host, Prompter
from labeltui.hosts.ssh.host import SshHost
from labeltui.session.pod.account import PodAccount
from labeltui.session.pod.host import PodHost, ssh_of
from labeltui.session.pod.proxy_shell import ProxyShells
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.support.desk import WINDOWS

if not WINDOWS:
    from labeltui.hosts.local import LocalHost

KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


def host_of(profile: Profile, state: StateFolder, prompter: Prompter) -> Callable[[PodAccount], Host]:
    """Return a function that makes the profile's host. Raises LabeltuiError if the profile has no host that works."""
    if profile.host == "local":
        if not WINDOWS:
            return lambda _account: LocalHost()
        raise Refused(
            Code.NOT_ON_WINDOWS,
            'host = "local" needs Linux or macOS.',
            "Open labeltui in WSL, or use a machine by SSH or a pod.",
        )
    if profile.host == "runpod":
        return lambda account: PodHost(account, state, prompter, ssh_of(account))
    if profile.ssh is None:
        raise Misused(
            Code.NO_ADDRESS, 'host = "ssh" needs an address.', 'Add [profiles.NAME.ssh] with address = "...".'
        )
    host = _ssh_host(profile.ssh, state, prompter)
    return lambda _account: host


def proxy_shells_of(
    profile: Profile, state: StateFolder, prompter: Prompter
) -> Callable[[PodAccount], ProxyShells] | None:
    """Return a function that makes the host's proxy shells; None for a host without a proxy."""
    if profile.host != "runpod":
        return None
    return lambda account: ProxyShells(account, state, prompter)


def _ssh_host(ssh: SshSection, state: StateFolder, prompter: Prompter) -> SshHost:
    address = parse(ssh.address)
    return SshHost(
        address.text,
        key=ssh.key or address.key,
        jump=ssh.jump or address.jump,
        known_hosts=(ssh.known_hosts,) if ssh.known_hosts else KNOWN_HOSTS,
        own_known_hosts=state.known_hosts,
        config=None if ssh.config == "none" else ssh.config or "~/.ssh/config",
        prompter=prompter,
    )
