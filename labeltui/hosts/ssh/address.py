"""Resolves an SSH address: ``user@host:port`` or a ``Host`` of ssh's configuration."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeltui.domain.ssh_address import SSH_PORT, parse
from labeltui.hosts.ssh.client_config import ClientConfig, read_config
from labeltui.support.desk import WINDOWS

OPENSSH_PIPE = r"\\.\pipe\openssh-ssh-agent"
"""Where OpenSSH's agent answers on Windows."""
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


@dataclass(frozen=True, slots=True)
class Target:
    """One machine to log in to, with its settings in ssh's configuration.

    ``alias`` is the typed name; ``known_as`` the name in known_hosts; ``agent`` the path of the agent's socket,
    empty for none. With ``identities_only``, only those of the agent's keys are offered that ``identities``
    name. ``chosen`` is True if the operator chose the identities, False for ssh's default files.
    ``forward_agent`` is True, False or the path of the agent's socket; ``settings`` has all settings of the
    host.
    """

    alias: str
    host: str
    port: int
    user: str
    known_as: str
    identities: tuple[Path, ...]
    identities_only: bool
    agent: str
    jump: str | None
    known_hosts: tuple[Path, ...]
    settings: ClientConfig
    known_port: int = SSH_PORT  # the port in its entry of known_hosts
    chosen: bool = False
    certificates: tuple[Path, ...] = ()
    forward_agent: bool | str = False
    proxy_command: str = ""

    @property
    def shown(self) -> str:
        """The address as a person writes it."""
        return f"{self.user}@{self.host}" + ("" if self.port == SSH_PORT else f":{self.port}")


def resolve(address: str, config: Path | None, key: Path | None) -> Target:
    """Resolve ``address`` as ssh would.

    If ``key`` is given, no other key is used, not even one of the agent. Raises Misused with code
    ``bad_address`` or ``ssh_config``.
    """
    given = parse(address)
    alias = given.host
    settings = read_config(config, alias, given.user, given.port)
    if key is None and given.key is not None:
        key = Path(given.key).expanduser()
    get: Any = settings.get
    files = get("IdentityFile")
    identities = (key,) if key is not None else tuple(_files(files))
    chosen = key is not None or files is not None  # "none" is a choice too
    if not chosen:
        identities = tuple(Path("~/.ssh", name).expanduser() for name in DEFAULT_IDENTITIES)
    agent = _agent(get("IdentityAgent", "SSH_AUTH_SOCK"))
    jump = given.jump or get("ProxyJump")
    host = str(get("Hostname", alias))
    return Target(
        alias=alias,
        host=host,
        port=int(str(get("Port", SSH_PORT))),
        user=str(get("User", "") or getpass.getuser()),
        known_as=str(get("HostKeyAlias") or host),
        identities=identities,
        identities_only=key is not None or bool(get("IdentitiesOnly")),
        agent=agent,
        jump=None if not jump or str(jump).lower() == "none" else str(jump),
        known_hosts=tuple(_files(get("UserKnownHostsFile", ()))),
        settings=settings,
        known_port=int(str(get("Port", SSH_PORT))),
        chosen=chosen,
        certificates=tuple(_files(get("CertificateFile", ()))),
        forward_agent=get("ForwardAgent", False),
        proxy_command=get("ProxyCommand") or "",
    )


def _files(names: Any) -> Sequence[Path]:
    listed = [names] if isinstance(names, str) else list(names or ())
    return [Path(str(name)).expanduser() for name in listed if str(name).lower() != "none"]


def _agent(value: Any) -> str:
    """The path of the agent's socket for a value of IdentityAgent, which may name an environment variable."""
    name = str(value or "")
    if name == "SSH_AUTH_SOCK" or name.startswith("$"):
        return os.environ.get(name.removeprefix("$"), OPENSSH_PIPE if WINDOWS else "")
    return str(Path(name).expanduser()) if name else ""
