"""Channels of an SSH connection: commands with streams, terminals and forwarded ports."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.hosts.base import Completed
from labeltui.hosts.forwarding import LOOPBACK
from labeltui.hosts.login_shell import READ_AT_ONCE, await_start
from labeltui.hosts.output import STDERR_TAIL, read_stderr, read_stdout

STDERR_TAIL_BYTES = 8192
CLOSE_WAIT_S = 2.0
PROBE_S = 5.0


def gone(shown: str, error: BaseException | None = None) -> Unreachable:
    """Return the error for the use of a lost connection."""
    return Unreachable(
        Code.CONNECTION_LOST, f"The connection to {shown} was lost.", "Connect again.", str(error or "")
    )


async def _close(process: asyncssh.SSHClientProcess[bytes]) -> None:
    process.close()
    # A host that does not answer must not block the caller.
    with contextlib.suppress(TimeoutError, OSError, asyncssh.Error):
        async with asyncio.timeout(CLOSE_WAIT_S):  # wait_for can swallow a cancellation before Python 3.12
            await process.wait_closed()


async def run_to_end(
    process: asyncssh.SSHClientProcess[bytes], command: str, shown: str, stdin: bytes | None
) -> Completed:
    """Run a command to its end. Raises as :func:`await_start` and :func:`read_stdout` do.

    Raises Unreachable if there is no exit code.
    """
    stderr = bytearray()
    reader = asyncio.create_task(_collect(process, stderr, STDERR_TAIL))
    try:
        stdout = await await_start(
            process, command, shown, streams=stdin is not None, stderr=lambda: bytes(stderr)
        )
        if stdin is not None:
            process.stdin.write(stdin)
            process.stdin.write_eof()
        stdout = await read_stdout(process.stdout.read, shown, stdout)
        await reader
        await process.wait_closed()
    finally:
        reader.cancel()
    if process.returncode is None:
        raise gone(shown)
    return Completed(process.returncode, stdout, bytes(stderr))


async def _collect(process: asyncssh.SSHClientProcess[bytes], into: bytearray, most: int) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        await read_stderr(process.stderr.read, into, most=most)


class _Output:
    """A process's stdout.

    It takes everything that asyncssh has received, and returns it in pieces. Whenever a reader takes a piece
    from asyncssh, the host may send a whole window more, even if most of the last window is unread. So
    asyncssh's buffer would grow without bound if a slow reader took small pieces directly.
    """

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process
        self._pending = b""
        self._at = 0

    def put_back(self, data: bytes) -> None:
        """Put bytes back that were read before. The next read returns them first."""
        self._pending, self._at = data, 0

    async def read(self, limit: int) -> bytes:
        """The next bytes, at most ``limit``; ``b""`` at the end."""
        if self._at >= len(self._pending):
            self._pending, self._at = await self._process.stdout.read(READ_AT_ONCE), 0
        start, self._at = self._at, min(len(self._pending), self._at + limit)
        return self._pending[start : self._at]


class SshChannel:
    """The streams of a remote command. The host stops sending when a few windows are unread."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], shown: str) -> None:
        self._process = process
        self._output = _Output(process)
        self._shown = shown
        self._stderr = bytearray()
        self._reader = asyncio.create_task(_collect(process, self._stderr, STDERR_TAIL_BYTES))

    async def start(self, command: str) -> None:
        """Start the command as :mod:`labeltui.hosts.login_shell` describes."""
        try:
            self._output.put_back(
                await await_start(self._process, command, self._shown, streams=True, stderr=self.stderr_tail)
            )
        except (OSError, asyncssh.Error) as error:
            raise gone(self._shown, error) from None

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Channel`."""
        try:
            return await self._output.read(limit)
        except (OSError, asyncssh.Error) as error:
            raise gone(self._shown, error) from None

    async def write(self, data: bytes) -> None:
        """See :class:`~labeltui.hosts.base.Channel`. Raises Unreachable if the command no longer reads."""
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (OSError, asyncssh.Error) as error:
            raise gone(self._shown, error) from None

    async def wait(self) -> int:
        """See :class:`~labeltui.hosts.base.Channel`. Raises Unreachable if the connection was lost first."""
        try:
            await self._process.wait_closed()
        except (OSError, asyncssh.Error) as error:
            raise gone(self._shown, error) from None
        code = self._process.returncode
        if code is None:
            raise gone(self._shown)
        return code

    def stderr_tail(self) -> bytes:
        """See :class:`~labeltui.hosts.base.Channel`."""
        return bytes(self._stderr)

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Channel`."""
        await _close(self._process)
        self._reader.cancel()


class SshShell:
    """A remote PTY.

    ``read`` returns ``b""`` when the shell has ended or the connection is lost; ``wait`` then returns None for
    a lost connection.
    """

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process
        self._output = _Output(process)

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Shell`."""
        try:
            return await self._output.read(limit)
        except (OSError, asyncssh.Error):
            return b""

    def write(self, data: bytes) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        with contextlib.suppress(OSError):
            self._process.stdin.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        with contextlib.suppress(OSError):
            self._process.change_terminal_size(columns, rows)

    def foreground(self) -> None:
        """See :class:`~labeltui.hosts.base.Shell`. SSH does not report it, so it is None."""
        return

    async def wait(self) -> int | None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        with contextlib.suppress(OSError, asyncssh.Error):
            await self._process.wait_closed()
        return self._process.returncode

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        await _close(self._process)


async def probe_forwarding(connection: asyncssh.SSHClientConnection, port: int, shown: str) -> None:
    """Open a connection to the port on the host, and close it.

    Only then does sshd show whether it forwards ports at all. Raises Failed ``forwarding_refused`` if it does
    not. It does not matter whether anything listens on the port.
    """
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await connection.open_connection(LOOPBACK, port)
    except asyncssh.ChannelOpenError as error:
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            raise Failed(
                Code.FORWARDING_REFUSED,
                f"{shown} does not forward port {port}: administratively prohibited ({error.reason}).",
                "The host's sshd_config needs AllowTcpForwarding yes or local, and PermitOpen must allow this port.",
            ) from None
        return
    except (OSError, asyncssh.Error):  # TimeoutError is an OSError too
        return
    writer.close()


class SshForward:
    """A local port that is forwarded over the connection."""

    direct = False

    def __init__(self, listener: asyncssh.SSHListener) -> None:
        self._listener = listener
        self.local_port: int = listener.get_port()

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Forward`."""
        self._listener.close()
        await self._listener.wait_closed()
