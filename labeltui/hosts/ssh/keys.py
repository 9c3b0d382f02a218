"""The known host keys, each with the file and line that it comes from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncssh import import_known_hosts

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.ssh_address import SSH_PORT
from labeltui.hosts.base import HostKey
from labeltui.support.desk import make_private


def algorithm(key: Any) -> str:
    """The type of a key, such as ``ssh-ed25519``."""
    return str(key.get_algorithm())


@dataclass(slots=True)
class KnownHosts:
    """The entries of several known_hosts files, each with its file and line. Invalid lines are skipped."""

    entries: list[tuple[str, Any]] = field(default_factory=list)  # ("FILE, line N", asyncssh.SSHKnownHosts)

    @classmethod
    def read(cls, paths: Sequence[Path]) -> KnownHosts:
        """Read the files that exist. Raises Failed if one exists and can't be read."""
        known = cls()
        for path in dict.fromkeys(paths):
            try:
                text = path.read_text("utf-8", "replace")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Failed(
                    Code.KNOWN_HOSTS,
                    f"{path} can't be read: {error.strerror}.",
                    "Correct the permissions of this file.",
                ) from None
            for number, line in enumerate(text.splitlines(), 1):
                try:
                    known.entries.append((f"{path}, line {number}", import_known_hosts(line)))
                except ValueError:
                    continue
        return known

    def trusted(self, name: str, address: str, port: int) -> list[tuple[str, Any]]:
        """File, line and key of every entry with exactly this name or address and this port."""
        return [(place, key) for place, found in self._found(name, address, port) for key in found[0]]

    def _found(self, name: str, address: str, port: int) -> list[tuple[str, Any]]:
        names = [f"[{one}]:{port}" if port != SSH_PORT else one for one in (name, address) if one]
        return [
            (place, entry.match(one, "", None))
            for place, entry in self.entries
            for one in dict.fromkeys(names)
        ]

    def lists(self, name: str, address: str, port: int) -> tuple[list[Any], ...]:
        """The seven lists that asyncssh asks for: trusted, CA and revoked keys, and the same for X.509.

        As in OpenSSH, a key without a port is accepted for every port that has no entry of its own.
        """
        merged: tuple[list[Any], ...] = ([], [], [], [], [], [], [])
        for where in (port, SSH_PORT):
            for _, found in self._found(name, address, where):
                for known, more in zip(merged, found, strict=True):
                    known.extend(more)
            if merged[0] or merged[1]:
                break
        return merged


def changed(key: Any, old: Sequence[tuple[str, Any]], shown: str) -> Refused:
    """Return Refused ``host_key_changed`` for a host whose key differs from the stored one.

    Its detail is the fingerprint of the key that the host showed.
    """
    place, before = old[0]
    return Refused(
        Code.HOST_KEY_CHANGED,
        f"The key of {shown} has changed: {algorithm(before)} {before.get_fingerprint()} is stored ({place}), "
        f"but the host showed {algorithm(key)} {key.get_fingerprint()}.",
        "If the machine was rebuilt, compare the new key there and delete the stored line. Otherwise do not connect.",
        str(key.get_fingerprint()),
    )


def shown_key(key: Any, shown: str) -> HostKey:
    """Convert a key to the HostKey that the operator is asked about."""
    return HostKey(shown, algorithm(key), key.get_fingerprint())


def known_hosts_line(name: str, port: int, key: Any) -> str:
    """The line of a known_hosts file that trusts the key, without its line end."""
    host = name if port == SSH_PORT else f"[{name}]:{port}"
    return f"{host} {key.export_public_key('openssh').decode().strip()}"


def remember(path: Path, name: str, port: int, key: Any) -> None:
    """Append a key to a known_hosts file with mode 0600. Raises Failed."""
    line = f"{known_hosts_line(name, port, key)}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            make_private(descriptor)
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Failed(
            Code.KNOWN_HOSTS,
            f"{path} can't be written: {error.strerror}.",
            "Correct the permissions of this file.",
        ) from None
