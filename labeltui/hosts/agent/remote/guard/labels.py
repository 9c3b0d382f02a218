"""The labels on disk, and which of them a desk has: as MONAI Label's local datastore keeps them.

``STUDIES/labels/TAG/NAME``. A copy is acknowledged by a console as ``[path, size, mark]`` with the path below
``STUDIES`` and, as the mark, the file's modification time in nanoseconds or its SHA-256 in hex. A label whose file
is another one since is not copied.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from labeltui.hosts.agent.remote.files import sha256
from labeltui.hosts.agent.remote.labels import label_of, names_on_disk

LARGEST_DATASTORE = 64 << 20
UNFINISHED = (".part", ".tmp")
NAMED = 3


def on_disk(studies: Path) -> dict[str, tuple[int, int]]:
    """Size and modification time in ns of each label, by its path below ``studies``. OSError: it can't be read."""
    return {
        f"labels/{label.tag}/{label.name}": (label.size, label.mtime_ns)
        for tag, name in names_on_disk(studies)
        if not name.endswith(UNFINISHED) and (label := label_of(studies, tag, name)) is not None
    }


class Labels:
    """Compares what is there with what was acknowledged; checksums are computed once for each state of a file."""

    kind = "label"

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, int]] | None = None
        self.sums: dict[str, tuple[tuple[int, int], str]] = {}

    def look(self, studies: Path) -> str | None:
        """Scan the folder; returns words for a label that is new or another one since the last look."""
        before, self.files = self.files, on_disk(studies)
        if before is None:
            return None
        fresh = [path for path, state in self.files.items() if before.get(path) != state]
        if not fresh:
            return None
        newest = max(fresh, key=lambda path: self.files[path][1] if self.files else 0)
        who = author(studies, newest)
        return f"by {who}" if who else f"of {study_of(newest)}"

    def uncopied(self, studies: Path, copied: dict[str, Any]) -> list[str]:
        """Paths of the labels that no desk has, the newest first."""
        files = self.files or {}
        missing = [path for path, state in files.items() if not self.is_copied(studies, path, state, copied)]
        return sorted(missing, key=lambda path: files[path][1], reverse=True)

    def is_copied(self, studies: Path, path: str, state: tuple[int, int], copied: dict[str, Any]) -> bool:
        """Whether a desk has this very file."""
        told = copied.get(path)
        if not isinstance(told, list) or len(told) != 2 or told[0] != state[0]:
            return False
        if isinstance(told[1], int):
            return bool(told[1] == state[1])
        known = self.sums.get(path)
        if known is None or known[0] != state:
            known = self.sums[path] = (state, sha256(studies / path))
        return bool(known[1] == told[1])


def named(paths: list[str]) -> str:
    """A few of them as a person reads them: ``liver_042 (final), …``."""
    shown = [f"{study_of(path)} ({path.split('/')[1]})" for path in paths[:NAMED]]
    return ", ".join(shown) + (", …" if len(paths) > NAMED else "")


def study_of(path: str) -> str:
    """The study's id: the file name up to its first dot, as MONAI Label takes it."""
    return PurePosixPath(path).name.split(".")[0]


def author(studies: Path, path: str) -> str:
    """Who submitted a label, by the datastore's own record; empty when it does not tell."""
    file = studies / "datastore_v2.json"
    try:
        if file.stat().st_size > LARGEST_DATASTORE:
            return ""
        objects = json.loads(file.read_bytes())["objects"]
        info = objects[study_of(path)]["labels"][path.split("/")[1]]["info"]
        return str(info.get("client_id") or "")[:64]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
