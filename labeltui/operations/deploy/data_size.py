"""Measures the size of a folder on this machine, in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

REPORT_EVERY = 500  # files


@dataclass(frozen=True, slots=True)
class DataSize:
    """Number of files and bytes in a folder. ``unread`` is the number of entries that could not be read."""

    files: int
    bytes: int
    unread: int = 0


OnProgress = Callable[[DataSize], None]
"""Called on the event loop with the figures so far."""


async def measure(folder: str, progress: OnProgress = lambda _: None) -> DataSize:
    """Count a folder and everything below it. Does not follow links to folders.

    Raises Misused ``no_folder``.
    """
    path = await asyncio.to_thread(_folder, folder)
    loop = asyncio.get_running_loop()
    over = threading.Event()

    def report(so_far: DataSize) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(progress, so_far)

    try:
        return await asyncio.to_thread(_count, path, report, over)
    finally:
        over.set()  # when cancelled, the thread ends at its next file


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise Misused(
            Code.NO_FOLDER,
            f"There is no folder {text!r} on this machine.",
            "Give the folder that holds the studies.",
        )
    return path


def _count(path: Path, report: OnProgress, over: threading.Event) -> DataSize:
    files = size = unread = 0
    folders = [str(path)]
    while folders and not over.is_set():
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            unread += 1
            continue
        with entries:
            for entry in entries:
                if over.is_set():
                    break
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=True):  # studies are often links to an archive
                        files, size = files + 1, size + entry.stat().st_size
                except OSError:
                    unread += 1
                if files and files % REPORT_EVERY == 0:
                    report(DataSize(files, size, unread))
    return DataSize(files, size, unread)
