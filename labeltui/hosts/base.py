"""The interface of a host: a machine that runs commands, shells and forwarded ports, and takes files.

All implementations behave alike (``tests/services/hosts/test_hosts_alike.py`` runs the same tests on each), so callers
need not know which one they use. Every failure is a :class:`~labeltui.domain.problems.LabeltuiError`: ``Unreachable``
when the host can't be reached or the connection was lost, ``Refused`` when the operator must decide (changed host key,
login), else ``Failed``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Progress = Callable[[int, int], None]
"""Called with the number of bytes copied so far and the total. A resumed copy does not start at 0."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a command. ``exit_code`` is negative for a signal, as in :mod:`subprocess`."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key, for a person to compare. ``fingerprint`` is ``SHA256:...``.

    ``expected`` are the fingerprints in RunPod's log, ``because`` is advice on them. Both may be empty.
    """

    address: str
    algorithm: str
    fingerprint: str
    expected: tuple[str, ...] = ()
    because: str = ""


class Prompter(Protocol):
    """Asks the operator questions and shows messages.

    An answer of None or False means "no": the connection is refused.
    """

    async def secret(self, title: str, prompt: str) -> str | None:
        """Ask for a password or passphrase. It is not echoed, and not stored beyond the session."""
        ...

    async def trust_host_key(self, key: HostKey) -> bool | None:
        """Ask whether to trust an unknown host key; None if nobody can be asked.

        A *changed* key is refused without a question.
        """
        ...

    def notice(self, text: str) -> None:
        """Show a line during the login that needs no answer, such as that a key waits for a touch."""
        ...


class Channel(Protocol):
    """The streams of a running command, with back-pressure in both directions."""

    async def read(self, limit: int = 65536) -> bytes:
        """Read the next bytes of stdout, at most ``limit``; ``b""`` at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to stdin. Returns when the pipe accepts more. Raises Unreachable if the command has ended."""
        ...

    async def wait(self) -> int:
        """Wait for the end of the command. Returns the exit code; negative for a signal."""
        ...

    def stderr_tail(self) -> bytes:
        """Return the last few kB of stderr."""
        ...

    async def close(self) -> None:
        """End the command with SIGHUP and free its resources. May be called twice."""
        ...


class Shell(Protocol):
    """A shell or a program on a PTY of the host."""

    async def read(self, limit: int = 65536) -> bytes:
        """Read the next bytes of output; ``b""`` when the shell has ended."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes as keyboard input."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Set the size of the PTY (SIGWINCH)."""
        ...

    def foreground(self) -> str | None:
        """Return the name of the program in the foreground. Empty for the shell itself, None if unknown."""
        ...

    async def wait(self) -> int | None:
        """Wait for the end of the shell. Returns the exit code; None if the connection was lost."""
        ...

    async def close(self) -> None:
        """End the shell with SIGHUP. May be called twice."""
        ...


class Forward(Protocol):
    """A local port that is forwarded to a port of the host. If ``direct``, both are the same port of this machine."""

    local_port: int
    direct: bool

    async def close(self) -> None:
        """Stop listening on the local port. May be called twice."""
        ...


class Host(Protocol):
    """One machine. After :meth:`lost` has returned, :meth:`connect` may be called again."""

    kind: Literal["ssh", "local"]
    address: str

    @property
    def loopback(self) -> bool:
        """Whether the host has the same loopback ports as this machine."""
        ...

    async def connect(self) -> None:
        """Connect and log in, within about 20 s plus the time that the operator takes to answer questions."""
        ...

    async def lost(self) -> str:
        """Wait until the connection is lost or closed. Returns the reason as a sentence."""
        ...

    async def close(self) -> None:
        """Close the connection and everything that was opened on it. May be called twice."""
        ...

    async def run(
        self,
        command: str,
        *,
        stdin: bytes | None = None,
        timeout: float | None = 60.0,
    ) -> Completed:
        """Run a POSIX shell command line to its end.

        Callers quote arguments. ``timeout`` is in seconds; None waits forever. Output of the login shell before
        the command is not part of the output. Raises Failed ``timeout``.
        """
        ...

    async def open(self, command: str) -> Channel:
        """Start a POSIX shell command line and return its streams. They exclude earlier output of the login shell."""
        ...

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Shell:
        """Open the user's login shell, or ``command``, on a PTY with TERM=xterm-256color."""
        ...

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Forward:
        """Forward 127.0.0.1:``local_port`` (0 for any) to ``remote_port`` of the host's loopback.

        Raises Failed ``port_taken`` if ``local_port`` is in use, and ``forwarding_refused`` if the host does
        not allow forwarding.
        """
        ...

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file from the host.

        An interrupted copy is resumed. The file gets the name ``target`` only after its checksum was compared.
        """
        ...
