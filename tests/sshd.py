"""A real OpenSSH server on loopback, made for one test and gone after it."""

from __future__ import annotations

import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

STARTS_WITHIN_S = 10.0


def free_port() -> int:
    """Return a port of the loopback on which no program listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """Return the first of so many free ports of the loopback, none of which Linux gives to connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        if all(is_free(one) for one in range(port, port + count)):
            return port


def is_free(port: int) -> bool:
    """Whether a program could listen on a port of the loopback."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class RealSshd:
    """``sshd -D`` with keys of its own in ``folder``.

    ``address`` and ``client_key`` are what a client needs; ``host_public_key`` is the line it should see.
    ``env`` is set for every session (SetEnv), HOME among it: ``folder/home`` unless given, or unless users have their
    ``own_homes``. ``restart`` keeps the port and the keys.
    """

    def __init__(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        own_homes: bool = False,
    ) -> None:
        self.folder = folder
        self.user = getpass.getuser()
        self.port = free_port()
        self.home = folder / "home"
        self.client_key = folder / "client_key"
        self.host_key = folder / "host_key"
        self._env = {**({} if own_homes else {"HOME": str(self.home)}), **(env or {})}
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.home.mkdir(parents=True, exist_ok=True)
        for key in (self.client_key, self.host_key):
            self.make_key(key)
        authorized = folder / "authorized_keys"
        authorized.write_text(self.client_key.with_name("client_key.pub").read_text())
        authorized.chmod(0o600)

    @property
    def address(self) -> str:
        return f"{self.user}@127.0.0.1:{self.port}"

    @property
    def host_public_key(self) -> str:
        return self.host_key.with_name("host_key.pub").read_text().strip()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def make_key(self, path: Path, passphrase: str = "") -> None:
        """Create an Ed25519 key, in place of an existing one."""
        path.unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
        )

    def _write_config(self) -> Path:
        # sshd takes only the first SetEnv line; its re-executed self needs absolute paths everywhere
        env = " ".join(f'"{name}={value}"' for name, value in self._env.items())
        config = self.folder / "sshd_config"
        config.write_text(
            "\n".join(
                (
                    *self._options,
                    f"Port {self.port}",
                    "ListenAddress 127.0.0.1",
                    f"HostKey {self.host_key}",
                    f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
                    f"PidFile {self.folder / 'sshd.pid'}",
                    "StrictModes no",
                    "UsePAM no",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "PermitRootLogin yes",
                    "Subsystem sftp internal-sftp",
                    "LogLevel VERBOSE",
                    "MaxStartups 100",
                    f"SetEnv {env}" if env else "",
                    "",
                )
            )
        )
        return config

    def start(self) -> None:
        """Start the server. Returns when it listens."""
        binary = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        assert binary is not None, "OpenSSH's sshd must be installed for this test"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd as root insists on it
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary, "-D", "-e", "-f", str(self._write_config())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self.folder / "sshd.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def processes(self) -> list[int]:
        """The server's process and those that serve its sessions, without the programs in the sessions."""
        if self._process is None:
            return []
        found = [self._process.pid]
        listing = subprocess.run(["ps", "-axo", "pid=,ppid=,args="], stdout=subprocess.PIPE, check=True)
        rows = [line.split(None, 2) for line in listing.stdout.decode("utf-8", "replace").splitlines()]
        for _ in range(3):  # the server's children, and theirs (privilege separation)
            for row in rows:
                if (
                    len(row) == 3
                    and "sshd" in row[2].split(" ", 1)[0]
                    and int(row[1]) in found
                    and int(row[0]) not in found
                ):
                    found.append(int(row[0]))
        return found

    def signal(self, number: int) -> None:
        """Send a signal to the server and to every process that serves a session."""
        for pid in reversed(self.processes()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def drop_sessions(self) -> None:
        """End every connection. The server continues to listen."""
        for pid in self.processes()[1:]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def kill(self) -> None:
        """Kill the server and its sessions. Programs that have left their session continue."""
        self.signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """End the server and its sessions; may be called twice."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self._reap()

    def _reap(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop the server, and start it again on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> RealSshd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
