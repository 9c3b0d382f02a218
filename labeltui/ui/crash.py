"""Reports a crash in a file, without local variables, since they may contain passwords."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

from labeltui import __version__


def report_crash(error: BaseException) -> str:
    """Write the traceback to a file. Returns the text for the terminal, with the traceback if there is no file."""
    try:
        return crash_message(error, write_crash(error))
    except Exception as reason:
        details = "".join(traceback.format_exception(error))
        return (
            f"{details}{crash_message(error, f'the text above, because no file could be written: {reason}')}"
        )


def write_crash(error: BaseException) -> Path:
    """Write the traceback to a new file that only its owner can read. Returns its path."""
    number, name = tempfile.mkstemp(prefix="labeltui-crash-", suffix=".txt")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(f"labeltui {__version__}, Python {sys.version.split()[0]} on {sys.platform}\n\n")
        file.writelines(traceback.format_exception(error))
    return Path(name)


def crash_message(error: BaseException, details: Path | str) -> str:
    """The text that the terminal shows after the console has crashed. ``details`` says where the traceback is."""
    what = "".join(traceback.format_exception_only(error)).strip()
    return (
        f"labeltui stopped because of an error in labeltui: {what}\n"
        f"The details are in {details}. The programs on the host keep running; open labeltui again to see them."
    )
