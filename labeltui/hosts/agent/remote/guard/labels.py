"""The labels on disk, and which of them were copied to a desk.

MONAI Label's local datastore stores a label as ``STUDIES/labels/TAG/NAME``. A console acknowledges a copy as
``[path, size, mark]``: the path is below ``STUDIES``, the mark is the file's modification time in nanoseconds or its
SHA-256 in hex. A label whose file has changed since then counts as not copied.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from labeltui.hosts.agent.remote.files import expand, sha256
from labeltui.hosts.agent.remote.labels import label_of, names_on_disk, need_folder

LARGEST_DATASTORE = 64 << 20
UNFINISHED = (".part", ".tmp")
NAMED = 3


def studies_of(record: dict[str, Any], profile: str) -> str:
    """Return the folder or DICOMweb URL of the server with this record, else the profile's.

    The record of an ended server may name a folder in the home of an earlier pod. If that folder is missing,
    return the profile's.
    """
    meta = record.get("meta")
    served = str(meta.get("studies") or "") if isinstance(meta, dict) else ""
    if not served or (not record["live"] and profile and "://" not in served and is_missing(expand(served))):
        return profile
    return served


def is_missing(folder: Path) -> bool:
    """Whether the folder is missing. False if that can't be determined."""
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def on_disk(studies: Path) -> dict[str, tuple[int, int]]:
    """Map each label's path below ``studies`` to its size and modification time in ns.

    Raises OSError if a folder can't be read or the folder of studies is missing.
    """
    need_folder(studies)
    return {
        f"labels/{label.tag}/{label.name}": (label.size, label.mtime_ns)
        for tag, name in names_on_disk(studies)
        if not name.endswith(UNFINISHED) and (label := label_of(studies, tag, name)) is not None
    }


class Labels:
    """Compares the labels on disk with the acknowledged copies. Computes a checksum once per version of a file."""

    kind = "label"

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, int]] | None = None
        self.sums: dict[str, tuple[tuple[int, int], str]] = {}

    def poll(self, studies: Path) -> str | None:
        """Scan the folder. Return text on the newest changed label, such as ``by NAME``; None if none changed."""
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
        """Return the paths of the labels that were not copied to a desk, newest first."""
        files = self.files or {}
        missing = [path for path, state in files.items() if not self.is_copied(studies, path, state, copied)]
        return sorted(missing, key=lambda path: files[path][1], reverse=True)

    def is_copied(self, studies: Path, path: str, state: tuple[int, int], copied: dict[str, Any]) -> bool:
        """Whether this version of the file was copied to a desk."""
        acknowledged = copied.get(path)
        if not isinstance(acknowledged, list) or len(acknowledged) != 2 or acknowledged[0] != state[0]:
            return False
        if isinstance(acknowledged[1], int):
            return bool(acknowledged[1] == state[1])
        known = self.sums.get(path)
        if known is None or known[0] != state:
            known = self.sums[path] = (state, sha256(studies / path))
        return bool(known[1] == acknowledged[1])


def named(paths: list[str]) -> str:
    """List the first labels for the screen, such as ``liver_042 (final), …``."""
    shown = [f"{study_of(path)} ({path.split('/')[1]})" for path in paths[:NAMED]]
    return ", ".join(shown) + (", …" if len(paths) > NAMED else "")


def study_of(path: str) -> str:
    """Return the study's id, which is the file name up to its first dot, as in MONAI Label."""
    return PurePosixPath(path).name.split(".")[0]


def author(studies: Path, path: str) -> str:
    """Return the label's author from the datastore's record. Empty if the record is missing or has no author."""
    file = studies / "datastore_v2.json"
    try:
        if file.stat().st_size > LARGEST_DATASTORE:
            return ""
        objects = json.loads(file.read_bytes())["objects"]
        info = objects[study_of(path)]["labels"][path.split("/")[1]]["info"]
        return str(info.get("client_id") or "")[:64]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
