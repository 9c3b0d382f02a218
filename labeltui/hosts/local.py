"""This machine as a host, with the same behaviour as a host over SSH."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import struct
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.hosts import transfer
from labeltui.hosts.base import Completed, Progress
from labeltui.hosts.forwarding import Relay
from labeltui.hosts.output import read_stderr, read_stdout

STDERR_TAIL_BYTES, PIPE_BYTES = 8192, 256 * 1024
CLOSE_WAIT_S = 2.0


class LocalChannel:
    """A child process that is connected with pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stderr = bytearray()
        stream = cast(asyncio.StreamReader, process.stderr)
        self._reader = asyncio.create_task(read_stderr(stream.read, self._stderr, most=STDERR_TAIL_BYTES))

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Channel`."""
        return await cast(asyncio.StreamReader, self._process.stdout).read(limit)

    async def write(self, data: bytes) -> None:
        """See :class:`~labeltui.hosts.base.Channel`. Raises Unreachable if the command no longer reads."""
        stream = cast(asyncio.StreamWriter, self._process.stdin)
        try:
            stream.write(data)
            await stream.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise Unreachable(Code.CHANNEL_CLOSED, "The command ended before reading its input.") from None

    async def wait(self) -> int:
        """See :class:`~labeltui.hosts.base.Channel`."""
        return await self._process.wait()

    def stderr_tail(self) -> bytes:
        """See :class:`~labeltui.hosts.base.Channel`."""
        return bytes(self._stderr)

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Channel`."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGHUP)
            await _ended(self._process)
        self._reader.cancel()
        # asyncio frees the pipes only when the process has ended and its output was read or dropped.
        self._process._transport.close()  # type: ignore[attr-defined]


async def _communicate(
    process: asyncio.subprocess.Process, stdin: bytes, address: str
) -> tuple[bytes, bytes]:
    """Write a process's stdin, and return its stdout and the end of its stderr. Raises Failed ``too_much_output``."""
    stderr = bytearray()
    others = (
        asyncio.create_task(_feed(cast(asyncio.StreamWriter, process.stdin), stdin)),
        asyncio.create_task(read_stderr(cast(asyncio.StreamReader, process.stderr).read, stderr)),
    )
    try:
        stdout = await read_stdout(cast(asyncio.StreamReader, process.stdout).read, address)
        await asyncio.gather(*others)
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)  # they would hold the pipes
    return stdout, bytes(stderr)


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read everything
        stream.write(data)
        await stream.drain()
    stream.close()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait up to 2 s for a process that was sent a signal; if it still runs, kill its group."""
    # asyncio reports the end of a process only when its output was read to the end.
    unread = [asyncio.create_task(_discard(stream)) for stream in (process.stdout, process.stderr) if stream]
    try:
        async with asyncio.timeout(CLOSE_WAIT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):  # a process of another group may still use the pipes
            async with asyncio.timeout(CLOSE_WAIT_S):
                await process.wait()
    finally:
        for task in unread:
            task.cancel()


async def _discard(stream: asyncio.StreamReader) -> None:
    with contextlib.suppress(RuntimeError):  # another task reads the stream
        while await stream.read(65536):
            pass


class LocalShell:
    """A child process on a PTY."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self._loop = asyncio.get_running_loop()
        self._readable = asyncio.Event()
        self._unsent = bytearray()
        self._closed = False
        os.set_blocking(master, False)
        self._loop.add_reader(master, self._on_readable)

    def _on_readable(self) -> None:
        self._loop.remove_reader(
            self._master
        )  # until the next read; the PTY's own buffer gives the back-pressure
        self._readable.set()

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Shell`."""
        while not self._closed:
            await self._readable.wait()
            if self._closed:
                break
            try:
                return os.read(self._master, limit)
            except BlockingIOError:
                self._readable.clear()
                self._loop.add_reader(self._master, self._on_readable)
            except OSError:  # EIO: the last process on the terminal has ended
                break
        return b""

    def write(self, data: bytes) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        if self._closed:
            return
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = os.write(self._master, self._unsent[:4096])
                del self._unsent[:sent]
        except BlockingIOError:
            self._loop.add_writer(self._master, self._flush)
            return
        except OSError:
            self._unsent.clear()
        self._loop.remove_writer(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        if not self._closed:
            _set_size(self._master, columns, rows)

    def foreground(self) -> str | None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        if self._closed:
            return ""
        try:
            group = os.tcgetpgrp(self._master)
        except OSError:
            return None
        return "" if group == self._process.pid else _name_of(group)

    async def wait(self) -> int | None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        return await self._process.wait()

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        if self._closed:
            return
        self._closed = True
        self._readable.set()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGHUP)
            await _ended(self._process)


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _name_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:  # the process has ended, or there is no /proc
        return f"process {process}"


def _take_terminal() -> None:
    """Make stdin the controlling terminal, in a child that leads a session.

    SIGHUP is reset: a console under ``nohup`` ignores it, and programs in the shell would inherit that.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class LocalHost:
    """This machine. ``env`` is added to the environment of every command."""

    kind: Literal["ssh", "local"] = "local"
    address = "this machine"

    def __init__(self, *, env: Mapping[str, str] | None = None) -> None:
        self._env = dict(env or {})
        self._gone = asyncio.Event()
        self._open: set[LocalChannel | LocalShell | Relay] = set()

    @property
    def loopback(self) -> bool:
        """Always True."""
        return True

    async def connect(self) -> None:
        """Make the host usable, also after :meth:`close`."""
        self._gone = asyncio.Event()

    async def lost(self) -> str:
        """See :class:`~labeltui.hosts.base.Host`. It only returns after :meth:`close`."""
        await self._gone.wait()
        return "The connection was closed."

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        self._gone.set()
        while self._open:
            await self._open.pop().close()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._env}

    async def _spawn(self, command: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                env=self._environment(),
                cwd=Path.home(),
                limit=PIPE_BYTES,
            )
        except OSError as error:
            raise Failed(
                Code.SPAWN_FAILED, f"No process can be started on this machine: {error.strerror}."
            ) from error

    async def run(
        self, command: str, *, stdin: bytes | None = None, timeout: float | None = 60.0
    ) -> Completed:
        """See :class:`~labeltui.hosts.base.Host`.

        Failed with code ``timeout`` when the command takes too long.
        """
        process = await self._spawn(command)
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await _communicate(process, stdin or b"", self.address)
        except TimeoutError:
            raise Failed(
                Code.TIMEOUT, f"A command on {self.address} took longer than {timeout:g} s."
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                await _ended(process)
        return Completed(await process.wait(), stdout, stderr)

    async def open(self, command: str) -> LocalChannel:
        """See :class:`~labeltui.hosts.base.Host`."""
        channel = LocalChannel(await self._spawn(command))
        self._open.add(channel)
        return channel

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> LocalShell:
        """See :class:`~labeltui.hosts.base.Host`."""
        login = pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
        argv = [login, "-l"] if command is None else ["/bin/sh", "-c", command]
        master, slave = os.openpty()
        try:
            _set_size(slave, columns, rows)
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                preexec_fn=_take_terminal,
                env={**self._environment(), "TERM": "xterm-256color"},
                cwd=Path.home(),
            )
        except OSError as error:
            os.close(master)
            raise Failed(
                Code.SPAWN_FAILED, f"No shell can be started on this machine: {error.strerror}."
            ) from error
        finally:
            os.close(slave)
        shell = LocalShell(process, master)
        self._open.add(shell)
        return shell

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Relay:
        """See :class:`~labeltui.hosts.base.Host`. The result is ``direct`` unless ``local_port`` is another port."""
        relay = Relay(remote_port, local_port)
        await relay.start()
        self._open.add(relay)
        return relay

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        await transfer.download(self, source, target, progress=progress)
