"""Sends the content of files as they grow, and follows logs through their rotations."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import stat
import threading
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import expand
from labeltui.hosts.agent.remote.wire import Send

HEAD = 256  # bytes at the beginning of a log that identify it
DISTINCTIVE = 48  # bytes of the head that are needed to recognise a rotated copy
ROTATIONS = 100
CHUNK = 65536
WINDOW = 8 * CHUNK
POLL_S = 0.2


def head_of(handle: int, count: int) -> tuple[int, str]:
    """Return length and digest of a file's first bytes, at most ``count``. They identify a log."""
    head = os.pread(handle, count, 0)
    return len(head), hashlib.sha256(head).hexdigest()[:12] if head else ""


def inode_of(found: os.stat_result) -> str:
    """Return device and inode as text."""
    return f"{found.st_dev:x}-{found.st_ino:x}"


def identify(handle: int, generation: int = 0) -> str:
    """Return the ``file_id`` of an open file: device, inode, number of truncations, and its head."""
    count, digest = head_of(handle, HEAD)
    return f"{inode_of(os.fstat(handle))}.{generation}.{count}.{digest}"


def parts_of(file_id: str | None) -> tuple[str, int, int, str]:
    """Split a ``file_id``: device and inode, number of truncations, length of the head, its digest."""
    inode, generation, count, digest = ((file_id or "").split(".") + [""] * 4)[:4]
    return (
        inode, int(generation) if generation.isdigit() else 0, int(count) if count.isdigit() else 0, digest
    )  # fmt: skip


def open_file(path: str) -> int | None:
    """Open a regular file. None if it is missing. Raises OSError if it is not a regular file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a file", path)
    return handle


def rotated(path: str) -> list[str]:
    """List the rotated files of a log, newest (``path.1``) first."""
    names: list[str] = []
    while len(names) < ROTATIONS and Path(f"{path}.{len(names) + 1}").is_file():
        names.append(f"{path}.{len(names) + 1}")
    return names


class Follow:
    """Follows one log through its rotations.

    Offsets count from the beginning of the file that ``file_id`` names. A file that was renamed, or copied and
    truncated, is found among ``path.1``, ``path.2``... It is read to its end, then the newer files, then
    ``path``. A chunk is ``torn`` if bytes between the previous chunk and this one are no longer on the disk.
    """

    def __init__(self, path: str, key: str, offset: int, file_id: str | None) -> None:
        self.path, self.key, self.offset = path, key, offset
        self.wanted_id = file_id
        self.handle: int | None = None
        self.file_id = ""
        self.archived = self.torn = False
        self.unacked = 0
        self.end_sent = False

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def step(self) -> dict[str, Any] | None:
        """Return the next chunk to send. None if there is nothing new. Raises OSError if the file can't be read."""
        try:
            return self.next_chunk()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
        self.wanted_id = self.file_id  # the network volume lost the handle; the file may still exist
        self.close()
        return self.next_chunk()

    def next_chunk(self) -> dict[str, Any] | None:
        """Return the next chunk. Raises OSError, also for a stale file handle."""
        while self.unacked < WINDOW:
            if self.handle is None:
                self.open()
            handle = self.handle
            if handle is None:
                return self.end_chunk()
            if self.is_rewritten(handle):
                self.emptied(handle)
                continue
            data = os.pread(handle, CHUNK, self.offset)
            if not data and (self.archived or self.is_replaced(handle)):
                # Bytes may have been written between the read above and the check of the path.
                data = os.pread(handle, CHUNK, self.offset)
                if not data:
                    self.go_on(handle)
                    continue
            return self.chunk(handle, data) if data else self.end_chunk()
        return None

    def open(self) -> None:
        """Open the wanted file, or else the file at the path. ``handle`` stays None if neither exists."""
        wanted, self.wanted_id = self.wanted_id, None
        if wanted and self.find(wanted):
            return
        handle = open_file(self.path)
        if handle is None:
            self.wanted_id = wanted
            return
        inode, generation = parts_of(wanted)[:2]
        fresh = identify(handle)
        self.take(handle, identify(handle, generation + 1) if parts_of(fresh)[0] == inode else fresh)
        if wanted or self.offset > os.fstat(handle).st_size:
            self.torn = self.offset > 0
            self.offset = 0

    def find(self, file_id: str) -> bool:
        """Continue with the file that was read up to ``offset``, even if it was renamed.

        Returns False if that file is gone.
        """
        inode, _, count, digest = parts_of(file_id)
        for same in (True, False):
            for path in [self.path, *rotated(self.path)]:
                handle = open_file(path)
                if handle is None:
                    continue
                found = os.fstat(handle)
                is_it = inode_of(found) == inode if same else count >= DISTINCTIVE
                if is_it and found.st_size >= self.offset and head_of(handle, count) == (count, digest):
                    self.take(handle, file_id, archived=path != self.path)
                    return True
                os.close(handle)
        return False

    def take(self, handle: int, file_id: str, archived: bool = False) -> None:
        """Continue with the file that ``handle`` has open."""
        self.close()
        self.handle, self.file_id, self.archived, self.end_sent = handle, file_id, archived, False

    def is_rewritten(self, handle: int) -> bool:
        """Whether the file was truncated in place. It may have grown again since."""
        size = os.fstat(handle).st_size
        _, _, count, digest = parts_of(self.file_id)
        return size < self.offset or head_of(handle, count) != (count, digest)

    def emptied(self, handle: int) -> None:
        """Continue in the rotated copy if there is one, then with the file from its start."""
        generation = parts_of(self.file_id)[1]
        if not self.archived and self.find(self.file_id):
            return
        self.take(os.dup(handle), identify(handle, generation + 1))
        self.offset, self.torn = 0, self.offset > 0

    def go_on(self, handle: int) -> None:
        """Continue with the next newer file."""
        here, names = inode_of(os.fstat(handle)), rotated(self.path)
        after = self.path
        for index, name in enumerate(names):
            try:
                found = Path(name).stat()
            except OSError:
                continue  # the file is being renamed
            if inode_of(found) == here:
                after = names[index - 1] if index else self.path
        self.close()
        self.offset, self.file_id = 0, ""
        newer = open_file(after)
        if newer is not None:
            self.take(newer, identify(newer), archived=after != self.path)

    def is_replaced(self, handle: int) -> bool:
        """Whether the path leads to another file than the one that is open."""
        try:
            there = Path(self.path).stat()
        except OSError:
            return False  # renamed without a new file yet, so the writer may still use the old one
        return inode_of(there) != inode_of(os.fstat(handle))

    def chunk(self, handle: int, data: bytes) -> dict[str, Any]:
        """Build the event for bytes that were read."""
        if not self.offset and not parts_of(self.file_id)[2]:  # the file was empty and has a head now
            self.file_id = identify(handle, parts_of(self.file_id)[1])
        at_end = os.fstat(handle).st_size <= self.offset + len(data)
        at_end = at_end and not self.archived and not self.is_replaced(handle)
        event = self.event(data, at_end)
        self.offset += len(data)
        self.unacked += len(data)
        self.end_sent = at_end
        return event

    def end_chunk(self) -> dict[str, Any] | None:
        """Return an empty chunk that marks the end of the file. None if that was already sent."""
        if self.end_sent:
            return None
        self.end_sent = True
        return self.event(b"", True)

    def event(self, data: bytes, at_end: bool) -> dict[str, Any]:
        """Build the event for a chunk."""
        torn, self.torn = self.torn, False
        return {"ev": "chunk", "key": self.key, "path": self.path, "file_id": self.file_id,
                "offset": self.offset, "torn": torn,
                "data": base64.b64encode(data).decode("ascii"), "at_end": at_end}  # fmt: skip


class Tails:
    """All followed files. One thread serves them in turn."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.follows: dict[str, Follow] = {}
        self.wake = threading.Event()
        self.lock = threading.Lock()

    def add(self, path: str, key: str, offset: int = 0, file_id: str | None = None) -> dict[str, Any]:
        """Follow a file. Replaces any file that was followed with the same key."""
        with self.lock:
            old = self.follows.pop(key, None)
            self.follows[key] = Follow(str(expand(path)), key, max(0, int(offset)), file_id)
            if old is not None:
                old.close()
        self.wake.set()
        return {}

    def remove(self, key: str) -> dict[str, Any]:
        """Stop following the file of this key."""
        with self.lock:
            follow = self.follows.pop(key, None)
            if follow is not None:
                follow.close()
        return {}

    def ack(self, key: str, bytes: int) -> dict[str, Any]:
        """Record that the console has received ``bytes`` more bytes, so that as many may follow."""
        with self.lock:
            follow = self.follows.get(key)
            if follow is not None:
                follow.unacked = max(0, follow.unacked - int(bytes))
        self.wake.set()
        return {}

    def step(self, key: str) -> dict[str, Any] | None:
        """Return the next event of one file. None if there is nothing new."""
        with self.lock:
            follow = self.follows.get(key)
            if follow is None:
                return None
            try:
                return follow.step()
            except OSError as error:
                follow.close()
                del self.follows[key]
                return {"ev": "follow.error", "key": key, "code": "unreadable",
                        "message": f"{follow.path} can't be read: {error.strerror}."}  # fmt: skip

    def run(self) -> None:
        """Send events until the process ends."""
        while True:
            self.wake.clear()
            busy = False
            for key in list(self.follows):
                event = self.step(key)
                if event is not None:
                    busy = True
                    self.send(event, bulk=True)
            if not busy:
                self.wake.wait(POLL_S)
