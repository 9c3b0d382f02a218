"""Run an SSH client's command as a real process on pipes, with back-pressure in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncssh

from labeltui.support.pipes import piped

_CHUNK = 1 << 16


async def run_on_pipes(
    process: asyncssh.SSHServerProcess[bytes], argv: Sequence[str], environment: Mapping[str, str], home: Path
) -> None:
    """Run ``argv`` until the command ends. If the client disconnects first, the command continues without pipes."""
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=home,
            start_new_session=True,
            limit=1 << 18,
        )
    except OSError as error:
        process.stderr.write(f"{error}\n".encode())
        process.exit(127)
        return
    feed = asyncio.create_task(_feed(process, piped(child.stdin), child.pid))
    outputs = [
        asyncio.create_task(_copy(piped(child.stdout), process.stdout)),
        asyncio.create_task(_copy(piped(child.stderr), process.stderr)),
    ]
    gone = asyncio.create_task(process.channel.wait_closed())
    finished = asyncio.gather(child.wait(), *outputs)
    try:
        await asyncio.wait((finished, gone), return_when=asyncio.FIRST_COMPLETED)
        if not finished.done():
            return
        report_exit(process, finished.result()[0] or 0)
    finally:
        for task in (feed, gone, finished):
            task.cancel()
        await asyncio.gather(feed, gone, finished, return_exceptions=True)
        _hang_up(child)


def report_exit(process: asyncssh.SSHServerProcess[bytes], code: int) -> None:
    """Send the client the exit code, or the name of the signal for a negative ``code``."""
    if code >= 0:
        process.exit(code)
        return
    try:
        name = signal.Signals(-code).name.removeprefix("SIG")
    except ValueError:
        name = str(-code)
    process.exit_with_signal(name, -code == signal.SIGQUIT, f"killed by signal {-code}")


def send_signal(pid: int, name: str) -> None:
    """Send the signal that an SSH client named (``TERM``, ``KILL``, ...) to the process group of ``pid``."""
    number = signal.Signals.__members__.get(f"SIG{name}")
    if number is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


async def _copy(source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()


async def _feed(process: asyncssh.SSHServerProcess[bytes], target: asyncio.StreamWriter, pid: int) -> None:
    """Copy the client's input to the command until the input ends. The input stream also carries signals."""
    try:
        while True:
            try:
                data = await process.stdin.read(_CHUNK)
            except asyncssh.SignalReceived as received:
                send_signal(pid, received.signal)
                continue
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not data:
                break
            target.write(data)
            await target.drain()
    except (ConnectionError, asyncssh.Error):
        pass  # the command closed its stdin, or the client disconnected
    finally:
        target.close()


def _hang_up(child: asyncio.subprocess.Process) -> None:
    """Close our ends of a command's pipes but do not kill the command, as sshd does after a disconnect."""
    transport = child._transport  # type: ignore[attr-defined]
    for number in (0, 1, 2):
        pipe = transport.get_pipe_transport(number)
        if pipe is None or pipe.is_closing():
            continue
        if number == 0:
            pipe.abort()
        else:
            pipe.close()
