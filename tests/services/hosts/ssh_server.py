"""An SSH server in this process, behind a relay that can cut or freeze connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import asyncssh

from labeltui.hosts.base import HostKey

PASSWORD = "correct horse"


class Answers:
    """A prompter with prepared answers. It stores the questions."""

    def __init__(self, *secrets: str | None, trust: bool | None = True) -> None:
        self.secrets = list(secrets)
        self.trust = trust
        self.asked: list[tuple[str, str]] = []
        self.keys: list[HostKey] = []
        self.noticed: list[str] = []

    async def secret(self, title: str, prompt: str) -> str | None:
        self.asked.append((title, prompt))
        return self.secrets.pop(0) if self.secrets else None

    def notice(self, text: str) -> None:
        self.noticed.append(text)

    async def trust_host_key(self, key: HostKey) -> bool | None:
        self.keys.append(key)
        return self.trust


class _Accounts(asyncssh.SSHServer):
    def __init__(self, methods: frozenset[str], keys: list[asyncssh.SSHKey]) -> None:
        self._methods, self._keys = methods, keys

    def public_key_auth_supported(self) -> bool:
        return "publickey" in self._methods

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return any(key.public_data == one.public_data for one in self._keys)

    def password_auth_supported(self) -> bool:
        return "password" in self._methods

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._methods

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "Second factor", "", [("Password: ", False), ("Code: ", True)]

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return list(responses) == [PASSWORD, "123456"]

    def begin_auth(self, username: str) -> bool:
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


class Server:
    """Listens on loopback behind a :class:`Wire`. It runs commands as this user, in ``home``."""

    def __init__(self, home: Path, *methods: str) -> None:
        self.home = home
        self.methods = frozenset(methods or ("publickey",))
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.noise = b""
        self.wire = Wire()
        self._acceptor: Any = None
        self._running: set[asyncio.subprocess.Process] = set()
        home.mkdir(parents=True, exist_ok=True)
        self.key_file = home / "user_key"
        self.user_key.write_private_key(self.key_file)

    @property
    def port(self) -> int:
        return self.wire.port

    @property
    def address(self) -> str:
        return f"tester@127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Accounts(self.methods, [self.user_key]),
            server_host_keys=[self.host_key],
            process_factory=self._serve,
            encoding=None,
        )
        await self.wire.start(self._acceptor.get_port())

    async def change_host_key(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        port = self.wire.port
        await self.wire.close()
        self.wire = Wire(port)
        await self.start()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if self.noise:
            process.stdout.write(self.noise)
        master = slave = None
        if process.term_type is not None:
            master, slave = os.openpty()
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            *(("-c", process.command) if process.command else ()),
            stdin=asyncio.subprocess.PIPE if slave is None else slave,
            stdout=asyncio.subprocess.PIPE if slave is None else slave,
            stderr=asyncio.subprocess.PIPE if slave is None else slave,
            env={**os.environ, "HOME": str(self.home), "TERM": str(process.term_type), "PS1": "$ "},
            cwd=self.home,
            start_new_session=True,
        )
        self._running.add(child)
        if slave is not None and master is not None:
            os.close(slave)
            pumps = [_pump(_Terminal(master), process.stdout)]
            feed = asyncio.create_task(_pump(process.stdin, _Terminal(master)))
        else:
            pumps = [_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr)]
            feed = asyncio.create_task(_pump(process.stdin, child.stdin))
        await asyncio.gather(*pumps)
        code = await child.wait()
        feed.cancel()
        if master is not None:
            os.close(master)
        if code < 0:
            process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
        else:
            process.exit(code)

    async def close(self) -> None:
        await self.wire.close()
        self._acceptor.close()
        await self._acceptor.wait_closed()
        for child in self._running:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            child._transport.close()  # type: ignore[attr-defined]  # its output may be unread
            await child.wait()


class _Terminal:
    """The master side of a PTY as a stream."""

    def __init__(self, master: int) -> None:
        self._master = master

    async def read(self, limit: int) -> bytes:
        try:
            return await asyncio.to_thread(os.read, self._master, limit)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        os.write(self._master, data)

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


async def _pump(source: Any, sink: Any) -> None:
    """Copy until either side ends. If the client disconnects, the command's input ends."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


class Wire:
    """Copies bytes between a client and the server until :meth:`cut` or another fault."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.budget: dict[str, int | None] = {"up": None, "down": None}
        self.frozen = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, target: int) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
            self._writers |= {writer, there_writer}
            for direction, source, sink in (("up", reader, there_writer), ("down", there_reader, writer)):
                task = asyncio.create_task(self._copy(direction, source, sink))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _copy(self, direction: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(16384):
                if self.frozen.is_set():
                    await asyncio.get_running_loop().create_future()
                left = self.budget[direction]
                if left is not None:
                    self.budget[direction] = left - len(data)
                    if left < len(data):
                        sink.write(data[:left])
                        self.cut()
                        return
                sink.write(data)
                await sink.drain()
            sink.close()

    def cut_after(self, direction: str, count: int) -> None:
        """Cut every connection once ``count`` more bytes were sent in a direction."""
        self.budget[direction] = count

    def cut(self) -> None:
        """Cut every connection. New connections work."""
        self.budget = {"up": None, "down": None}
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def freeze(self) -> None:
        """Drop all bytes, as if the machine were switched off."""
        self.frozen.set()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
