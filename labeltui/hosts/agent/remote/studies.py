"""Reads the datastore's file of a folder of studies when it changes, and sends the differences.

MONAI Label truncates ``datastore_v2.json`` and writes all of it again at each change; with 100,000 studies it is empty
for a second. A file that changes while it is read, or that is not whole, is read again and never sent.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import stat
import threading
import time
import zlib
from pathlib import Path
from typing import Any, Iterable, Iterator, Tuple

from labeltui.domain.studies.datastore import entry_of
from labeltui.hosts.agent.remote.datastore_text import parse, study_texts
from labeltui.hosts.agent.remote.files import Problem, expand
from labeltui.hosts.agent.remote.tail import open_file
from labeltui.hosts.agent.remote.wire import Send

FILE = "datastore_v2.json"
POLL_S = 0.2
AGAIN_S = 0.02  # until a file that was being written is read again
CONFIRM_S = 2.0  # file systems may round times, so a changed file is read once more after this time
BROKEN_AFTER_S = 10.0  # a file that is not whole, and has not changed for this time, is reported
CHECK_S = 15.0
SIZES_S = 0.05
SIZED_FIRST = 20_000  # a longer list waits for no sizes
LARGEST = 1 << 30
AT_ONCE = 1000  # studies in one message
LEVEL = 3

Stamp = Tuple[int, int, int, int, int]


class NotWhole(Exception):
    """Raised for a file that is being written, so that only a part of it can be read."""


class Datastore:
    """The file of one datastore, as it was last read whole."""

    def __init__(self, studies: str) -> None:
        self.path = Path(expand(studies).absolute(), FILE)
        self.texts: frozenset[bytes] | None = None
        self.end = b""
        self.stamp: Stamp | None = None
        self.confirm_at: float | None = None
        self.broken: tuple[Stamp | None, float] = (None, 0.0)

    def changes(self) -> Iterator[dict[str, Any]]:
        """Yield the entries that were ``changed`` and the ids that have ``gone``, in parts. Nothing if it is unchanged.

        Raises NotWhole, perhaps after some parts; Problem and OSError for a file that can't be read.
        """
        now, stamp = time.monotonic(), stamp_of(self.path.stat())
        if stamp == self.broken[0]:
            raise self.not_whole(stamp)
        if stamp == self.stamp and (self.confirm_at is None or now < self.confirm_at):
            return
        stamp, data = read_whole(self.path)
        known = self.texts or frozenset()
        try:
            texts, end = study_texts(data)
            del data
            fresh = [text for text in texts if text not in known] if known else sorted(texts)
            yield from self.parts(fresh, end, known.difference(texts) if known else ())
        except (ValueError, RecursionError):
            raise self.not_whole(stamp) from None
        confirmed = stamp == self.stamp and not fresh and len(texts) == len(known)
        self.confirm_at = None if confirmed else now + CONFIRM_S
        self.texts, self.end, self.stamp = frozenset(texts), end, stamp

    def parts(self, fresh: list[bytes], end: bytes, gone: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Parse the new texts, and the old ones that have gone. Raises ValueError."""
        names: set[str] = set()
        for texts in pieces(fresh):
            objects = {name: stored for name, stored in parse(texts, end).items() if isinstance(stored, dict)}
            names.update(objects)
            yield {"changed": [entry_of(name, stored) for name, stored in objects.items()]}
        for texts in pieces(list(gone)):
            missing = [name for name in parse(texts, self.end) if name not in names]
            if missing:
                yield {"gone": missing}

    def not_whole(self, stamp: Stamp) -> Exception:
        """Return NotWhole.

        If the file has not changed for 10 s, return a Problem instead, and do not read it again until it
        changes.
        """
        now = time.monotonic()
        if self.broken[0] != stamp:
            self.broken = stamp, now
        if now - self.broken[1] < BROKEN_AFTER_S:
            return NotWhole()
        return Problem(
            "datastore_broken", f"{self.path} {'is not valid JSON' if stamp[2] else 'is empty'}.",
            "The server may have been stopped while it wrote the file. Restore the file from a backup.",
        )  # fmt: skip


def pieces(texts: list[bytes]) -> Iterator[list[bytes]]:
    """Cut a list into lists of at most 1000."""
    for at in range(0, len(texts), AT_ONCE):
        yield texts[at : at + AT_ONCE]


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the times, size and inode of a file, which change when the file is written or replaced."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev


def read_whole(path: Path) -> tuple[Stamp, bytes]:
    """Read a file. Raises NotWhole if it changes meanwhile, Problem if it is too large, and OSError."""
    handle = open_file(str(path))
    if handle is None:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    with os.fdopen(handle, "rb") as file:
        before = stamp_of(os.fstat(handle))
        if before[2] > LARGEST:
            raise Problem("io_error", f"{path} has more than 1 GiB.", "labeltui asks the server instead.")
        data = file.read()
    if len(data) != before[2] or stamp_of(path.stat()) != before:
        raise NotWhole
    return before, data


class Watch:
    """Watches one datastore's file in a thread of its own.

    The states of the file that are sent are numbered. ``attempt`` is the number of the state that was begun
    last, ``state`` the number of the last one that was sent whole.
    """

    def __init__(self, studies: str, key: str, send: Send) -> None:
        self.key, self.send = key, send
        self.datastore = Datastore(studies)
        self.attempt = self.state = self.begun = self.settled = 0
        self.problem: Problem | None = None
        self.ended = False
        self.unsized: list[tuple[str, str]] = []  # ids and extensions of images whose size is to be sent
        self.sizes: dict[str, int] = {}
        self.sizes_changed = False
        self.wake = threading.Event()
        self.turn = threading.Condition()

    def run(self) -> None:
        """Read and send until the watch is ended."""
        while not self.ended:
            self.wake.clear()
            with self.turn:
                self.begun += 1
            whole = self.read()
            if whole and 0 < len(self.unsized) <= SIZED_FIRST:
                self.send_sizes()
            with self.turn:
                self.settled = self.begun if whole else self.settled
                self.turn.notify_all()
            if whole and self.unsized:
                self.send_sizes()
            self.wake.wait(0.0 if whole and self.unsized else POLL_S if whole else AGAIN_S)

    def read(self) -> bool:
        """Read the file and send the changes. Returns False if the file is being written."""
        before, self.problem = self.problem, None
        try:
            self.send_changes()
        except (NotWhole, Problem, OSError) as error:
            if isinstance(error, NotWhole):
                self.problem = before
                return False
            self.problem = error if isinstance(error, Problem) else unreadable(error, self.datastore.path)
        if bool(before) != bool(self.problem):
            self.send({"ev": "studies", "key": self.key}, bulk=True)  # a check returns the problem
        return True

    def send_changes(self) -> None:
        """Send each part of a change, then a message that ends the change. Raises the errors of reading."""
        whole, begun = self.datastore.texts is None, False
        collects = gc.isenabled()
        gc.disable()  # what is made here is freed without it, and its passes would triple the time
        try:
            for part in self.datastore.changes():
                self.attempt, begun = self.attempt + (not begun), True
                self.send(self.message(whole, part), bulk=True)
                self.unsized += [(one[0], one[3]) for one in part.get("changed", ()) if len(one) > 3]
                for study in part.get("gone", ()):
                    self.sizes.pop(study, None)
        finally:
            if collects:
                gc.enable()
        if begun or (whole and self.datastore.texts is not None):
            self.attempt += not begun
            self.send({**self.message(whole, {}), "last": True}, bulk=True)
            self.state = self.attempt

    def message(self, whole: bool, part: dict[str, Any]) -> dict[str, Any]:
        """Build one message, numbered with the present ``attempt``."""
        return {"ev": "studies", "key": self.key, "state": self.attempt, "whole": whole,
                "data": packed(part), "last": False}  # fmt: skip

    def send_sizes(self) -> None:
        """Send the sizes that can be read in a moment; a network volume may need a millisecond for each image."""
        found: dict[str, int | None] = {}
        until, folder, done = time.monotonic() + SIZES_S, self.datastore.path.parent, 0
        while done < len(self.unsized) and (not done or time.monotonic() < until):
            study, extension = self.unsized[done]
            found[study] = size_of(folder, study + extension)
            done += 1
        del self.unsized[:done]
        changed = {study: size for study, size in found.items() if size not in (None, self.sizes.get(study))}
        self.sizes.update({study: size for study, size in changed.items() if size is not None})
        self.sizes_changed |= bool(changed)
        if self.sizes_changed:
            last = not self.unsized
            self.sizes_changed = not last
            self.send({"ev": "studies", "key": self.key, "sizes": packed(changed), "last": last}, bulk=True)

    def check(self) -> dict[str, Any]:
        """Read the file now. Returns the number of the newest state that was sent whole. Raises Problem."""
        with self.turn:
            wanted = self.begun + 1
            self.wake.set()
            if not self.turn.wait_for(lambda: self.settled >= wanted, CHECK_S):
                raise Problem(
                    "agent_slow", f"{self.datastore.path} could not be read whole within {CHECK_S:g} s."
                )
            if self.problem is not None:
                raise self.problem
            return {"state": self.state}

    def end(self) -> None:
        """End the watch after the present read."""
        self.ended = True
        self.wake.set()


def packed(document: dict[str, Any]) -> str:
    """Compress a document for a message."""
    data = zlib.compress(json.dumps(document, separators=(",", ":")).encode("ascii"), LEVEL)
    return base64.b64encode(data).decode("ascii")


def size_of(folder: Path, name: str) -> int | None:
    """Return the size of a file in bytes; None if there is no such file."""
    try:
        found = (folder / name).stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def unreadable(error: OSError, path: Path) -> Problem:
    """Say why the file can't be read."""
    if isinstance(error, FileNotFoundError):
        return Problem(
            "not_found", f"There is no {path}.", "The server writes it when it finds the first study."
        )
    return Problem(
        "io_error", f"{path}: {error.strerror or error}.", "Check the file and the disk of the host."
    )


class Studies:
    """The watched datastore of this console; at most one."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.newest: Watch | None = None

    def watch(self, studies: str, key: str) -> dict[str, Any]:
        """Send all studies, then the changes. Ends an earlier watch."""
        earlier, self.newest = self.newest, Watch(studies, key, self.send)
        if earlier is not None:
            earlier.end()
        threading.Thread(target=self.newest.run, daemon=True).start()
        return {}

    def unwatch(self, key: str) -> dict[str, Any]:
        """End the watch with this key, unless a later one has replaced it."""
        if self.newest is not None and self.newest.key == key:
            self.newest.end()
            self.newest = None
        return {}

    def check(self, key: str) -> dict[str, Any]:
        """Read the file of the present watch now, as ``Watch.check`` does."""
        watch = self.newest
        if watch is None or watch.key != key:
            raise Problem("not_found", "The datastore is not watched any more.", "Try again.")
        return watch.check()
