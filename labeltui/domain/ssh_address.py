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
_WITHOUT_EFFECT = (
    "46AaCfNnqTtvXxYyDLR"  # on how the host is reached; labeltui has its own tunnel and terminal
)


@dataclass(frozen=True, slots=True)
class SshAddress:
    """A host to log in to. None for what ssh's configuration decides."""

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
    foreign = next((name for name in given if name not in "ilpJ"), None)
    if foreign is not None:
        raise _bad(text, f" that labeltui can use: -{foreign} belongs into ssh's configuration")
    if len(rest) != 1:
        raise _bad(text, ": it must name one host and no command")
    place = _place(rest[0], text)
    port = _port(given["p"], text) if "p" in given else place.port
    return SshAddress(place.host, given.get("l") or place.user, port, given.get("i"), given.get("J"))


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
