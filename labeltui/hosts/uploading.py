"""Sends many files to a folder of the host, over several channels at once.

Each channel has a receiver of the agent's zip file at its other end (``agent/remote/uploads/receive.py``, which
describes the protocol). Files follow each other without waiting for answers, so thousands of small ones take no
longer than their bytes. A file gets its name on the host only when it is complete and its checksum is right. If
the connection is lost, the bytes that have arrived stay there, and the next upload continues after them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Problem, Unreachable
from labeltui.hosts.agent.studies import Version
from labeltui.hosts.base import Channel, Host
from labeltui.hosts.quoting import quote_path
from labeltui.hosts.transfer import local_digest

BLOCK = 1 << 20
CHANNELS = 4  # each has a window of 2 MB; more than one are needed where packets take long
NEXT_CHANNEL_S = 0.5  # each costs the host a start of Python, so short uploads use one
START_S = 30.0
PART_S = 3600.0  # the host sums up what it has of a large file
IDLE_S = 10.0  # the receiver ends after 30 s of silence
LAST_WORDS_S = 5.0
OF_ONE_FILE = (Code.CHECKSUM, Code.EXISTS)
"""Failures that concern one file only: the receiver continues with the next file."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to send, with its size and time of change.

    ``part`` is the number of bytes that an earlier upload left on the host.
    """

    source: Path
    name: str
    size: int
    mtime_ns: int
    replace: bool = False
    part: int = 0

    @property
    def version(self) -> Version:
        """The version of the file that is sent."""
        return (self.name, self.size, self.mtime_ns)


class _Stream:
    """One channel to a receiver. ``answered`` is called for each file that has an answer."""

    def __init__(self, channel: Channel, answered: Callable[[Outgoing, Problem | None], None]) -> None:
        self._channel = channel
        self._answered = answered
        self._sent: dict[str, Outgoing] = {}
        self._parts: dict[str, asyncio.Future[tuple[int, str]]] = {}
        self._progress = asyncio.Event()
        self._fatal: Failed | None = None
        self._reader = asyncio.create_task(self._read(), name="upload answers")

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises the receiver's own failure, or Unreachable."""
        try:
            await self._channel.write(data)
        except Unreachable:
            await asyncio.wait((self._reader,), timeout=LAST_WORDS_S)
            if self._fatal is not None:
                raise self._fatal from None
            raise

    async def ready(self) -> None:
        """Wait until the receiver reads its input. Bytes sent earlier would be lost with the connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await self._progress.wait()
        if not self._progress.is_set() or self._reader.done() or self._fatal is not None:
            raise self._fatal or self._lost()

    def expect(self, files: Iterable[Outgoing]) -> None:
        """Await answers for these files."""
        self._sent |= {file.name: file for file in files}

    async def part_of(self, file: Outgoing) -> tuple[int, str]:
        """Return the number of bytes that the host has of a file, and their checksum."""
        future: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._parts[file.name] = future
        await self.write(_line(op="part", name=file.name, size=file.size, mtime_ns=file.mtime_ns))
        await asyncio.wait((future, self._reader), timeout=PART_S, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise self._fatal or self._lost()
        return future.result()

    async def settled(self) -> None:
        """Wait until every file has its answer. Raises the receiver's failure, or Unreachable."""
        while self._sent:
            self._progress.clear()
            if self._reader.done():
                raise self._fatal or self._lost()
            await self._progress.wait()

    def _lost(self) -> Unreachable:
        said = self._channel.stderr_tail().decode("utf-8", "replace").strip()
        return Unreachable(
            Code.CONNECTION_LOST,
            "The upload was cut off.",
            "The next upload continues where this one stopped.",
            said,
        )

    async def _read(self) -> None:
        pending = b""
        try:
            with suppress(Unreachable):
                while data := await self._channel.read():
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self._receive(line)
        finally:
            self._progress.set()

    def _receive(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            name, error = answer.get("name"), answer.get("error")
            if "at" in answer:
                self._parts.pop(name).set_result((int(answer["at"]), str(answer["sha256"])))
                return
        except (ValueError, TypeError, AttributeError, LookupError):
            return  # not an answer; the upload fails when the receiver ends
        problem = None if error is None else _problem(error)
        if problem is not None and (problem.code not in OF_ONE_FILE or name not in self._sent):
            self._fatal = Failed(problem.code, problem.message, problem.hint, problem.detail)
        elif name is not None and (file := self._sent.pop(name, None)):
            self._answered(file, problem)
        self._progress.set()

    async def close(self) -> None:
        """End the receiver."""
        self._reader.cancel()
        await self._channel.close()


class Uploader:
    """Sends ``files`` into ``folder`` of the host. ``program`` starts the agent's zip file there.

    ``on_bytes`` is called with numbers of bytes that were sent, or need not be sent again. ``on_file`` is
    called with each file, and with its problem if the host could not store it.
    """

    def __init__(
        self,
        host: Host,
        program: str,
        folder: str,
        files: Sequence[Outgoing],
        on_bytes: Callable[[int], None],
        on_file: Callable[[Outgoing, Problem | None], None],
    ) -> None:
        self._host = host
        self._command = f"{program} receive --studies {quote_path(folder)}"
        self._files = deque(files)
        self._all_taken = asyncio.Event()
        self._on_bytes, self._on_file = on_bytes, on_file

    async def run(self, channels: int = CHANNELS) -> None:
        """Send all files. Raises Failed for a failure of the host's disk, and Unreachable if the connection is lost."""
        workers = [
            asyncio.create_task(self._work(number)) for number in range(min(channels, len(self._files)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, number: int) -> None:
        if number:
            with suppress(TimeoutError):
                async with asyncio.timeout(number * NEXT_CHANNEL_S):
                    await self._all_taken.wait()
        if not self._files:
            return
        try:
            channel = await self._host.open(self._command)
        except Failed as error:
            if number and error.problem.code == Code.CHANNEL_REFUSED:
                return  # the others send its share
            raise
        stream = _Stream(channel, self._on_file)
        try:
            await stream.ready()
            while batch := self._next():
                if batch[0].size <= BLOCK and not batch[0].part:
                    data = await asyncio.to_thread(_small, batch)
                    stream.expect(batch)
                    await stream.write(data)
                    self._on_bytes(sum(file.size for file in batch))
                else:
                    await self._send(stream, batch[0])
            await stream.settled()
        finally:
            await stream.close()

    def _next(self) -> list[Outgoing]:
        """Take the next file, or as many small files as fit into one block."""
        batch: list[Outgoing] = []
        size = 0
        while self._files and (not batch or (not batch[0].part and size + self._files[0].size <= BLOCK)):
            if batch and self._files[0].part:
                break
            batch.append(self._files.popleft())
            size += batch[-1].size
        if not self._files:
            self._all_taken.set()
        return batch

    async def _send(self, stream: _Stream, file: Outgoing) -> None:
        at, digest = await self._resumed(stream, file) if file.part else (0, hashlib.sha256())
        stream.expect((file,))
        self._on_bytes(at)
        await stream.write(_put(file, at))
        reader = _Reader(file, at, digest)
        block = await asyncio.to_thread(reader.next)
        while block:
            following = asyncio.create_task(
                asyncio.to_thread(reader.next)
            )  # reads while these bytes are sent
            try:
                await stream.write(block)
            except BaseException:
                await asyncio.wait((following,))
                raise
            self._on_bytes(len(block))
            block = await following
        await stream.write(reader.sum)

    async def _resumed(self, stream: _Stream, file: Outgoing) -> tuple[int, Any]:
        """Return how many bytes the host has, and the hash object after them. 0 if they are not the file's."""
        at, found = await stream.part_of(file)
        if not 0 < at <= file.size:
            return 0, hashlib.sha256()
        summing = asyncio.create_task(asyncio.to_thread(local_digest, file.source, at))
        while not (await asyncio.wait((summing,), timeout=IDLE_S))[0]:
            await stream.write(_line(op="idle"))
        digest = await summing
        return (at, digest) if digest.hexdigest() == found else (0, hashlib.sha256())


class _Reader:
    """Reads a file from an offset, and computes its checksum.

    If the file has become shorter, it is filled up and gets a wrong checksum.
    """

    def __init__(self, file: Outgoing, at: int, digest: Any) -> None:
        self._file, self._at, self._digest = file, at, digest
        self._whole = True

    def next(self) -> bytes:
        """Return the next bytes; empty at the size that the file had when it was found."""
        count = min(BLOCK, self._file.size - self._at)
        if not count:
            return b""
        data = b""
        with suppress(OSError), self._file.source.open("rb") as file:
            file.seek(self._at)
            data = file.read(count)
        self._whole = self._whole and len(data) == count
        self._digest.update(data)
        self._at += count
        return data.ljust(count, b"\0")

    @property
    def sum(self) -> bytes:
        """The checksum of the whole file, or a wrong one if the file became shorter."""
        return self._digest.hexdigest().encode("ascii") if self._whole else b"-" * 64


def _small(files: Iterable[Outgoing]) -> bytes:
    """Return the messages for whole small files."""
    message = bytearray()
    for file in files:
        reader = _Reader(file, 0, hashlib.sha256())
        message += _put(file, 0)
        message += reader.next()
        message += reader.sum
    return bytes(message)


def _put(file: Outgoing, at: int) -> bytes:
    return _line(
        op="put", name=file.name, size=file.size, mtime_ns=file.mtime_ns, at=at, replace=file.replace
    )


def _line(**message: Any) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


def _problem(error: Any) -> Problem:
    fields = error if isinstance(error, dict) else {}
    code, message, hint = (str(fields.get(name, "")) for name in ("code", "message", "hint"))
    return Problem(Code.reported(code), message or "The host could not store the file.", hint)
