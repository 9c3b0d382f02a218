"""Whether a process of this machine runs."""

from __future__ import annotations

import os

from labeltui.support.desk import WINDOWS

if WINDOWS:
    from labeltui.support.windows_processes import start_of


def runs(pid: int) -> bool:
    """Return whether a process has this id now.

    Windows is asked in another way: there, the signal 0 of :func:`os.kill` is Ctrl-C, which ends a console.
    """
    if WINDOWS:
        return start_of(pid) != ""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
