"""Quotes paths and commands for the shell of a host."""

from __future__ import annotations

import re
import shlex

_USER = re.compile(r"~[A-Za-z0-9._-]*\Z")
# Between single quotes csh expands "!" and ends at a newline, and fish takes a backslash for an escape.
_SAME_IN_ANY_SHELL = re.compile(r"[ -~]*\Z")
_DIFFERENT = frozenset("'\\!")
_PLAIN = frozenset(b" @+=:,./-_;|&<>(){}[]~#^?*") | frozenset(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)


def quote_path(path: str) -> str:
    """Quote a path as one word of a POSIX shell. The host expands a leading ``~`` or ``~user``, and nothing else."""
    head, slash, rest = path.partition("/")
    if not _USER.match(head):
        return shlex.quote(path)
    home = '"$HOME"' if head == "~" else head
    return home + slash + (shlex.quote(rest) if rest else "")


def posix(command: str) -> str:
    """Quote a POSIX shell command line so that any login shell (bash, dash, fish, tcsh) passes it on unchanged.

    Returns one line.
    """
    if _SAME_IN_ANY_SHELL.match(command) and not _DIFFERENT & set(command):
        return f"exec /bin/sh -c '{command}'"
    octal = "".join(
        chr(byte) if byte in _PLAIN else "%%" if byte == ord("%") else f"\\{byte:03o}"
        for byte in command.encode("utf-8", "surrogateescape")
    )
    return f"""exec /bin/sh -c 'eval "$(printf "{octal}")"'"""
