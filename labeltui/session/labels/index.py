"""The index of the copies: a file of JSON lines, one for each copied version. Lines are only appended."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from labeltui.domain.labels.names import is_inside, label_path, version_path

BY_CHECKSUM, BY_SIZE = "sha256", "size"


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one label.

    ``file`` is the label's path in the folder of copies, where this version is stored while it is the newest.
    ``mtime_ns`` is by the host's clock, ``copied_at`` (ISO 8601) by this machine's clock. ``damage`` describes
    the damage to the label's content; empty for a sound label.
    """

    tag: str
    name: str
    study: str
    file: str
    size: int
    sha256: str
    mtime_ns: int
    source: str
    copied_at: str
    who: str = ""
    check: str = BY_CHECKSUM
    damage: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Tag and file name, which identify the label."""
        return self.tag, self.name

    @property
    def saved_at(self) -> datetime:
        """The time at which the label was submitted, by the host's clock."""
        try:
            return datetime.fromtimestamp(self.mtime_ns / 1e9, UTC)
        except (ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(0, UTC)

    @property
    def version_file(self) -> str:
        """The path of this version in the folder once a newer version exists."""
        return version_path(self.file, self.saved_at, self.sha256)


class LabelIndex:
    """The entries that were read so far. :meth:`refresh` reads entries that another labeltui has added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()  # copies are placed in threads
        self._forget()

    def _forget(self) -> None:
        self._read = 0
        self._last: dict[tuple[str, str, str], Entry] = {}  # newest entry by source, tag and name
        self._versions: dict[tuple[str, str], list[Entry]] = {}  # oldest first
        self._files: dict[str, tuple[str, str]] = {}  # label by case-folded path

    def refresh(self) -> None:
        """Read the lines that were added. Skips a line that a crash left incomplete."""
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    if os.fstat(file.fileno()).st_size < self._read:
                        self._forget()  # another file: the entries of the old one may not be in it
                    file.seek(self._read)
                    data = file.read()
            except FileNotFoundError:
                self._forget()
                return
            whole = data.rpartition(b"\n")[0]
            self._read += len(whole) + 1 if whole else 0
            for line in whole.splitlines():
                entry = _entry(line)
                if entry is not None:
                    self._take(entry)

    def _take(self, entry: Entry) -> None:
        self._last[entry.source, *entry.key] = entry
        versions = self._versions.setdefault(entry.key, [])
        if not versions or versions[-1].sha256 != entry.sha256:
            versions.append(entry)
        elif entry.who and not versions[-1].who:
            versions[-1] = replace(versions[-1], who=entry.who)  # the author became known after the copy
        self._files[entry.file.casefold()] = entry.key

    def add(self, entry: Entry) -> None:
        """Append an entry, and wait until it is on the disk. Raises OSError."""
        with self._lock:
            self.refresh()
            line = json.dumps(asdict(entry)).encode() + b"\n"
            with self.path.open("ab") as file:
                torn = file.tell() > self._read  # the last line has no line feed, so begin a new line
                file.write((b"\n" if torn else b"") + line)
                file.flush()
                os.fsync(file.fileno())
            self.refresh()

    def last_copied(self, source: str, key: tuple[str, str]) -> Entry | None:
        """Return the newest version that was copied from that source; None if there is none."""
        return self._last.get((source, *key))

    def newest(self, key: tuple[str, str]) -> Entry | None:
        """Return the version that is stored under the label's own name; None if the label was never copied."""
        versions = self._versions.get(key)
        return versions[-1] if versions else None

    def file_of(self, entry: Entry) -> str:
        """Return the path of a version in the folder now. A newer version moves it."""
        newest = self.newest(entry.key)
        return entry.file if newest is not None and newest.sha256 == entry.sha256 else entry.version_file

    def versions(self) -> list[tuple[Entry, str]]:
        """Yield every version with the path of its file, grouped by label, oldest first."""
        return [
            (entry, entry.file if index == len(versions) - 1 else entry.version_file)
            for versions in self._versions.values()
            for index, entry in enumerate(versions)
        ]

    def file_for(self, key: tuple[str, str]) -> str:
        """Return the path of a label in the folder: its present path, or an unused one for a new label.

        Two paths that differ only in case are treated as the same, because some file systems do so.
        """
        known = self.newest(key)
        if known is not None:
            return known.file
        path = label_path(*key)
        if self._files.get(path.casefold(), key) != key:
            path = label_path(*key, taken=(path.casefold(),))
        self._files.setdefault(path.casefold(), key)  # reserved for labels that arrive at the same time
        return path


def _entry(line: bytes) -> Entry | None:
    try:
        document = json.loads(line)
        entry = Entry(**{name: document[name] for name in Entry.__dataclass_fields__ if name in document})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = (entry.tag, entry.name, entry.file, entry.sha256, entry.source, entry.damage)
    sound = (
        all(isinstance(text, str) for text in texts)
        and isinstance(entry.size, int)
        and isinstance(entry.mtime_ns, int)
    )
    return entry if sound and is_inside(entry.file) else None
