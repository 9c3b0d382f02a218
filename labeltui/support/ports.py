"""Whether a program of this machine listens on a port, and which."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
ACCEPTS_S = 1.0
LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp


def listener(port: int) -> str:
    """Return the program that listens on a local TCP port, as ``python3 (pid 41)``.

    Empty if it is unknown, as for another user's program or on a system without /proc.
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not sockets:
        return ""
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):  # the process has ended, or is another user's
            if any(str(entry.readlink()) in sockets for entry in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text('utf-8', 'replace').strip()} (pid {process.name})"
    return ""


def accepts(port: int) -> bool:
    """Return whether a program of this machine accepts connections to the port on 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), ACCEPTS_S).close()
    except OSError:
        return False
    return True


def _inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / name).read_text("ascii", "replace").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
