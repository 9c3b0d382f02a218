"""Finds the address at which annotators reach the host, and its pinned host keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.config.model import SshSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.invitations import Invitations
from labeltui.domain.problems import Failed
from labeltui.hosts.ssh.address import resolve
from labeltui.hosts.ssh.config_file import SshEntry
from labeltui.hosts.ssh.keys import KnownHosts
from labeltui.operations.invitations.text import Place
from labeltui.operations.ssh_config import entry_of

if TYPE_CHECKING:
    from labeltui.session.session import Session


async def place_of(session: Session, invitations: Invitations) -> tuple[Place, tuple[str, ...]]:
    """Return the address for annotators, and sentences that warn of reasons why they may not reach it.

    Raises the errors of :func:`entry_of`.
    """
    if session.profile.host == "local":
        agent = await session.link.ready()
        place = Place(agent.hello.user, agent.hello.hostname, invitations.ssh_port)
        return place, (
            f"labeltui does not know at which address others reach this machine; the text says {place.host}.",
            "The text has no host key, because labeltui does not connect to this machine by SSH.",
        )
    entry = await entry_of(session)
    place = await asyncio.to_thread(_pinned, entry)
    return place, tuple(_warnings(entry, place, await asyncio.to_thread(_proxy, session.profile.ssh)))


def _proxy(ssh: SshSection | None) -> str:
    """Return the ProxyCommand that the operator's ssh uses; empty without one."""
    if ssh is None:
        return ""
    config = None if ssh.config == "none" else Path(ssh.config or "~/.ssh/config").expanduser()
    return resolve(ssh.address, config, None).proxy_command


def _pinned(entry: SshEntry) -> Place:
    known = KnownHosts.read(entry.known_hosts)
    trusted = known.trusted(entry.key_alias or entry.host, "", 22 if entry.key_alias else entry.port)
    keys = dict.fromkeys(_line(key) for _, key in trusted)
    return Place(entry.user, entry.host, entry.port, tuple(keys))


def _line(key: Any) -> str:
    """A public key as ``TYPE KEY``."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def _warnings(entry: SshEntry, place: Place, proxy: str) -> list[str]:
    texts = []
    if entry.jump or proxy:
        texts.append(
            f"You reach the host through {entry.jump or proxy}; annotators need their own path to it."
        )
    if place.host in ("127.0.0.1", "localhost", "::1"):
        texts.append(f"{place.host} is the address of this machine only, so nobody else can use this text.")
    if not place.known_hosts:
        texts.append(
            "labeltui has no key of this host, so the annotator's ssh trusts the first that it sees."
        )
    return texts


def refuse_demo(session: Session) -> None:
    """Raise Failed ``not_allowed`` in a demo, whose host is this machine."""
    if session.store.state.identity.demo:
        raise Failed(
            Code.NOT_ALLOWED, "The demo invites nobody: its pod is a folder on this machine.",
            "Invitations need a profile with a host of its own.",
        )  # fmt: skip
