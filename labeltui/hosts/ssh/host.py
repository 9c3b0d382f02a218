"""A host that is reached over SSH."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import asyncssh

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.domain.ssh_address import SSH_PORT
from labeltui.hosts import transfer
from labeltui.hosts.base import Completed, Progress, Prompter
from labeltui.hosts.forwarding import LOOPBACK, port_taken
from labeltui.hosts.login_shell import command_line
from labeltui.hosts.quoting import posix
from labeltui.hosts.ssh.address import Target, resolve
from labeltui.hosts.ssh.auth import Deadline, Login, Secrets
from labeltui.hosts.ssh.channels import SshChannel, SshForward, SshShell, gone, probe_forwarding, run_to_end
from labeltui.hosts.ssh.client_config import ReadOptions
from labeltui.hosts.ssh.keys import KnownHosts
from labeltui.hosts.ssh.packets import spare_empty_packets
from labeltui.hosts.ssh.problems import decide_host_key, login_problem
from labeltui.hosts.ssh.proxy import ProxyCommand

WINDOW = 256 * 1024  # bytes in flight
SHELL_WINDOW = 64 * 1024  # bytes still to be drawn after Ctrl-C in a shell that prints without end
HOPS = 8
KEEPALIVES_MISSED = 2
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"  # twice as fast as asyncssh's first choice
CLOSE_WAIT_S = 2.0
CLOSED = "SSH connection closed"  # asyncssh's reason for a channel of a connection that has ended


class SshHost:
    """One machine over asyncssh, with the same login, keys and configuration as ssh.

    ``address`` is ``user@host:port`` or a Host of ``config``. ``key`` is the only private key to use. ``jump``
    names the jump hosts, as after ``ssh -J``. Host keys are looked up in ``known_hosts`` and
    ``own_known_hosts``; those that the operator accepts are written to the latter. ``known_as`` is the name to
    store the host key under if the address may change, like HostKeyAlias. Unless ``forward_agent`` is False,
    the host's own block in ``config`` may forward the operator's agent; a block for every host never does. A
    connection without an answer is closed after about three times ``keepalive_s``.
    """

    kind: Literal["ssh", "local"] = "ssh"

    def __init__(
        self,
        address: str,
        *,
        own_known_hosts: Path,
        prompter: Prompter,
        key: str | Path | None = None,
        jump: str | None = None,
        known_hosts: Sequence[str | Path] = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"),
        config: str | Path | None = "~/.ssh/config",
        connect_timeout: float = 20.0,
        keepalive_s: float = 5.0,
        known_as: str = "",
        forward_agent: bool = True,
    ) -> None:
        self.address = address
        self._key = None if key is None else Path(key).expanduser()
        self._jump = jump
        self._known_paths = [Path(path).expanduser() for path in known_hosts]
        self._own_known_hosts = own_known_hosts.expanduser()
        self._config = None if config is None else Path(config).expanduser()
        self._prompter = prompter
        self._connect_timeout = connect_timeout
        self._keepalive_s = keepalive_s
        self._known_as = known_as
        self._forward_agent = forward_agent
        self._secrets = Secrets(prompter)
        self._warned: set[str] = set()
        self._connections: list[asyncssh.SSHClientConnection] = []
        self._proxies: list[ProxyCommand] = []  # at most one: that of the first connection
        self._lost: asyncio.Future[str] | None = None

    @property
    def loopback(self) -> bool:
        """Whether the host's address is this machine's own loopback."""
        if len(self._connections) != 1:
            return False
        peer = self._connections[0].get_extra_info("peername")
        return bool(peer) and ip_address(peer[0].partition("%")[0]).is_loopback

    # ---- connecting

    async def connect(self) -> None:
        """Connect and log in.

        Raises Refused (``host_key_changed``, ``host_key_unknown``, ``host_key_revoked``, ``login_failed``,
        ``bad_key``), Unreachable (``dns``, ``refused``, ``timeout``, ``network``) or Misused
        (``bad_address``).
        """

        await self.close()
        self._lost = asyncio.get_running_loop().create_future()
        deadline = Deadline(self._connect_timeout)
        try:
            async with deadline.running():
                await self._connect(self.address, self._key, self._jump, deadline, HOPS)
        except TimeoutError:
            await self.close()
            raise Unreachable(
                Code.TIMEOUT,
                f"{self.address} did not answer within {self._connect_timeout:g} s.",
                "Check the address, and whether the machine is running.",
            ) from None
        except BaseException:
            await self.close()
            raise

    async def _connect(
        self, address: str, key: Path | None, jump: str | None, deadline: Deadline, hops: int
    ) -> asyncssh.SSHClientConnection:
        """Log in to one machine, through its jump hosts."""
        if hops == 0:
            raise Refused(
                Code.JUMP_LOOP,
                f"The jump host of {address} is the same host.",
                "Correct ProxyJump in ~/.ssh/config.",
            )
        target = await asyncio.to_thread(resolve, address, self._config, key)
        if self._known_as and hops == HOPS:
            target = replace(target, known_as=self._known_as, known_port=SSH_PORT)
        for warning in target.settings.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._prompter.notice(warning)
        via: asyncssh.SSHClientConnection | None = None
        *before, last = (jump or target.jump or "").split(",")
        if last:
            via = await self._connect(last.strip(), None, ",".join(before) or None, deadline, hops - 1)
        while True:
            known = await asyncio.to_thread(KnownHosts.read, self._paths(target))
            login = self._login(target, deadline)
            try:
                await login.offers.read(key)
                connection = await self._open(target, login, known, via)
            except LabeltuiError:
                raise
            except asyncssh.HostKeyNotVerifiable as error:
                await self._decide(error, target, login, known, deadline)
                continue  # the operator has just accepted the key
            except Exception as error:
                problem = await self._proxy_problem(target) or login_problem(error, target, login)
                if problem is None:
                    raise
                raise problem from error
            finally:
                await login.offers.close()
            login.accepted = True
            self._connections.append(connection)
            return connection

    def _paths(self, target: Target) -> list[Path]:
        return [self._own_known_hosts, *target.known_hosts, *self._known_paths]

    def _login(self, target: Target, deadline: Deadline) -> Login:
        lost = self._lost

        def on_lost(reason: str) -> None:
            if lost is not None and not lost.done():
                lost.set_result(reason)

        return Login(target, self._secrets, deadline, on_lost)

    async def _open(
        self, target: Target, login: Login, known: KnownHosts, via: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        options: dict[str, Any] = {
            "client_factory": lambda: login,
            "client_keys": None,  # the login gives asyncssh each key; else asyncssh offers the agent's keys first
            "known_hosts": lambda host, addr, port: self._listed(known, target, host, addr, port or SSH_PORT),
            "keepalive_interval": self._keepalive_s,
            "keepalive_count_max": KEEPALIVES_MISSED,
            "login_timeout": 600,  # the operator may take long to answer; connecting has its own deadline
            "tunnel": via,
            "request_pty": False,
            "agent_forwarding": self._forward_agent and target.forward_agent,
            "connect_timeout": None,
            "encryption_algs": () if target.settings.get("Ciphers") else CIPHERS,
            "config": None,
            "options": ReadOptions(target.settings),
        }
        old = known.trusted(target.known_as, "", target.known_port)
        if old:
            # The types of the stored keys come first, so that a host with several keys shows one that is stored.
            stored = [alg.decode() for _, key in old for alg in key.sig_algorithms]
            every = [alg.decode() for alg in asyncssh.public_key.get_default_public_key_algs()]
            options["server_host_key_algs"] = list(dict.fromkeys([*stored, *every]))
        if target.proxy_command and via is None:
            await self._close_proxies()  # it is the first of the connections
            self._proxies.append(await ProxyCommand.start(target.proxy_command))
            options |= {"sock": self._proxies[0].socket, "proxy_command": None}
        connection = await asyncssh.connect(target.alias, target.port, username=target.user, **options)
        spare_empty_packets(connection)
        return connection

    async def _proxy_problem(self, target: Target) -> LabeltuiError | None:
        proxied = target.proxy_command and self._proxies and not self._connections
        return await self._proxies[0].problem(target.host) if proxied else None

    async def _close_proxies(self) -> None:
        while self._proxies:
            await self._proxies.pop().close()

    def _listed(
        self, known: KnownHosts, target: Target, host: str, address: str, port: int
    ) -> tuple[list[Any], ...]:
        """Return the accepted host keys. If the host has ``known_as``, these are only the keys under that name."""
        if target.known_as == self._known_as:
            return known.lists(target.known_as, "", target.known_port)
        return known.lists(host, address, port)

    async def _decide(
        self, error: Exception, target: Target, login: Login, known: KnownHosts, deadline: Deadline
    ) -> None:
        address = "" if target.known_as == self._known_as else login.peer
        trusted = known.trusted(target.known_as, address, target.known_port)
        await decide_host_key(error, target, login, trusted, self._prompter, deadline, self._own_known_hosts)

    async def lost(self) -> str:
        """See :class:`~labeltui.hosts.base.Host`."""
        if self._lost is None:
            return "There is no connection."
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        connections, self._connections = self._connections, []
        if self._lost is not None and not self._lost.done():
            self._lost.set_result("The connection was closed.")
        for connection in reversed(connections):  # jump hosts last
            connection.close()
            try:
                async with asyncio.timeout(CLOSE_WAIT_S):
                    await connection.wait_closed()
            except TimeoutError:
                connection.abort()
        await self._close_proxies()

    # ---- channels

    def _connection(self) -> asyncssh.SSHClientConnection:
        if not self._connections or self._lost is None or self._lost.done():
            raise gone(self.address)
        return self._connections[-1]

    async def _process(
        self, command: str | None, *, window: int = WINDOW, **options: Any
    ) -> asyncssh.SSHClientProcess[bytes]:
        connection = self._connection()
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await connection.create_process(command, encoding=None, window=window, **options)
        except asyncssh.ChannelOpenError as error:
            lost = self._lost is not None and self._lost.done()
            # asyncssh refuses a channel with its own reason before it reports that the connection is lost.
            if lost or not self._connections or error.reason == CLOSED:
                raise gone(self.address, error) from None
            raise Failed(
                Code.CHANNEL_REFUSED,
                f"{self.address} opens no further session: {error.reason}.",
                "Raise MaxSessions in the sshd_config of that host.",
            ) from None
        except (OSError, asyncssh.Error) as error:  # TimeoutError is an OSError too
            raise gone(self.address, error) from None

    async def run(
        self, command: str, *, stdin: bytes | None = None, timeout: float | None = 60.0
    ) -> Completed:
        """See :class:`~labeltui.hosts.base.Host`.

        Raises Failed ``timeout`` if the command takes too long.
        """
        process = await self._process(command_line(command, streams=stdin is not None), request_pty=False)
        try:
            async with asyncio.timeout(timeout):
                return await run_to_end(process, command, self.address, stdin)
        except TimeoutError:
            raise Failed(
                Code.TIMEOUT, f"A command on {self.address} took longer than {timeout:g} s."
            ) from None
        except (OSError, asyncssh.Error) as error:
            raise gone(self.address, error) from None
        finally:
            process.close()

    async def open(self, command: str) -> SshChannel:
        """See :class:`~labeltui.hosts.base.Host`."""

        line = command_line(command, streams=True)
        channel = SshChannel(await self._process(line, request_pty=False), self.address)
        try:
            await channel.start(command)
        except BaseException:
            await channel.close()
            raise
        return channel

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> SshShell:
        """See :class:`~labeltui.hosts.base.Host`."""

        return SshShell(
            await self._process(
                None if command is None else posix(command),
                window=SHELL_WINDOW,
                request_pty=True,
                term_type="xterm-256color",
                term_size=(columns, rows),
            )
        )

    async def forward(self, remote_port: int, *, local_port: int = 0) -> SshForward:
        """See :class:`~labeltui.hosts.base.Host`."""
        connection = self._connection()
        await probe_forwarding(connection, remote_port, self.address)
        try:
            return SshForward(
                await connection.forward_local_port(LOOPBACK, local_port, LOOPBACK, remote_port)
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_taken(local_port) from None
            raise Failed(
                Code.PORT_REFUSED, f"labeltui can't listen on port {local_port}: {error.strerror}."
            ) from error
        except asyncssh.Error as error:
            raise gone(self.address, error) from None

    async def download(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """See :class:`~labeltui.hosts.base.Host`."""
        await transfer.download(self, source, target, progress=progress)
