"""Adds, lists and removes the keys of invited annotators in authorized_keys.

An invitation is two lines: a comment that labeltui recognises, and the key, which may only forward to one port of
this host's loopback. All other lines keep their bytes.

Requests, by ``ask``
    list {local}                    -> {"host": {...}, "invitations": [{name, key, port, since, connected}]}
    add {local, name, key, port}    -> the same
    revoke {local, name, key?}      -> the same, with the counts ``removed`` (keys), ``cut``, ``unclear`` and ``left``

``connected`` is None if the host does not show which connection belongs to whom.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import re
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence

from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.invited import sshd

COMMENT = "labeltui-invitation:"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]{68}")
START_LAG_S = 2.0  # the kernel's start of a process is exact to a tick, the file's time to a second
LOCK_S = 15.0
CLEANED_S = 24 * 3600.0
LOGIN_S = 0.5
Connected = Optional[Callable[[], List[sshd.Connection]]]
"""A function that returns this user's connections, or None if this user can't see the server's process."""
_MARK = re.compile(r"# labeltui invitation of ([A-Za-z0-9._-]+) since (\d+)")
# sshd compares the address in lower case, so no client can ask for NONE: the key listens nowhere.
_OPTIONS = 'restrict,port-forwarding,permitopen="127.0.0.1:{port}",permitlisten="NONE:1",command="exit 1"'
_LINE = re.compile(
    r'restrict,port-forwarding,permitopen="127\.0\.0\.1:(\d+)",\S+ 1" (ssh-ed25519 \S+) ' + COMMENT + r"(\S+)"
)


class Invited(NamedTuple):
    """The key of one annotator in the file. ``since`` is in unix seconds, None if its comment is missing."""

    name: str
    key: str
    port: int
    since: float | None

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint, in the form that sshd's log has."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def perform(ask: str, local: bool, **arguments: Any) -> dict[str, Any]:
    """Answer one request. Raises Problem ``no_sshd``, ``bad_request`` or ``locked``, and OSError."""
    table = sshd.listing()
    server = sshd.listener(table, os.getpid()) or sshd.any_listener(table)
    if local and server is None and ask == "add":
        raise Problem(
            "no_sshd",
            "No SSH server runs on this machine, so nobody can be invited to it.",
            "Install and start OpenSSH's server (Debian, Ubuntu: sudo apt install openssh-server).",
        )
    found = sshd.settings(sshd.config_of(server))
    if ask == "add":
        add(found.keys, arguments["name"], arguments["key"], int(arguments["port"]))
    connected: Connected = None if server is None else partial(present, server.pid)
    result = revoke(found.keys, arguments["name"], arguments.get("key"), connected) if ask == "revoke" else {}
    invited = read(found.keys)
    connections = None if connected is None else connected()
    exposed = sshd.exposed_keys() if found.exposes else None
    host = {
        "file": str(found.keys), "ssh_port": found.port, "sockets": found.sockets, "forwards": found.forwards,
        "connections": None if connections is None else len(connections),
    }  # fmt: skip
    rows = [
        {"name": one.name, "key": one.key, "port": one.port, "since": one.since, "connected": connected}
        for one, connected in zip(invited, presence(invited, connections, exposed))
    ]
    return {"host": host, "invitations": rows, **result}


def present(server: int) -> list[sshd.Connection]:
    """Return this user's connections to a server, in which no program runs."""
    return sshd.forwarding(sshd.listing(), os.getuid(), server)


def presence(
    invited: Sequence[Invited],
    connections: Sequence[sshd.Connection] | None,
    exposed: frozenset[str] | None = None,
) -> Iterator[bool | None]:
    """Yield for each invitation whether its key is connected; None if the host does not show that.

    ``exposed`` are the keys of the user's connections; None if sshd does not write them to files.
    """
    if connections is None:
        yield from (None for _ in invited)
        return
    keys = sshd.logged_keys(sshd.log_text()) if connections and invited else {}
    for one in invited:
        possible = [connection for connection in connections if _may_be(one.since, connection)]
        owners = [keys.get(connection.pid) for connection in possible]
        if one.fingerprint in owners:
            yield True
        elif None not in owners:
            yield False
        elif exposed is not None and one.key in exposed:
            yield True
        else:
            yield False if exposed is not None and all(map(_is_recent, possible)) else None


def _is_recent(connection: sshd.Connection) -> bool:
    """Whether the file with a connection's key is so young that no clean-up of temporary files can have deleted it."""
    return connection.since is not None and connection.since > time.time() - CLEANED_S


def _may_be(since: float | None, connection: sshd.Connection) -> bool:
    """Whether a connection began after the invitation, so that it may belong to it."""
    return since is None or connection.since is None or connection.since >= since - START_LAG_S


def read(path: Path) -> list[Invited]:
    """Return the invitations in a file of public keys. Raises OSError if a file exists and can't be read."""
    found: list[Invited] = []
    since: dict[str, float] = {}
    for line in _read(path).decode("utf-8", "replace").split("\n"):
        mark, key = _MARK.fullmatch(line), _LINE.fullmatch(line)
        if mark is not None:
            since[mark.group(1)] = float(mark.group(2))
        elif key is not None and NAME.fullmatch(key.group(3)) and KEY.fullmatch(key.group(2)):
            found.append(Invited(key.group(3), key.group(2), int(key.group(1)), since.get(key.group(3))))
    return found


def add(path: Path, name: str, key: str, port: int) -> None:
    """Add a key, in place of an earlier one of that name. Raises Problem ``bad_request`` for a malformed request."""
    if not NAME.fullmatch(name) or not KEY.fullmatch(key) or not 0 < port < 65536:
        raise Problem("bad_request", "The name, key or port of the invitation is malformed.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path):
        before = _without(_read(path), name, None)
        mark = f"# labeltui invitation of {name} since {int(time.time())}"
        line = f"{_OPTIONS.format(port=port)} {key} {COMMENT}{name}"
        gap = b"" if not before or before.endswith(b"\n") else b"\n"
        _replace(path, before + gap + f"{mark}\n{line}\n".encode("ascii"))


def revoke(path: Path, name: str, key: str | None, connected: Connected) -> dict[str, Any]:
    """Remove a name's lines and every line with ``key``. Then end the connections that may have used this key."""
    gone = [one for one in read(path) if one.name == name or one.key == key]
    if path.parent.is_dir():
        with _locked(path):
            before = _read(path)
            after = _without(before, name, key)
            if after != before:
                _replace(path, after)
    prints = {one.fingerprint for one in gone}
    prints |= {Invited(name, key, 0, None).fingerprint} if key and KEY.fullmatch(key) else set()
    cut = Cut(prints, min((one.since or 0.0 for one in gone), default=None))
    if connected is not None:
        cut.end(connected())
        if gone:
            time.sleep(LOGIN_S)  # for a login that had been accepted before the line was removed
            cut.end(connected())
    return {
        "removed": len(gone), "cut": len(cut.tried) - cut.left, "unclear": len(cut.unclear), "left": cut.left
    }  # fmt: skip


class Cut:
    """Ends the connections of some keys.

    A connection whose key is unknown is ended too if it is younger than ``since``.
    """

    def __init__(self, prints: set[str], since: float | None) -> None:
        self.prints, self.since = prints, since
        self.tried: set[int] = set()
        self.unclear: set[int] = set()
        self.left = 0

    def end(self, connections: Sequence[sshd.Connection]) -> None:
        """End the connections among these that use one of the keys, or may use one."""
        logged = sshd.logged_keys(sshd.log_text()) if connections else {}
        owned = [one for one in connections if logged.get(one.pid) in self.prints]
        unclear = [one for one in connections if one.pid not in logged and self._may_be(one)]
        self.left = sshd.end([*owned, *unclear])
        self.tried |= {one.pid for one in (*owned, *unclear)}
        self.unclear |= {one.pid for one in unclear}

    def _may_be(self, connection: sshd.Connection) -> bool:
        return self.since is not None and _may_be(self.since, connection)


def _without(content: bytes, name: str, key: str | None) -> bytes:
    """Return the file's content without the lines of a name, and without every line that has ``key``."""
    tail = f" {COMMENT}{name}".encode()
    mark = f"# labeltui invitation of {name} since ".encode()
    blob = key.split()[1].encode() if key and KEY.fullmatch(key) else None

    def stays(line: bytes) -> bool:
        ours = line.startswith(b"restrict,port-forwarding,") and line.rstrip().endswith(tail)
        return not (ours or line.startswith(mark) or (blob is not None and blob in line.split()))

    return b"".join(line for line in content.splitlines(keepends=True) if stays(line))


def _read(path: Path) -> bytes:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the file's folder against other consoles. Raises Problem ``locked``."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    deadline = time.monotonic() + LOCK_S
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Problem(
                        "locked", f"Another console is busy with {path}.", "Try again in a moment."
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step.

    Its mode stays; a link's target is replaced, not the link. A new file gets mode 0600.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode & 0o7777
    except FileNotFoundError:
        mode = 0o600
    handle, temporary = tempfile.mkstemp(prefix=".labeltui-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink()
        raise
