"""OpenSSH's server on this host: its settings, the connections that only forward ports, and the key of each."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

from labeltui.hosts.agent.remote.files import read_text
from labeltui.hosts.agent.remote.orphans import started_ts
from labeltui.hosts.agent.remote.processes import HAS_PROC, is_live, process

CONFIG = "/etc/ssh/sshd_config"
LOGS = ("/var/log/auth.log", "/var/log/secure")
EXPOSED = "sshauth.*"
LONGEST = 1 << 16
LOG_TAIL = 1 << 20
LOG_S = 5.0
END_S = 3.0
DEPTH = 16  # of files that include each other
_NAMES = frozenset(("sshd", "sshd-session", "sshd-auth"))
# The text before the process id has no brackets, so that a user name in the log can't imitate this line.
_ACCEPTED = re.compile(
    r"^[^\[\]]*\bsshd(?:-session)?\[(\d+)\]: Accepted (\S+) for .*?(?: ssh2: \S+ (SHA256:\S+))?$", re.M
)


class Process(NamedTuple):
    """A process. ``title`` is its whole command line; only processes of sshd have one."""

    pid: int
    ppid: int
    uid: int
    name: str
    title: str

    @property
    def is_sshd(self) -> bool:
        """Whether it is a process of OpenSSH's server."""
        return self.name in _NAMES

    @property
    def is_listener(self) -> bool:
        """Whether it is a server that waits for connections, not the process of one."""
        serves = self.title.startswith(("sshd: ", "sshd-session: ", "sshd-auth: "))
        return self.is_sshd and (not serves or "[listener]" in self.title)


class Connection(NamedTuple):
    """An SSH connection of this user in which no program runs.

    ``pid`` is the process that sshd's log names, ``pids`` are the processes that this user may end. ``since``
    is in unix seconds, None if unknown.
    """

    pid: int
    pids: tuple[int, ...]
    since: float | None


class Settings(NamedTuple):
    """The server's settings that matter here. ``keys`` is the file for this user's public keys.

    ``exposes`` is True if sshd writes each connection's key to a file that this user can read.
    """

    keys: Path
    port: int
    sockets: bool  # whether a key that may forward ports may also make UNIX sockets
    forwards: bool  # whether keys may forward ports at all
    exposes: bool


def listing() -> dict[int, Process]:
    """Return every process that this user may see, by id."""
    found = _of_proc() if HAS_PROC else _of_ps()
    return {one.pid: one for one in found}


def _of_proc() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        head, _, rest = read_text(entry / "stat").rpartition(")")
        if not rest:
            continue
        pid, ppid, name = int(entry.name), int(rest.split()[1]), head.partition("(")[2]
        if name not in _NAMES:
            yield Process(pid, ppid, -1, name, "")
            continue
        # The folder's owner is root for a process that changed its user, so the status is read.
        uid = re.search(r"^Uid:\s+(\d+)", read_text(entry / "status"), re.M)
        title = read_text(entry / "cmdline").replace("\0", " ").strip()
        yield Process(pid, ppid, int(uid.group(1)) if uid else -1, name, title)


def _of_ps() -> Iterator[Process]:
    done = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,uid=,command="], stdout=subprocess.PIPE, check=False,
        env=dict(os.environ, LC_ALL="C"),
    )  # fmt: skip
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        row = line.split(None, 3)
        if len(row) == 4:
            name = row[3].split()[0].rstrip(":").rpartition("/")[2]
            yield Process(int(row[0]), int(row[1]), int(row[2]), name, row[3].strip())


def listener(table: dict[int, Process], start: int) -> Process | None:
    """Return the server process that ``start`` descends from. None if there is none, or it can't be seen."""
    pid = start
    while pid in table and table[pid].ppid != pid:
        if table[pid].is_listener:
            return table[pid]
        pid = table[pid].ppid
    return None


def any_listener(table: dict[int, Process]) -> Process | None:
    """Return a server process of this machine, preferably one that uses the default configuration file."""
    found = [one for one in table.values() if one.is_listener]
    return min(found, key=lambda one: ("-f" in one.title.split(), one.pid), default=None)


def forwarding(table: dict[int, Process], uid: int, server: int) -> list[Connection]:
    """Return the connections of a user to one server in which no program runs.

    All connections of a key that may only forward ports are of this kind. A connection outlives its server's
    restart, and then has no server as its parent.
    """
    children: dict[int, list[Process]] = {}
    for one in table.values():
        children.setdefault(one.ppid, []).append(one)
    found = []
    for top in table.values():
        parent = table.get(top.ppid)
        orphaned = parent is None or not parent.is_sshd
        if not top.is_sshd or top.is_listener or not (top.ppid == server or orphaned):
            continue
        tree = [top]
        for one in tree:
            tree += children.get(one.pid, [])
        users = {one.uid for one in tree}
        busy = any(not one.is_sshd or one.name == "sshd-auth" or "internal-sftp" in one.title for one in tree)
        if busy or uid not in users or users - {uid, 0}:
            continue
        known = process(top.pid)
        since = started_ts(known) if known is not None else None
        found.append(Connection(top.pid, tuple(one.pid for one in tree if one.uid == uid), since))
    return found


def end(connections: Iterable[Connection]) -> int:
    """End the processes of connections. Returns the number of connections that still run after 3 s and a kill."""
    left = list(connections)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in (pid for one in left for pid in one.pids):
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue
        deadline = time.monotonic() + END_S
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = [one for one in left if any(is_live(process(pid)) for pid in one.pids)]
    return len(left)


def logged_keys(text: str) -> dict[int, str]:
    """Return the fingerprint of the key that each process id logged in with last; "" for a password."""
    return {
        int(found.group(1)): (found.group(3) or "") if found.group(2) == "publickey" else ""
        for found in _ACCEPTED.finditer(text)
    }


def log_text(logs: Iterable[str] = LOGS) -> str:
    """Return the end of sshd's log. Empty if this user may not read it, or the host keeps none."""
    for path in logs:
        try:
            with Path(path).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_TAIL))
                return file.read().decode("utf-8", "replace")
        except OSError:
            continue
    try:
        done = subprocess.run(
            ["journalctl", "-q", "--no-pager", "-o", "short", "-n", "5000", "-t", "sshd", "-t", "sshd-session"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LOG_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def exposed_keys(folder: str = "/tmp") -> frozenset[str]:  # noqa: S108 - sshd writes them there
    """Return the keys of this user's connections, as ``TYPE KEY``, which sshd writes with ExposeAuthInfo."""
    found = set()
    for path in Path(folder).glob(EXPOSED):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        with os.fdopen(handle, "rb") as file:
            if os.fstat(handle).st_uid == os.getuid():  # anybody may make a file of that name
                lines = file.read(LONGEST).decode("utf-8", "replace").split("\n")
                found |= {line[len("publickey ") :] for line in lines if line.startswith("publickey ")}
    return frozenset(found)


def config_of(server: Process | None) -> str:
    """Return the path of the configuration file that a server process was started with."""
    found = re.search(r" -f ?(/.+?)(?= -[A-Za-z]| \[|$)", server.title if server is not None else "")
    return found.group(1) if found else CONFIG


def settings(config: str = CONFIG) -> Settings:
    """Read the settings outside Match blocks. Settings that are missing or can't be read have sshd's defaults."""
    found: dict[str, list[str]] = {}
    for keyword, values in _lines(config, DEPTH):
        found.setdefault(keyword, values)
    user = pwd.getpwuid(os.getuid())
    names = found.get("authorizedkeysfile", [".ssh/authorized_keys"])
    tokens = {"%%": "%", "%h": user.pw_dir, "%u": user.pw_name, "%U": str(user.pw_uid)}
    name = re.sub("%.", lambda token: tokens.get(token.group(), token.group()), names[0])
    port = found.get("port", ["22"])[0]

    def value(keyword: str) -> str:
        return found.get(keyword, [""])[0].lower()

    refused = value("disableforwarding") == "yes"
    return Settings(
        Path(user.pw_dir, name),
        int(port) if port.isdigit() else 22,
        # sshd compares a socket with no `permitlisten`, but it refuses all listening where ports may not listen.
        not refused
        and not {value("allowstreamlocalforwarding"), value("allowtcpforwarding")} & {"no", "local"},
        not refused and value("allowtcpforwarding") not in ("no", "remote"),
        value("exposeauthinfo") == "yes",
    )


def _lines(config: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    for line in read_text(config).splitlines():
        try:
            words = shlex.split(line.replace("=", " ", 1), comments=True)
        except ValueError:
            continue
        if len(words) < 2:
            continue
        keyword = words[0].lower()
        if keyword == "match":
            return
        if keyword != "include":
            yield keyword, words[1:]
            continue
        for pattern in words[1:] if depth else []:
            whole = Path(CONFIG).parent / pattern
            for path in sorted(Path("/").glob(str(whole.relative_to("/")))):
                yield from _lines(str(path), depth - 1)
