"""Run the command of an SSH client on a pseudo-terminal, with resize, signals and hang-up as on a real host."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import asyncssh

from labeltui.sandbox.commands import report_exit, send_signal

_Add = Callable[[int, Callable[[], None]], None]
_Remove = Callable[[int], bool]

_CHUNK = 1 << 16
_DRAIN_S = 0.5  # wait for the last output if another process has the terminal open

# Ctrl-C and hang-up need a controlling terminal: the first terminal that a new session opens.
_TAKE_TERMINAL = 'terminal=$1; shift; exec 0<>"$terminal" 1>&0 2>&0; exec "$@"'


async def run_on_terminal(
    process: asyncssh.SSHServerProcess[bytes], argv: Sequence[str], environment: Mapping[str, str], home: Path
) -> None:
    """Run ``argv`` on a new terminal until the command ends or the client hangs up."""
    master, slave = os.openpty()
    _resize(master, process.term_size)
    try:
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _TAKE_TERMINAL, "sh", os.ttyname(slave), *argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            cwd=home,
            start_new_session=True,
        )
    except OSError as error:
        os.close(master)
        process.stdout.write(f"{error}\r\n".encode())
        process.exit(127)
        return
    terminal = _Terminal(master, slave)
    try:
        await _converse(process, child, terminal)
    finally:
        terminal.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGHUP)


class _Terminal:
    """The master side of a terminal. Reads and writes use the event loop."""

    def __init__(self, master: int, slave: int) -> None:
        self.master = master
        self._slave: int | None = (
            slave  # open until the child has opened the terminal, or the first read would fail
        )
        os.set_blocking(master, False)

    def child_is_there(self) -> None:
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    async def read(self) -> bytes:
        """Return the next output; ``b""`` once no process has the terminal open."""
        while True:
            try:
                return os.read(self.master, _CHUNK)
            except BlockingIOError:
                await self._until(
                    asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader
                )
            except OSError:
                return b""

    async def write(self, data: bytes) -> None:
        """Write all data, waiting while the terminal is full."""
        while data:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                await self._until(
                    asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer
                )

    async def _until(self, add: _Add, remove: _Remove) -> None:
        ready = asyncio.Event()
        add(self.master, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self.master)

    def close(self) -> None:
        self.child_is_there()
        os.close(self.master)


async def _converse(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process, terminal: _Terminal
) -> None:
    async def output() -> None:
        while data := await terminal.read():
            terminal.child_is_there()
            process.stdout.write(data)
            await process.stdout.drain()

    show = asyncio.create_task(output())
    typed = asyncio.create_task(_typed(process, child.pid, terminal))
    gone = asyncio.create_task(process.channel.wait_closed())
    ended = asyncio.create_task(child.wait())
    try:
        await asyncio.wait((ended, gone), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            terminal.child_is_there()
            await asyncio.wait((show, gone), timeout=_DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
            report_exit(process, ended.result())
    finally:
        for task in (show, typed, gone, ended):
            task.cancel()
        await asyncio.gather(show, typed, gone, ended, return_exceptions=True)


async def _typed(process: asyncssh.SSHServerProcess[bytes], pid: int, terminal: _Terminal) -> None:
    while True:
        try:
            data = await process.stdin.read(_CHUNK)
        except asyncssh.TerminalSizeChanged as change:
            _resize(terminal.master, change.term_size)
            continue
        except asyncssh.SignalReceived as received:
            send_signal(pid, received.signal)
            continue
        except asyncssh.BreakReceived:
            data = b"\x03"
        if not data:
            return
        await terminal.write(data)


def _resize(master: int, size: tuple[int, int, int, int]) -> None:
    columns, rows, width, height = size
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows or 24, columns or 80, width, height))
