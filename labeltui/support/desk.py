"""What this desk's operating system has and lacks."""

from __future__ import annotations

import os
import sys

WINDOWS = sys.platform == "win32"
"""True on Windows. mypy treats it as a constant, and checks labeltui once for each value."""


def make_private(descriptor: int, bits: int = 0o600) -> None:
    """Set the permission bits of an open file. On Windows, a file inherits the permissions of its folder instead."""
    if not WINDOWS:
        os.fchmod(descriptor, bits)
