"""The agent's receiver of studies at the other end of a Channel, in a thread that runs only while bytes are written.

So it works in virtual time as well. ``receive_into`` gives a host in memory a real folder of studies;
``receive_in_memory`` puts what is sent into the host's memory.
"""

from __future__ import annotations

import asyncio
import queue
import shlex
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.hosts.agent.remote.files import sha256
from labeltui.hosts.agent.remote.uploads.receive import READY, Ended, Input, Receiver
from labeltui.hosts.agent.remote.uploads.staging import compare, tidy
from tests.fakes.host import MemoryHost


class _Input(Input):
    """Gets its bytes from a queue; None ends it."""

    def __init__(self, waiting: Any) -> None:
        super().__init__(-1, waiting)
        self.queue: queue.Queue[bytes | None] = queue.Queue()
        self.idle = threading.Event()

    def more(self) -> bytes:
        self.waiting()
        if self.queue.empty():
            self.idle.set()
        data = self.queue.get()
        if data is None:
            raise Ended
        return data


class _Receiver(Receiver):
    def __init__(self, studies: Path) -> None:
        super().__init__(studies, -1, -1)
        self.output = bytearray()
        self.input: _Input = _Input(self.flush)

    def flush(self) -> None:
        self.output += b"".join(self.answers)
        self.answers.clear()


class ReceiverChannel:
    """Receives into ``studies``. After ``cut_after`` bytes the connection is lost; None for never.

    ``on_answers`` is called when files may have been stored.
    """

    def __init__(
        self,
        studies: Path,
        cut_after: int | None = None,
        on_answers: Callable[[], None] = lambda: None,
    ) -> None:
        self.received = 0
        self._on_answers = on_answers
        self._cut_after = cut_after
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = False
        self._receiver = _Receiver(studies)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._receiver.input.idle.wait()
        self._answers.put_nowait(READY)

    def _run(self) -> None:
        try:
            self._receiver.run()
        finally:
            self._receiver.input.idle.set()

    async def read(self, limit: int = 65536) -> bytes:
        return await self._answers.get()

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        if self._closed or not self._thread.is_alive():
            raise Unreachable(Code.CHANNEL_CLOSED, "The command ended before reading its input.")
        cut = None if self._cut_after is None else self._cut_after - self.received
        self._feed(data if cut is None else data[:cut])
        if cut is not None and cut <= len(data):
            await self.close()
            raise Unreachable(Code.CONNECTION_LOST, "The connection was lost.")

    def _feed(self, data: bytes | None) -> None:
        source = self._receiver.input
        if self._thread.is_alive():
            source.idle.clear()
            source.queue.put(data)
            source.idle.wait()
        self.received += len(data or b"")
        if data is None:
            self._thread.join()
        if self._receiver.output:
            self._on_answers()
            self._answers.put_nowait(bytes(self._receiver.output))
            self._receiver.output.clear()
        if not self._thread.is_alive():
            self._answers.put_nowait(b"")

    async def wait(self) -> int:
        return 0

    def stderr_tail(self) -> bytes:
        return b""

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._feed(None)

    def end(self, exit_code: int, lost: LabeltuiError | None = None) -> None:
        if not self._closed:
            self._closed = True
            self._feed(None)


def receive_into(host: MemoryHost, studies: Path) -> list[ReceiverChannel]:
    """Let the host store uploads in a real folder. Returns its channels, which the list gets as they are opened."""
    channels: list[ReceiverChannel] = []

    def opened(_command: str) -> ReceiverChannel:
        channels.append(ReceiverChannel(studies))
        return channels[-1]

    def compared(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return compare(str(studies), request["names"], request["parts"])

    def summed(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"sha256": sha256(studies / request["path"].rpartition("/")[2])}

    host.programs[" receive --studies "] = opened
    host.agent.answers |= {
        "upload.compare": compared, "sha256": summed,
        "upload.tidy": lambda request: tidy(str(studies), request["every"], request["done"]),
    }  # fmt: skip
    return channels


def receive_in_memory(host: MemoryHost, disk: Path, cuts: list[int]) -> list[ReceiverChannel]:
    """Let the host store files that are sent in its memory. Parts are files below ``disk``.

    ``cuts`` are the numbers of bytes after which the next channels lose the connection, one each. Returns the host's
    channels, which the list gets as they are opened.
    """
    channels: list[ReceiverChannel] = []

    def real(folder: str) -> Path:
        return disk / folder.lstrip("/")

    def opened(command: str) -> ReceiverChannel:
        folder = shlex.split(command)[-1]

        def store() -> None:
            for path in real(folder).iterdir():
                host.files.write(f"{folder}/{path.name}", path.read_bytes(), mtime_ns=path.stat().st_mtime_ns)
                path.unlink()

        channels.append(ReceiverChannel(real(folder), cuts.pop(0) if cuts else None, store))
        return channels[-1]

    def compared(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return compare(str(real(request["studies"])), request["names"], request["parts"])

    def tidied(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return tidy(str(real(request["studies"])), request["every"], request["done"])

    host.programs[" receive --studies "] = opened
    host.agent.answers |= {"upload.compare": compared, "upload.tidy": tidied}
    return channels
