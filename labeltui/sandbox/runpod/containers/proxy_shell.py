"""An SSH proxy like ``ssh.runpod.io``. It offers only interactive shells."""

from __future__ import annotations

import contextlib

import asyncssh

from labeltui.sandbox.runpod.containers.containers import Containers
from labeltui.sandbox.runpod.world.pods import Pod
from labeltui.sandbox.runpod.world.world import World
from labeltui.sandbox.sshd import login_shell
from labeltui.sandbox.terminal import run_on_terminal

NO_PTY = "Error: Your SSH client doesn't support PTY\n"


class ProxyShell:
    """One SSH server with one host key for all pods. The user name contains the pod's id and host token."""

    def __init__(self, world: World, containers: Containers) -> None:
        self._world = world
        self._containers = containers
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback."""
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=self._serve,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            allow_scp=False,
        )
        self.port = self._acceptor.get_port()

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in list(self.connections):
            connection.abort()

    def pod(self, username: str) -> Pod | None:
        """Return the pod for a user name (``ID-TOKEN``); None if no pod matches."""
        pod_id, _, token = username.rpartition("-")
        pod = self._world.pods.get(pod_id)
        return pod if pod is not None and pod.host_token == token else None

    def lets_in(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Return True if ``key`` is one of the account's keys or of the pod's own keys."""
        pod = self.pod(username)
        if pod is None:
            return False
        for line in [*self._world.ssh_keys, *pod.spec.env.get("PUBLIC_KEY", "").splitlines()]:
            with contextlib.suppress(asyncssh.KeyImportError):
                if asyncssh.import_public_key(line).public_data == key.public_data:
                    return True
        return False

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Start a shell. Like the real proxy, ignore a command without reporting an error."""
        pod = self.pod(str(process.get_extra_info("username")))
        inside = self._containers.shell(pod.id) if pod is not None else None
        if process.term_type is None:
            process.stdout.write(NO_PTY.encode())
            process.exit(1)
            return
        if inside is None:
            process.stdout.write(b"container not running\r\n")
            process.exit(1)
            return
        home, environment = inside
        environment["TERM"] = process.term_type or "xterm-256color"
        with contextlib.suppress(asyncssh.Error, ConnectionError):
            await run_on_terminal(process, login_shell(home), environment, home)


class _Login(asyncssh.SSHServer):
    """One client's connection. Refuses forwarding, as asyncssh does by default."""

    def __init__(self, proxy: ProxyShell) -> None:
        self._proxy = proxy
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._proxy.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._proxy.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._proxy.lets_in(username, key)
