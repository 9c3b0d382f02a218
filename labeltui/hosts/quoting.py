"""Paths and commands as a host's shell must read them."""

from __future__ import annotations

import re
import shlex

_USER = re.compile(r"~[A-Za-z0-9._-]*\Z")


def quote_path(path: str) -> str:
    """A path as one word of a POSIX shell. A leading ``~`` or ``~user`` is expanded on the host.

    Nothing else is.
    """
    head, slash, rest = path.partition("/")
    if not _USER.match(head):
        return shlex.quote(path)
    home = '"$HOME"' if head == "~" else head
    return home + slash + (shlex.quote(rest) if rest else "")


def posix(command: str) -> str:
    """A POSIX shell command line in words that any login shell (fish, csh, ...) hands on unchanged."""
    return f"exec /bin/sh -c {shlex.quote(command)}"
