"""Adds up the sizes of a volume's files.

RunPod's network volumes need this, because their file system reports the size of a whole cluster. Adding up
takes minutes on a network volume with many files. So it is begun at most every ten minutes, by one agent at a
time, and the result is stored in labeltui's folder for every agent.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem, expand, read_json, take_lock, write_json

FILE, LOCK = "disk-sum.json", "disk-sum.lock"
AGAIN_S = 600.0
BLOCK_BYTES = 512  # the unit of st_blocks


def bytes_below(folder: Path) -> int:
    """Return the bytes that the files in a folder take on its file system.

    A file with several names counts once. Files on other file systems, and files that can't be read, do not
    count.
    """
    try:
        device = folder.stat().st_dev
    except OSError:
        return 0
    total, linked, folders = 0, set(), [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if found.st_dev != device:
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(entry.path)
                    elif found.st_nlink > 1:
                        if found.st_ino in linked:
                            continue
                        linked.add(found.st_ino)
                    total += found.st_blocks * BLOCK_BYTES
        except OSError:
            continue
    return total


class DiskSums:
    """The newest sum, and the thread that makes the next one. ``folder`` is labeltui's folder on the host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin_lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def ask(self, path: str, start: bool = True) -> dict[str, Any]:
        """Return the newest sum in bytes (``used``) and its age in seconds; both None before the first.

        Never waits for a sum. With ``start``, begins one in the background if the newest is ten minutes old.
        """
        stored = read_json(self.folder / FILE)
        known = stored if stored.get("path") == path and isinstance(stored.get("used"), int) else {}
        age = time.time() - float(known["at"]) if known else None
        if start and not (age is not None and 0 <= age < AGAIN_S):
            with self.begin_lock:
                if self.thread is None or not self.thread.is_alive():
                    self.thread = threading.Thread(target=self.measure, args=(path,), daemon=True)
                    self.thread.start()
        return {"used": known.get("used"), "age_s": None if age is None else max(0.0, age)}

    def measure(self, path: str) -> None:
        """Sum and store. Does nothing if another agent sums."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = take_lock(self.folder / LOCK, wait_s=0.0)
        except (Problem, OSError):
            return
        try:
            used = bytes_below(expand(path))
            write_json(self.folder / FILE, {"path": path, "used": used, "at": time.time()})
        except OSError:  # a full volume: the next sum may be stored
            return
        finally:
            os.close(lock)

    def join(self) -> None:
        """Wait for the sum that is being made, if any."""
        if self.thread is not None:
            self.thread.join()
