"""What every host can do, whatever way it is reached.

Implementations behave alike (``tests/services/hosts/test_hosts_alike.py`` runs the same tests on each); callers
never ask which one they hold. All failures are :class:`~labeltui.domain.problems.LabeltuiError`:
``Unreachable`` when the host can't be reached or went away, ``Refused`` when the operator must decide
(changed key, login), ``Failed`` else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); done starts above 0 when a transfer is resumed."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended. ``exit_code`` is negative for a signal, as in :mod:`subprocess`."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key as a person compares it: ``fingerprint`` is ``SHA256:...``.

    ``expected`` are the fingerprints that somebody who should know tells of, ``because`` says who, or why nobody.
    """

    address: str
    algorithm: str
    fingerprint: str
    expected: tuple[str, ...] = ()
    because: str = ""


class Prompter(Protocol):
    """Whoever can be asked. Each answer None (or False) means "no": the connection is then refused."""

    async def secret(self, title: str, prompt: str) -> str | None:
        """A password or passphrase; never echoed, never kept beyond the session."""
        ...

    async def trust_host_key(self, key: HostKey) -> bool:
        """A key that has never been seen. A *changed* key is never asked about: it is refused."""
        ...


class Channel(Protocol):
    """A running command's byte streams, with back-pressure both ways."""

    async def read(self, limit: int = 65536) -> bytes:
        """Next bytes of stdout, at most ``limit``; ``b""`` at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to stdin; returns when the other side has room."""
        ...

    async def wait(self) -> int:
        """The exit code (negative for a signal)."""
        ...

    def stderr_tail(self) -> bytes:
        """The last few kB of stderr so far."""
        ...

    async def close(self) -> None:
        """End the command (SIGHUP by closing its channel) and free it; may be called twice."""
        ...


class Shell(Protocol):
    """A PTY on the host."""

    async def read(self, limit: int = 65536) -> bytes:
        """Next bytes the terminal shows; ``b""`` when the shell has ended."""
        ...

    def write(self, data: bytes) -> None:
        """Bytes as typed."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Tell the remote its new size (SIGWINCH)."""
        ...

    def foreground(self) -> str | None:
        """The program that has the terminal: empty while the shell itself has it, None where that can't be seen."""
        ...

    async def wait(self) -> int | None:
        """The exit code, None when the connection went instead."""
        ...

    async def close(self) -> None:
        """Hang up; may be called twice."""
        ...


class Forward(Protocol):
    """A local port that leads to a port on the host. ``direct``.

    The host is this machine, nothing is in between.
    """

    local_port: int
    direct: bool

    async def close(self) -> None:
        """Give the local port back; may be called twice."""
        ...


class Host(Protocol):
    """One machine. One object serves many connections: ``connect`` again after ``lost`` returned."""

    kind: Literal["ssh", "local"]
    address: str

    @property
    def loopback(self) -> bool:
        """True when the host is, as far as ports go, this machine.

        What it listens on can't be listened on here too.
        """
        ...

    async def connect(self) -> None:
        """Connect and log in; asks its prompter where needed.

        Deadline of its own (about 20 s without questions).
        """
        ...

    async def lost(self) -> str:
        """Return, with the reason in words, when the connection has gone (never, while it holds)."""
        ...

    async def close(self) -> None:
        """Close everything that was opened; may be called twice."""
        ...

    async def run(
        self,
        command: str,
        *,
        stdin: bytes | None = None,
        timeout: float | None = 60.0,
    ) -> Completed:
        """Run a POSIX shell command line (callers quote) to its end, with its output whole.

        What a login shell prints before the command is not part of it.
        """
        ...

    async def open(self, command: str) -> Channel:
        """Start a POSIX shell command line with streams; they begin with the command's own bytes."""
        ...

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Shell:
        """Open the user's login shell (or ``command``) on a PTY, TERM=xterm-256color."""
        ...

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Forward:
        """Listen on 127.0.0.1:``local_port`` (0: any) for ``remote_port`` on the host's loopback.

        Raises ``Failed`` with code ``port_taken`` when ``local_port`` is in use.
        """
        ...

    async def upload(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """Copy a file up.

        Resumes a broken copy, compares checksums, and only then gives the file its name.
        """
        ...

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """Copy a file down, in the same way."""
        ...
