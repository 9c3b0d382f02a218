"""The pod's SSH server: public-key login, commands, PTY shells, SFTP, and forwarding to its own loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import asyncssh

from labeltui.sandbox.commands import run_on_pipes
from labeltui.sandbox.terminal import run_on_terminal

USER = "demo"

FIRST_BREAK_S = 6.0


class Sshd:
    """One SSH server on 127.0.0.1. Commands start in ``home`` with ``environment`` only.

    If ``authorized_keys`` (lines of an authorized_keys file) is given, only these keys may log in, and no client
    key is made. If ``host_keys`` are given, the server uses these keys instead of a new one.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        environment: Mapping[str, str],
        *,
        authorized_keys: str | None = None,
        host_keys: Sequence[asyncssh.SSHKey] = (),
    ) -> None:
        self._authorized_keys = authorized_keys
        self._host_keys = list(host_keys)
        self._root = root
        self._home = home
        self._environment = dict(environment)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.refusing = False
        self.port = 0

    @property
    def key_path(self) -> Path:
        """The client's private key."""
        return self._root / "client_key"

    @property
    def known_hosts_path(self) -> Path:
        """A known_hosts file with this server's key."""
        return self._root / "known_hosts"

    async def start(self) -> None:
        """Make missing keys, listen, and write the client's key and known_hosts."""
        host_keys = self._host_keys or [asyncssh.generate_private_key("ssh-ed25519")]
        authorized = self._authorized_keys
        if authorized is None:
            client_key = asyncssh.generate_private_key("ssh-ed25519", comment="labeltui demo")
            client_key.write_private_key(self.key_path)
            self.key_path.chmod(0o600)
            authorized = client_key.export_public_key().decode()
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            "127.0.0.1",
            0,
            server_host_keys=host_keys,
            authorized_client_keys=asyncssh.import_authorized_keys(authorized),
            process_factory=self._serve,
            sftp_factory=lambda channel: _Files(channel, self._home),
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            allow_scp=True,
            window=1 << 20,
        )
        self.port = self._acceptor.get_port()
        public = [key.export_public_key().decode().strip() for key in host_keys]
        self.known_hosts_path.write_text("".join(f"[127.0.0.1]:{self.port} {line}\n" for line in public))

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._acceptor is not None:
            self._acceptor.close()
        self.drop_all()

    def drop_all(self) -> None:
        """Abort every connection, as a network failure does."""
        for connection in list(self.connections):
            connection.abort()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the client's command, or a shell. Without a PTY a command behaves as under OpenSSH."""
        environment = dict(self._environment)
        run: Callable[..., Awaitable[None]] = run_on_pipes
        if process.term_type is not None:
            environment["TERM"] = process.term_type or "xterm-256color"
            run = run_on_terminal
        argv = ["/bin/sh", "-c", process.command] if process.command else login_shell(self._home)
        with contextlib.suppress(asyncssh.Error, ConnectionError):
            await run(process, argv, environment, self._home)


def login_shell(home: Path) -> list[str]:
    """Return the arguments of a shell with the pod's prompt and without the machine's start-up files."""
    bash = shutil.which("bash", path="/bin:/usr/bin:/usr/local/bin")
    if bash:
        return [bash, "--noprofile", "--rcfile", str(home / ".bashrc"), "-i"]
    return ["/bin/sh", "-i"]


class _Login(asyncssh.SSHServer):
    """One client's connection."""

    def __init__(self, sshd: Sshd) -> None:
        self._sshd = sshd
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self._sshd.refusing:
            conn.abort()
            return
        self._connection = conn
        self._sshd.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._sshd.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return False  # asyncssh itself checks the authorised keys

    def public_key_auth_supported(self) -> bool:
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        if dest_host not in ("127.0.0.1", "localhost"):
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "the demo pod forwards to its own loopback only"
            )
        return True


class _Files(asyncssh.SFTPServer):
    """An SFTP server that resolves relative paths in the pod's home."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], home: Path) -> None:
        super().__init__(channel)
        self._home = os.fsencode(home)

    def map_path(self, path: bytes) -> bytes:
        return path if path.startswith(b"/") else self._home + b"/" + path


async def break_network(sshd: Sshd, every: float, refuse_for: float) -> None:
    """Drop all connections every ``every`` seconds, and refuse new ones for ``refuse_for`` seconds, until cancelled.

    The first drop comes after at most 6 seconds, so that the operator need not wait long.
    """
    await asyncio.sleep(min(every, FIRST_BREAK_S))
    while True:
        sshd.refusing = True
        sshd.drop_all()
        await asyncio.sleep(refuse_for)
        sshd.refusing = False
        await asyncio.sleep(every)
