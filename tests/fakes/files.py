"""The files of a host, in a dictionary."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class MemoryFile:
    """One file. ``number`` is its inode, which changes with a rotation."""

    data: bytes
    mtime_ns: int
    number: int

    @property
    def file_id(self) -> str:
        return f"m-{self.number}"


class Files:
    """Files by absolute path.

    A folder exists if it has an entry or was created. ``home`` replaces ``~``. ``now_ns`` returns the
    modification time of a written file.
    """

    def __init__(self, home: str, now_ns: Callable[[], int]) -> None:
        self.home = home
        self.folders: set[str] = {"/", home}
        self._files: dict[str, MemoryFile] = {}
        self._now_ns = now_ns
        self._numbers = itertools.count(1)
        self._watchers: list[Callable[[str], None]] = []

    def expand(self, path: str) -> str:
        """Return the absolute path for one that may begin with ``~``."""
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        return path.rstrip("/") or "/"

    def get(self, path: str) -> MemoryFile | None:
        return self._files.get(self.expand(path))

    def read(self, path: str) -> bytes:
        """Return a file's content. Raises KeyError if it is missing."""
        return self._files[self.expand(path)].data

    def write(self, path: str, data: bytes, *, mtime_ns: int | None = None) -> None:
        """Replace a file, with a new inode."""
        where = self.expand(path)
        at = self._now_ns() if mtime_ns is None else mtime_ns
        self._files[where] = MemoryFile(data, at, next(self._numbers))
        self._changed(where)

    def append(self, path: str, data: bytes) -> None:
        """Append to a file; create it if it is missing."""
        where = self.expand(path)
        file = self._files.get(where)
        if file is None:
            self.write(where, data)
            return
        file.data += data
        file.mtime_ns = self._now_ns()
        self._changed(where)

    def remove(self, path: str) -> None:
        self._files.pop(self.expand(path), None)
        self._changed(self.expand(path))

    def is_folder(self, path: str) -> bool:
        where = self.expand(path)
        return where in self.folders or any(name.startswith(where.rstrip("/") + "/") for name in self._files)

    def names(self, folder: str) -> list[str]:
        """Names in a folder, sorted."""
        prefix = self.expand(folder).rstrip("/") + "/"
        paths = [*self._files, *self.folders]
        return sorted(
            {path[len(prefix) :].partition("/")[0] for path in paths if path.startswith(prefix)} - {""}
        )

    def sha256(self, path: str) -> str | None:
        """Return the SHA-256 of a file in hex; None if it is missing."""
        file = self.get(path)
        return None if file is None else hashlib.sha256(file.data).hexdigest()

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Call this with the path of each file that changes."""
        self._watchers.append(watcher)

    def _changed(self, path: str) -> None:
        for watcher in self._watchers:
            watcher(path)
