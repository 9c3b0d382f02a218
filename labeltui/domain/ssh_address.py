"""Reads an SSH address in the forms in which people have it: ``user@host:port``, a URL, or ssh's command line."""

from __future__ import annotations

import getopt
import shlex
from dataclasses import dataclass

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

SSH_PORT = 22
FORMS = "user@host:port, a Host of ~/.ssh/config, or the ssh command that you would type"
SHELL_CHARACTERS = (
    "'`\"$\\;&<>|(){}"  # a ProxyCommand puts host and user into a shell command, so ssh refuses them too
)
_WITH_ARGUMENT = "BbcDEeFIiJLlmOopQRSWw"
_WITHOUT = "46AaCfGgKkMNnqsTtVvXxYy"
_FOLLOWED = "ilpJ"
_WITHOUT_EFFECT = (
    "afNnqTtvxy"  # labeltui has its own terminal, and forwards neither agent nor windows by itself
)
_CONFIGURED = "belongs in ssh's configuration"
_TUNNEL = "is not needed: labeltui opens the tunnel to the server itself, and forwards no other port"
_NOT_FOLLOWED = {
    **dict.fromkeys("DLR", _TUNNEL),
    **dict.fromkeys("XY", "has no effect: labeltui opens no windows of the host"),
    **dict.fromkeys("46", f"{_CONFIGURED}, as AddressFamily"),
    "A": f"{_CONFIGURED}, as ForwardAgent in a block of this host",
    "C": f"{_CONFIGURED}, as Compression",
}  # what labeltui does not do as such an option asks; dropping it silently would change the connection


@dataclass(frozen=True, slots=True)
class SshAddress:
    """A host to log in to. A field is None if ssh's configuration decides it."""

    host: str
    user: str | None = None
    port: int | None = None
    key: str | None = None
    jump: str | None = None

    @property
    def text(self) -> str:
        """The address as ``user@host:port``, without key and jump host."""
        host = f"[{self.host}]" if self.port and ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


def parse(text: str) -> SshAddress:
    """Read an address. Raises Misused ``bad_address``."""
    words = _words(text)
    if words[:1] != ["ssh"] or len(words) == 1:
        return _place(text.strip(), text)
    try:
        options, rest = getopt.gnu_getopt(
            words[1:], _WITHOUT + "".join(f"{letter}:" for letter in _WITH_ARGUMENT)
        )
    except getopt.GetoptError as error:
        raise _bad(text, f" ({error})") from None
    given = {name[1:]: value for name, value in options if name[1:] not in _WITHOUT_EFFECT}
    if any(name not in _FOLLOWED for name in given):
        raise _foreign(text, options, rest)
    if len(rest) != 1:
        raise _bad(text, ": it must name one host and no command")
    place = _place(rest[0], text)
    port = _port(given["p"], text) if "p" in given else place.port
    return SshAddress(place.host, given.get("l") or place.user, port, given.get("i"), given.get("J"))


def _foreign(text: str, options: list[tuple[str, str]], rest: list[str]) -> Misused:
    """Return the error for options that labeltui does not support.

    It names each with the reason, and the command without them.
    """
    left_out = [(name, value) for name, value in options if name[1:] not in _FOLLOWED + _WITHOUT_EFFECT]
    reasons = ", ".join(
        f"{' '.join(filter(None, one))} {_NOT_FOLLOWED.get(one[0][1:], _CONFIGURED)}" for one in left_out
    )
    followed = [word for one in options if one[0][1:] in _FOLLOWED for word in one]
    return Misused(
        Code.BAD_ADDRESS,
        f"{text!r} is not an SSH address that labeltui can use: {reasons}.",
        f"Leave that out and write: {shlex.join(['ssh', *followed, *rest])}",
    )


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _place(text: str, whole: str) -> SshAddress:
    """Read ``user@host:port`` or ``ssh://user@host:port``. An IPv6 host with a port is in brackets."""
    url = text.lower().startswith("ssh://")
    user, _, place = (text[len("ssh://") :].rstrip("/") if url else text).rpartition("@")
    host, port = place, ""
    if place.startswith("["):
        host, bracket, after = place[1:].partition("]")
        port = after[1:]
        if not bracket or (after and not after.startswith(":")):
            host = ""
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    odd = any(c.isspace() or not c.isprintable() or c in SHELL_CHARACTERS for c in user + host)
    if not host or host.startswith("-") or user.startswith("-") or "/" in host or odd:
        raise _bad(whole)
    return SshAddress(host, user or None, _port(port, whole) if port else None)


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise _bad(whole, f": {text!r} is not a port from 1 to 65535")
    return int(text)


def _bad(text: str, why: str = "") -> Misused:
    return Misused(Code.BAD_ADDRESS, f"{text!r} is not an SSH address{why}.", f"Write {FORMS}.")
