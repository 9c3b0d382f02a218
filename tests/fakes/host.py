"""A host in memory: labeltui.hosts.base.Host over a dictionary of files and commands with scripted answers.

``files`` is its disk, ``agent`` answers the session's requests. ``ran`` has every command line that was run.
``on(pattern, answer)`` sets the answer to a command: the newest pattern that matches a part of the command line
counts. An answer is bytes (standard output), a Completed, an error to raise, or a function of the command line
and its standard input that returns or raises one. A command without an answer ends with exit code 127.
``refusals`` are raised by the next connections, one each. ``drop`` ends the connection, as a network failure
does; the host may be connected again, and its programs still run. ``taken`` are ports of this machine that are
in use. ``install`` creates the files of `labeltui setup`; ``busy`` are ports of the host that another program
uses. ``shells`` has the shells that were opened; a test sets their output and types nothing.
``programs`` makes the channel of a command line that contains these words.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any, Literal

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.hosts.agent.bootstrap import BEGIN, END
from labeltui.hosts.base import Completed, Progress
from labeltui.hosts.forwarding import port_taken
from tests.fakes.agent import MemoryAgent
from tests.fakes.files import Files

Output = bytes | Completed | Exception
Answer = Output | Callable[[str, bytes], Output]
FIRST_PORT = 41000


@dataclass(frozen=True, slots=True)
class Ran:
    """A command line that was run, and the bytes on its standard input."""

    command: str
    stdin: bytes


class MemoryChannel:
    """Both ends of a command's streams. The console's end is a Channel; ``send`` and ``line`` are the program's end."""

    def __init__(self) -> None:
        self.line: Callable[[bytes], None] = lambda _line: None
        self.stderr = b""
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._rest = self._input = b""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._lost: LabeltuiError | None = None

    def send(self, message: Mapping[str, Any]) -> None:
        self.print(dumps(message).encode() + b"\n")

    def print(self, data: bytes) -> None:
        self._output.put_nowait(data)

    def end(self, exit_code: int, lost: LabeltuiError | None = None) -> None:
        if not self._ended.done():
            self._ended.set_result(exit_code)
            self._lost = lost
            self._output.put_nowait(b"")

    async def read(self, limit: int = 65536) -> bytes:
        if not self._rest:
            if self._ended.done() and self._output.empty():
                return b""
            self._rest = await self._output.get()
            if not self._rest and self._lost is not None:
                raise self._lost
        data, self._rest = self._rest[:limit], self._rest[limit:]
        return data

    async def write(self, data: bytes) -> None:
        if self._ended.done():
            raise Unreachable(Code.CHANNEL_CLOSED, "The command ended before reading its input.")
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            self.line(line)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def stderr_tail(self) -> bytes:
        return self.stderr

    async def close(self) -> None:
        self.end(-1)


class MemoryShell:
    """A terminal. ``typed`` are the bytes that it received, ``size`` is its last size, and ``print`` adds output."""

    def __init__(self, columns: int, rows: int, command: str | None) -> None:
        self.size, self.command = (columns, rows), command
        self.typed = b""
        self.program: str | None = ""
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def print(self, data: bytes) -> None:
        self._output.put_nowait(data)

    def end(self, exit_code: int | None) -> None:
        """End the shell with an exit code; None means that the connection was lost."""
        if not self._ended.done():
            self._ended.set_result(exit_code)
            self._output.put_nowait(b"")

    async def read(self, limit: int = 65536) -> bytes:
        if self._ended.done() and self._output.empty():
            return b""
        return await self._output.get()

    def write(self, data: bytes) -> None:
        self.typed += data

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    def foreground(self) -> str | None:
        return self.program

    async def wait(self) -> int | None:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self.end(None)


class MemoryForward:
    """A forwarded port without a socket: tests give the clients transports of their own."""

    def __init__(self, host: MemoryHost, remote_port: int, local_port: int, direct: bool) -> None:
        self.remote_port, self.local_port, self.direct = remote_port, local_port, direct
        self._host = host

    async def close(self) -> None:
        self._host.forwards = [one for one in self._host.forwards if one is not self]


class MemoryHost:
    """The host that the module's docstring describes. ``now`` returns unix seconds by the host's clock."""

    def __init__(
        self,
        address: str = "root@memory",
        *,
        kind: Literal["ssh", "local"] = "ssh",
        home: str = "/root",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.kind, self.address, self.loopback, self.now = kind, address, kind == "local", now
        self.files = Files(home, lambda: int(self.now() * 1e9))
        self.agent = MemoryAgent(self.files, lambda: float(self.now()))
        self.ran: list[Ran] = []
        self.refusals: list[LabeltuiError] = []
        self.connects = 0
        self.taken: set[int] = set()
        self.busy: set[int] = set()
        self.venv_python = "3.11.7"  # what runs in the server's virtual environment; empty for nothing
        self.forwards: list[MemoryForward] = []
        self.shells: list[MemoryShell] = []
        self.programs: dict[str, Callable[[str], Any]] = {}
        self._answers: list[tuple[re.Pattern[str], Answer]] = []
        self._channels: list[MemoryChannel] = []
        self._lost: asyncio.Future[str] | None = None
        self._last_port = FIRST_PORT
        self.on(r"exec python3 - ", self._report_python)
        self.on(r'cat > "\$f\.\$\$"', self._store)
        self.agent.answers["preflight"] = self._preflight

    # ---- what a test says

    def on(self, pattern: str, answer: Answer) -> None:
        """Set the answer to commands in which this regular expression is found."""
        self._answers.insert(0, (re.compile(pattern), answer))

    def commands(self, pattern: str) -> list[Ran]:
        """Return the command lines that were run and contain this regular expression."""
        return [one for one in self.ran if re.search(pattern, one.command)]

    def install(self, folder: str = "~/labeltui", studies: str = "~/studies") -> None:
        """Create the files of MONAI Label with its radiology app, and an empty folder of studies."""
        self.files.write(f"{folder}/venv/bin/python", b"#!")
        self.files.write(f"{folder}/apps/radiology/main.py", b"#")
        self.files.folders.add(self.files.expand(studies))

    def drop(self, why: str = "The connection was lost.") -> None:
        """End the connection, as a network failure does."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(why)
        self._end(Unreachable(Code.CONNECTION_LOST, why, "It is connected again by itself."))

    def _end(self, lost: LabeltuiError | None) -> None:
        for channel in self._channels:
            channel.end(-1, lost)
        self._channels.clear()
        for shell in self.shells:
            shell.end(None)
        self.agent.disconnect()

    # ---- Host

    async def connect(self) -> None:
        self.connects += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self._lost = asyncio.get_running_loop().create_future()

    async def lost(self) -> str:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        self._lost = None
        self._end(None)

    async def run(
        self, command: str, *, stdin: bytes | None = None, timeout: float | None = 60.0
    ) -> Completed:
        self._connected()
        self.ran.append(Ran(command, stdin or b""))
        await asyncio.sleep(0)
        for pattern, answer in self._answers:
            if pattern.search(command):
                output = answer(command, stdin or b"") if callable(answer) else answer
                if isinstance(output, Exception):
                    raise output
                return Completed(0, output, b"") if isinstance(output, bytes) else output
        return Completed(127, b"", f"sh: {command[:80]}: not found\n".encode())

    async def open(self, command: str) -> Any:
        self._connected()
        self.ran.append(Ran(command, b""))
        channel = MemoryChannel()
        self._channels.append(channel)
        for words, program in self.programs.items():
            if words in command:
                return program(command)
        if " serve --folder " not in command:
            channel.stderr = b"not found"
            channel.end(127)
            return channel
        channel.print(
            b"\nLABELTUI-AGENT " + dumps({**self.agent.hello, "now_ts": self.agent.now()}).encode() + b"\n"
        )
        channel.line = self.agent.connect(channel.send)
        return channel

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> MemoryShell:
        self._connected()
        shell = MemoryShell(columns, rows, command)
        self.shells.append(shell)
        return shell

    async def forward(self, remote_port: int, *, local_port: int = 0) -> MemoryForward:
        self._connected()
        if local_port in self.taken:
            raise port_taken(local_port)
        if not local_port:
            self._last_port += 1
        forward = MemoryForward(self, remote_port, local_port or self._last_port, self.kind == "local")
        self.forwards.append(forward)
        return forward

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        self._connected()
        file = self.files.get(source)
        if file is None:
            raise Failed(Code.NOT_FOUND, f"There is no {source} on the host.", "Check the path.")
        await asyncio.to_thread(target.write_bytes, file.data)
        if progress is not None:
            progress(len(file.data), len(file.data))

    def _connected(self) -> None:
        if self._lost is None or self._lost.done():
            raise Unreachable(
                Code.NOT_CONNECTED, "The host is not connected.", "Try again once the host is connected."
            )

    # ---- commands that every session runs

    def _report_python(self, command: str, _stdin: bytes) -> Output:
        path = _expanded(shlex.split(command)[-1], self.files)
        answer = dumps({"python": [3, 11, 7], "sha256": self.files.sha256(path)})
        return f"{BEGIN}{answer}{END}".encode()

    def _store(self, command: str, stdin: bytes) -> Output:
        word = next(word for word in shlex.split(command) if word.startswith("f="))
        self.files.write(_expanded(word[2:].rstrip(";"), self.files), stdin)
        return b""

    def _preflight(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        folder, app, studies = request["folder"], request["app"], request["studies"]
        path = f"{folder}/apps/{app}" if "/" not in app else app
        python = self.files.get(f"{folder}/venv/bin/python")
        return {
            "home": self.files.home, "path": "/usr/bin:/bin",
            "venv_found": bool(python), "venv_made_by": "3.11.7", "python_version": "3.11.7",
            "venv_python": self.venv_python,
            "app": self.files.expand(path) if self.files.get(f"{path}/main.py") else "",
            "studies": not studies or self.files.is_folder(studies),
            "port_free": request["port"] not in self.busy,
        }  # fmt: skip


def _expanded(word: str, files: Files) -> str:
    return word.replace("$HOME", files.home, 1)
