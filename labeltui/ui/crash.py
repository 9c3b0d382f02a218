"""Writes the traceback of a crash to a file, without local variables, since they may contain passwords."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

from labeltui import __version__


def write_crash(error: BaseException) -> Path:
    """Write the traceback to a new file that only its owner can read. Returns its path."""
    number, name = tempfile.mkstemp(prefix="labeltui-crash-", suffix=".txt")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(f"labeltui {__version__}, Python {sys.version.split()[0]} on {sys.platform}\n\n")
        file.writelines(traceback.format_exception(error))
    return Path(name)


def crash_message(error: BaseException, path: Path) -> str:
    """The text that the terminal shows after the console has crashed."""
    what = "".join(traceback.format_exception_only(error)).strip()
    return (
        f"labeltui stopped because of a fault of its own: {what}\n"
        f"The details are in {path}. What runs on the host keeps running; open labeltui again to see it."
    )
