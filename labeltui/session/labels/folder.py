"""The folder of copies on this machine. One process writes at a time, and no file is ever overwritten."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import INFO, file_name
from labeltui.domain.problems import Failed
from labeltui.domain.studies.study import FINAL_TAG, READING, Submission
from labeltui.session.labels.index import Entry, LabelIndex
from labeltui.support.atomic import move_file, remove_leftovers, write_file
from labeltui.support.file_errors import advice, reason
from labeltui.support.locks import lock_file

SAME = timedelta(seconds=2)  # a label's file and the server's output may date it so far apart
CLOCK_GRAIN_NS = 2_000_000_000  # some file systems keep times to two seconds


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of comparing a copy with the index. ``state`` is ``same``, ``changed`` or ``missing``."""

    entry: Entry
    file: str
    state: str


class LabelFolder:
    """The folder of copies.

    ``TAG/FILE`` is a label's newest version, ``versions/`` has the older ones, and ``index.jsonl`` describes
    both. ``info/`` has the server's documents of the versions.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = LabelIndex(root / "index.jsonl")
        self._mine = asyncio.Lock()

    def ready(self) -> None:
        """Create the folder. Only its owner can read it, because labels are patients' data."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / "incoming").mkdir(exist_ok=True, mode=0o700)

    def has_final(self, study: str, label: Submission) -> bool:
        """Whether a client's final label of a study is here, as the final label or as a reading.

        A copy whose author is not known yet is recognized by its time. Returns False if the index can't be read.
        """
        try:
            self.index.refresh()
        except OSError:
            return False
        return any(
            entry.study == study
            and (entry.tag == FINAL_TAG or entry.tag.startswith(READING))
            and (
                entry.who == label.client
                or (not entry.who and label.at is not None and abs(entry.saved_at - label.at) < SAME)
            )
            for entry, _file in self.index.versions()
        )

    @asynccontextmanager
    async def locked(self, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
        """Lock the folder. ``waiting`` is called once if another labeltui has the lock.

        Raises Failed if the folder can't be written.
        """
        async with self._mine:
            with await self._lock(waiting):
                yield

    async def _lock(self, waiting: Callable[[], None]) -> BinaryIO:
        """Return the locked file. Closing it unlocks the folder."""
        try:
            await asyncio.to_thread(self.ready)
            file = await lock_file(self.root / ".lock", waiting)
        except OSError as error:
            raise self.unusable(error) from None
        try:
            await asyncio.to_thread(remove_leftovers, self.root / "incoming")
            await asyncio.to_thread(self.index.refresh)
        except OSError as error:
            file.close()
            raise self.unusable(error) from None
        except BaseException:
            file.close()
            raise
        return file

    def unusable(self, error: OSError) -> Failed:
        """Explain why no label can be copied to this folder."""
        path = Path(error.filename) if isinstance(error.filename, str) else self.root
        hint = f"{advice(error, path)} Or set [profiles.NAME.labels] folder to another place."
        return Failed(Code.NOT_WRITTEN, f"{self.root} can't be used: {reason(error, path)}.", hint)

    def incoming(self, tag: str, name: str) -> Path:
        """Return the path for a label's download. The path never changes, so that a download can resume."""
        return self.root / "incoming" / (file_name(f"{tag}/{name}"))

    def has_newest(self, entry: Entry) -> bool:
        """Whether the newest copy still has the size and modification time of its entry."""
        try:
            found = (self.root / entry.file).stat()
        except OSError:
            return False
        return found.st_size == entry.size and abs(found.st_mtime_ns - entry.mtime_ns) <= CLOCK_GRAIN_NS

    def info_file(self, entry: Entry) -> Path:
        """The file with the server's document of one version of a label."""
        return self.root / INFO / f"{entry.version_file}.json"

    def is_described(self, entry: Entry) -> bool:
        """Whether the server's document of this version is stored."""
        return self.info_file(entry).exists()

    def describe(self, entry: Entry, info: Mapping[str, Any]) -> None:
        """Store the server's document of this version, and its author in the index. Raises OSError."""
        file = self.info_file(entry)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(file, json.dumps(dict(info)))
        if entry.who:
            self.index.add(entry)

    def info(self, entry: Entry) -> dict[str, Any]:
        """Return the stored document of this version. Empty if there is none."""
        try:
            document = json.loads(self.info_file(entry).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def place(self, arrived: Path, entry: Entry) -> None:
        """Move a complete download to its final path, after moving an older version to ``versions/``.

        Returns once everything is on the disk. Raises OSError.
        """
        target = self.root / entry.file
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(arrived, ns=(entry.mtime_ns, entry.mtime_ns))
        if target.exists():
            self._set_aside(target, entry)
        move_file(arrived, target)
        self.index.add(entry)

    def _set_aside(self, target: Path, entry: Entry) -> None:
        """Move the present file to ``versions/``, even if a person has edited it.

        Does nothing if the file is the same version.
        """
        size, digest = digest_of(target)
        if digest == entry.sha256:
            return
        known = self.index.newest(entry.key)
        old = known if known is not None and known.sha256 == digest else None
        lies = target.stat().st_mtime_ns
        aside = old or Entry(entry.tag, entry.name, entry.study, entry.file, size, digest, lies, "", "")
        place = self.root / aside.version_file
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        move_file(target, place)  # the name contains the checksum, so an existing file has the same content

    def check(self) -> list[Checked]:
        """Compare every copy's checksum with the index."""
        self.index.refresh()
        return [Checked(entry, file, self._state(entry, file)) for entry, file in self.index.versions()]

    def _state(self, entry: Entry, file: str) -> str:
        try:
            _, digest = digest_of(self.root / file)
        except OSError:
            return "missing"
        return "same" if digest == entry.sha256 else "changed"


def digest_of(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 in hex of a local file. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
