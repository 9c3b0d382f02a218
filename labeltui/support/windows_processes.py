"""Whether a process of Windows still runs, and when it began."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes

QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
STILL_ACTIVE = 259


def is_running(pid: int, start: str) -> bool:
    """Whether the recorded process still runs; another process with the same id does not count."""
    return start != "" and start_of(pid) == start


def start_of(pid: int) -> str:
    """Return when a process began, in 100 ns since 1601. Empty if it has ended."""
    code = wintypes.DWORD()
    began, ended, kernel, user = (wintypes.FILETIME() for _ in range(4))
    times = tuple(ctypes.byref(one) for one in (began, ended, kernel, user))
    with _opened(pid) as handle:
        if handle is None:
            return ""
        system = ctypes.windll.kernel32
        runs = system.GetExitCodeProcess(handle, ctypes.byref(code)) and code.value == STILL_ACTIVE
        if not runs or not system.GetProcessTimes(handle, *times):
            return ""
        return str((began.dwHighDateTime << 32) + began.dwLowDateTime)


@contextmanager
def _opened(pid: int) -> Iterator[wintypes.HANDLE | None]:
    system = ctypes.windll.kernel32
    system.OpenProcess.restype = wintypes.HANDLE
    opened = system.OpenProcess(QUERY, False, pid)
    handle = wintypes.HANDLE(opened) if opened else None
    try:
        yield handle
    finally:
        if handle is not None:
            system.CloseHandle(handle)
