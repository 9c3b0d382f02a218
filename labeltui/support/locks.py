"""Locks a file, so that one process at a time works in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from labeltui.support.desk import WINDOWS

if WINDOWS:
    import msvcrt
else:
    import fcntl

RETRY_S = 0.25


async def lock_file(path: Path, waiting: Callable[[], None] = lambda: None) -> BinaryIO:
    """Lock a file, which is created if it is missing, and return it. Closing it, or the end of the process, unlocks it.

    ``waiting`` is called once if another process has the lock. Raises OSError.
    """
    file = path.open("ab")
    try:
        waited = False
        while not _is_locked(file.fileno()):
            if not waited:
                waited = True
                waiting()
            await asyncio.sleep(RETRY_S)
    except BaseException:
        file.close()
        raise
    return file


def _is_locked(number: int) -> bool:
    try:
        if WINDOWS:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # PermissionError on Windows
        return False
    return True
