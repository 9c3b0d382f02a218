"""What this desk's operating system has and lacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

WINDOWS = sys.platform == "win32"
"""True on Windows. mypy treats it as a constant, and checks labeltui once for each value."""


_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python puts into LC_CTYPE when it starts with the locale C, so that it may mean that the terminal has ASCII."""


def has_unicode(environment: Mapping[str, str]) -> bool:
    """Return whether the locale has more than ASCII. Without a locale, as in a container, it is taken for UTF-8."""
    ctype = environment.get("LC_CTYPE", "")
    if sys.flags.utf8_mode and ctype in _COERCED:
        ctype = ""
    locale = environment.get("LC_ALL") or ctype or environment.get("LANG") or "UTF-8"
    return "utf" in locale.lower() or WINDOWS


def make_private(descriptor: int, bits: int = 0o600) -> None:
    """Set the permission bits of an open file. On Windows, a file inherits the permissions of its folder instead."""
    if not WINDOWS:
        os.fchmod(descriptor, bits)
