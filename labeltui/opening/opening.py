"""Opens a session from the command line's flags: over a profile, or over the demo's pod."""

from __future__ import annotations

from labeltui.config.load import find_config_path, load, select
from labeltui.hosts.base import Prompter
from labeltui.opening.hosts import host_of, proxy_shells_of
from labeltui.opening.launch import Launch
from labeltui.opening.log_file import log_to
from labeltui.operations.ssh_config import keep_current
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session


def open_profile(launch: Launch, prompter: Prompter) -> Session:
    """Build a session over the named profile, or over the file's default. Raises Misused."""
    path = find_config_path(launch.config)
    name, profile = select(load(path), launch.profile)
    state = StateFolder.of_profile(name)
    log_to(state.ready())
    profile = profile.model_copy(update=launch.overrides)
    read_only = launch.read_only or profile.read_only
    host = host_of(profile, state, prompter)
    proxy_shells = proxy_shells_of(profile, state, prompter)
    return Session(
        name,
        profile,
        host,
        state,
        read_only=read_only,
        config=path,
        proxy_shells=proxy_shells,
        on_reached=keep_current,
    )


async def open_session(launch: Launch, prompter: Prompter) -> Session:
    """Read the profile or start the demo's pod, and build the session. It is not connected yet.

    Raises Misused if the profile is missing or wrong.
    """
    from labeltui.opening.demo import open_demo  # noqa: PLC0415 - keeps first paint light

    if launch.demo is not None:
        return await open_demo(launch, prompter)
    return open_profile(launch, prompter)
