"""Invited annotators: each has an SSH key that may only forward one port to the server."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
RESERVED = ("list", "revoke", "install", "user-xyz")
"""Names that no annotator may have: those of commands, and Slicer's default client id."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """One annotator's invitation. ``name`` is the client id in Slicer, ``key`` the public key without a comment.

    ``installed`` is True if the host has the key. ``connected`` is None if the host does not show which connection
    belongs to whom.
    """

    name: str
    key: str
    since: datetime | None = None
    port: int | None = None
    installed: bool = False
    connected: bool | None = False

    @property
    def words(self) -> str:
        """Text that says whether the annotator has access to the host and is connected."""
        if not self.installed:
            return "not on this host"
        return {True: "connected", False: "not connected", None: "unknown"}[self.connected]


@dataclass(frozen=True, slots=True)
class Invitations:
    """The invitations of the host and those of this desk, by name.

    ``connections`` is the number of SSH connections to the host in which no program runs, as is the case for invited
    annotators; None if unknown. ``sockets`` and ``forwards`` say whether its sshd allows keys to create UNIX sockets
    and to forward ports. ``file`` has the keys.
    """

    all: tuple[Invitation, ...] = ()
    connections: int | None = None
    sockets: bool = False
    forwards: bool = True
    ssh_port: int = 22
    file: str = ""

    @property
    def missing(self) -> tuple[Invitation, ...]:
        """Invitations of this desk whose key the host does not have."""
        return tuple(one for one in self.all if not one.installed)

    @property
    def installed(self) -> tuple[Invitation, ...]:
        """Invitations whose key the host has."""
        return tuple(one for one in self.all if one.installed)

    def find(self, name: str) -> Invitation | None:
        """Return the invitation of a name, ignoring case."""
        return next((one for one in self.all if one.name.lower() == name.lower()), None)

    def unclear(self) -> tuple[str, ...]:
        """A sentence on connections whose owner is unknown."""
        if not any(one.installed and one.connected is None for one in self.all):
            return ()
        return (
            "The host does not show whose its connections are: `ExposeAuthInfo yes` in its sshd_config shows new ones.",
        )

    def warnings(self) -> tuple[str, ...]:
        """Sentences on settings of the host's sshd that weaken an invitation, or prevent its use."""
        texts = []
        if not self.forwards:
            texts.append(
                "The host's sshd forwards no ports, so invitations do not work: see AllowTcpForwarding."
            )
        if self.sockets:
            texts.append(
                "An annotator's key can also create UNIX sockets on the host: nothing in authorized_keys forbids that."
                " `AllowStreamLocalForwarding local` in its sshd_config forbids it for all keys, and below"
                " `Match User NAME` for one user's."
            )
        return tuple(texts)


def checked_name(name: str, own_client_id: str) -> str:
    """Check a name that an annotator shall have, and return it. Raises Misused ``bad_name``."""
    if not _NAME.fullmatch(name):
        raise Misused(
            Code.BAD_NAME, f"{name!r} can't be an annotator's name.",
            "Use up to 32 letters, digits, dots, underscores and hyphens, beginning with a letter or digit.",
        )  # fmt: skip
    if name.lower() in (*RESERVED, own_client_id.lower()):
        raise Misused(
            Code.BAD_NAME, f"{name} can't be an annotator's name, because it has another meaning.",
            "Choose another name, such as the annotator's first name.",
        )  # fmt: skip
    return name


def merged(host: Iterable[Invitation], desk: Iterable[Invitation]) -> tuple[Invitation, ...]:
    """Return the host's invitations, and those of the desk that the host does not have, sorted by name."""
    found = {one.name.lower(): one for one in (*desk, *host)}
    return tuple(found[name] for name in sorted(found))


def names(invitations: Iterable[Invitation]) -> str:
    """The names, separated by commas."""
    return ", ".join(one.name for one in invitations)
