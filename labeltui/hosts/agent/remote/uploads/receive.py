"""Receives files on a channel of its own, and moves each complete file into the folder of studies.

The first line that it prints says that it is ready. Then the console sends JSON lines on stdin; each answer is
a JSON line.

- ``{"op": "part", name, size, mtime_ns}`` asks what an earlier upload left. Answer: ``{name, at, sha256}``.
- ``{"op": "put", name, size, mtime_ns, at, replace}`` is followed by the bytes from ``at`` on, and by the SHA-256
  of the whole file in 64 digits. Answer: ``{name, error}``; ``error`` is None once the file is in its place.
- ``{"op": "idle"}`` says that the console is still there. It has no answer.

The console does not wait for the answers. The receiver ends at the end of its input, after 30 s of silence, and at a
failure of the disk. A part is locked while it is written, so that two uploads of one file can't mix.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

from labeltui.hosts.agent.remote.files import Problem, problem_of
from labeltui.hosts.agent.remote.uploads.staging import make_staging, part_name

BLOCK = 1 << 20
SET_PIPE_SIZE = 1031  # Linux's F_SETPIPE_SZ; Python 3.8 has no name for it
LONGEST_LINE = 1 << 16
SILENCE_S = 30.0
LOCKED_S = 40.0  # a receiver whose connection was lost without a word holds its locks for up to 30 s
SUM_DIGITS = 64
READY = b'{"ready": true}\n'


class Ended(Exception):
    """Raised when the input has ended, or the console has sent nothing for too long."""


class Input:
    """Lines and bytes from a descriptor. ``waiting`` is called before each wait for more."""

    def __init__(self, descriptor: int, waiting: Callable[[], None]) -> None:
        self.descriptor, self.waiting = descriptor, waiting
        self.data, self.at = b"", 0  # bytes that were received, and the number of those that were taken

    def more(self) -> bytes:
        """Wait for further bytes. Raises Ended."""
        self.waiting()
        if not select.select([self.descriptor], [], [], SILENCE_S)[0]:
            raise Ended
        data = os.read(self.descriptor, BLOCK)
        if not data:
            raise Ended
        return data

    def line(self) -> bytes:
        """Return the next line. Raises Ended."""
        while (end := self.data.find(b"\n", self.at)) < 0:
            self.extend()
            if len(self.data) > LONGEST_LINE + BLOCK:
                raise Ended
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def take(self, most: int) -> bytes:
        """Return the next bytes, at most ``most``. Raises Ended."""
        if self.at == len(self.data):
            self.data, self.at = self.more(), 0
        data = self.data[self.at : self.at + most]
        self.at += len(data)
        return data

    def exactly(self, count: int) -> bytes:
        """Return ``count`` bytes. Raises Ended."""
        while len(self.data) - self.at < count:
            self.extend()
        return self.take(count)

    def extend(self) -> None:
        """Wait for further bytes, and keep those that were not taken. Raises Ended."""
        self.data, self.at = self.data[self.at :] + self.more(), 0


class Part:
    """The file that collects the bytes of one version of a study, open and locked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        deadline = time.monotonic() + LOCKED_S
        while True:
            try:
                self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            except FileNotFoundError:  # another upload has ended, and has deleted the empty folder
                path.parent.mkdir(exist_ok=True)
                continue
            if self.is_locked():
                break
            os.close(self.handle)
            if time.monotonic() > deadline:
                raise Problem("locked", "Another console is sending this file.", "Try again when it is done.")
            time.sleep(0.1)
        self.digest = hashlib.sha256()
        self.size = 0
        while True:
            data = os.read(self.handle, BLOCK)
            if not data:
                break
            self.digest.update(data)
            self.size += len(data)

    def is_locked(self) -> bool:
        """Lock the open file.

        False if another receiver has locked it, or if the part was replaced since it was opened.
        """
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(self.handle)
            if found.st_nlink > 1:  # it was put in its place already, where nothing may write to it
                self.path.unlink()
                return False
            return found.st_ino == self.path.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            return False

    def restart(self) -> None:
        """Drop the bytes that the part has."""
        os.ftruncate(self.handle, 0)
        os.lseek(self.handle, 0, os.SEEK_SET)
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """Append bytes. Raises OSError."""
        self.digest.update(data)
        self.size += len(data)
        while data:
            data = data[os.write(self.handle, data) :]

    def close(self) -> None:
        """Release the lock."""
        os.close(self.handle)

    def discard(self) -> None:
        """Delete the part."""
        self.path.unlink()

    def put(self, target: Path, mtime_ns: int, replace: bool) -> None:
        """Give the part its final name in one step.

        Raises OSError, and Problem ``exists`` for an existing file without ``replace``.
        """
        os.utime(self.handle, ns=(mtime_ns, mtime_ns))
        if replace:
            self.path.replace(target)
            return
        try:
            os.link(self.path, target)
        except FileExistsError:
            raise Problem(
                "exists", f"{target.name} appeared on the host meanwhile.", "Upload it again."
            ) from None
        except OSError:  # no hard links here
            if target.exists():
                raise Problem(
                    "exists", f"{target.name} is on the host already.", "Upload it again."
                ) from None
            self.path.rename(target)
        else:
            self.path.unlink()


class Receiver:
    """Receives into the folder ``studies`` from one descriptor, and answers on another."""

    def __init__(self, studies: Path, source: int, target: int) -> None:
        self.studies, self.target = studies, target
        self.input = Input(source, self.flush)
        self.staging = make_staging(studies)
        self.parts: dict[str, Part] = {}
        self.answers: list[bytes] = []

    def answer(self, document: dict[str, Any]) -> None:
        """Queue an answer, which is sent before the next wait."""
        self.answers.append(json.dumps(document).encode("ascii") + b"\n")

    def flush(self) -> None:
        """Send the queued answers. Raises OSError."""
        data = b"".join(self.answers)
        self.answers.clear()
        while data:
            data = data[os.write(self.target, data) :]

    def run(self) -> None:
        """Receive until the input ends."""
        try:
            while True:
                ask = json.loads(self.input.line())
                if ask["op"] == "part":
                    part = self.parts[ask["name"]] = self.part_of(ask)
                    self.answer({"name": ask["name"], "at": part.size, "sha256": part.digest.hexdigest()})
                elif ask["op"] == "put":
                    self.receive(ask)
        except Ended:
            pass
        finally:
            for part in self.parts.values():
                part.close()
            self.flush()

    def part_of(self, ask: dict[str, Any]) -> Part:
        """Open the part of a file. Raises Problem and OSError."""
        name = ask["name"]
        if "/" in name or "\0" in name or name.startswith("."):
            raise Problem("bad_request", "This is no name of a study's file.")
        return Part(self.staging / part_name(name, ask["size"], ask["mtime_ns"]))

    def receive(self, ask: dict[str, Any]) -> None:
        """Receive one file. A failure of the disk is sent as the answer, and then raised."""
        name, size = ask["name"], ask["size"]
        try:
            part = self.parts.pop(name, None) or self.part_of(ask)
            try:
                if part.size != ask["at"]:
                    part.restart()
                if part.size != ask["at"]:
                    raise Problem(
                        "file_changed", f"What an earlier upload left of {name} is gone.", "Try again."
                    )
                while part.size < size:
                    part.write(self.input.take(min(size - part.size, BLOCK)))
                self.finish(part, ask, self.input.exactly(SUM_DIGITS).decode("ascii", "replace"))
            finally:
                part.close()
        except Ended:
            raise
        except (OSError, Problem) as error:
            problem = problem_of(error)
            self.answer({"name": name, "error": problem.document})
            raise Ended from None

    def finish(self, part: Part, ask: dict[str, Any], digest: str) -> None:
        """Compare the checksum, and move the file to its final place. Nothing will continue a part that is refused.

        Raises OSError.
        """
        try:
            if part.digest.hexdigest() != digest:
                raise Problem("checksum", "")
            part.put(self.studies / ask["name"], ask["mtime_ns"], ask["replace"])
        except Problem as error:
            part.discard()
            self.answer({"name": ask["name"], "error": error.document})
        else:
            self.answer({"name": ask["name"], "error": None})


def receive(studies: Path) -> None:
    """Receive from stdin, and answer on stdout. If receiving can't begin, answer with an error that names no file."""
    try:
        receiver = Receiver(studies, 0, 1)
        with suppress(OSError):  # not a pipe, not Linux, or above the limit: it works, with more CPU time
            fcntl.fcntl(0, SET_PIPE_SIZE, BLOCK)
        os.write(1, READY)
        receiver.run()
    except (OSError, Problem) as error:
        os.write(1, json.dumps({"name": None, "error": problem_of(error).document}).encode("ascii") + b"\n")
