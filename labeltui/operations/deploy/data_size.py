"""How much a folder on this machine holds, counted beside the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

TELL_EVERY = 500  # files


@dataclass(frozen=True, slots=True)
class DataSize:
    """Files and bytes of a folder; ``unread`` are entries that could not be looked at."""

    files: int
    bytes: int
    unread: int = 0


Told = Callable[[DataSize], None]
"""Called on the event loop with what was counted so far."""


async def measure(folder: str, told: Told = lambda _: None) -> DataSize:
    """Count a folder and everything below it, not through links. Raises Misused where there is no folder."""
    path = await asyncio.to_thread(_folder, folder)
    loop = asyncio.get_running_loop()
    over = threading.Event()

    def tell(so_far: DataSize) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(told, so_far)

    try:
        return await asyncio.to_thread(_count, path, tell, over)
    finally:
        over.set()  # a cancelled look ends at its next file


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise Misused(
            Code.NO_FOLDER, f"There is no folder {text!r} on this machine.", "Name the folder of the studies."
        )
    return path


def _count(path: Path, tell: Told, over: threading.Event) -> DataSize:
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
                if files and files % TELL_EVERY == 0:
                    tell(DataSize(files, size, unread))
    return DataSize(files, size, unread)
