"""The folder for files that are not received whole yet, and what a folder of studies has already.

MONAI Label watches the folder of studies and everything below it. It lists a file that is created there or moved there
from elsewhere, but not one that is renamed inside. So parts are stored beside the folder, where the file system allows
to move a file from there, and in a hidden folder inside it otherwise.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import expand

HIDDEN = "labeltui-upload"
OLD_S = 14 * 86400.0  # parts that nobody continued for so long are deleted
LONGEST_NAME = 150


def staging_of(studies: Path) -> Path:
    """Return the folder for parts, whether it exists or not: the one that exists, else the one beside the studies."""
    inside = studies / f".{HIDDEN}"
    return inside if inside.is_dir() else beside(studies)


def beside(studies: Path) -> Path:
    """Return the folder for parts that is not watched by the server."""
    real = Path(os.path.realpath(studies))
    return real.with_name(f".{real.name}.{HIDDEN}")


def make_staging(studies: Path) -> Path:
    """Make the folder of studies and the one for parts, and return the latter. Raises OSError."""
    studies.mkdir(parents=True, exist_ok=True)
    outside, inside = beside(studies), studies / f".{HIDDEN}"
    if not inside.is_dir():
        try:
            outside.mkdir(exist_ok=True)
            if can_move(outside, studies):
                return outside
            outside.rmdir()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
    inside.mkdir(exist_ok=True)
    return inside


def can_move(source: Path, target: Path) -> bool:
    """Whether files can be renamed from one folder into another: not so between file systems or bind mounts."""
    handle, probe = tempfile.mkstemp(prefix="probe-", dir=source)
    os.close(handle)
    moved = target / f".{Path(probe).name}"
    try:
        Path(probe).rename(moved)
        moved.unlink()
    except OSError:
        with suppress(OSError):
            Path(probe).unlink()
        return False
    return True


def part_name(name: str, size: int, mtime_ns: int) -> str:
    """Return the name of the part of one version of a file. Another version has another part."""
    version = f"{name}\0{size}\0{mtime_ns}".encode("utf-8", "surrogateescape")
    shown = os.fsencode(name)[:LONGEST_NAME].decode("utf-8", "ignore")
    return f"{shown}.{hashlib.sha256(version).hexdigest()[:12]}.part"


def size_of(path: Path) -> int:
    """Return the size of a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def compare(studies: str, names: list[str], parts: list[list[Any]]) -> dict[str, Any]:
    """Report what a folder of studies has, and the space left on its disk.

    Returns ``there``: size and time of change of each of ``names`` that exists; ``parts``: the size of what an earlier
    upload left of each [name, size, mtime_ns]; ``free``: bytes. Raises OSError.
    """
    folder = expand(studies).absolute()
    there = {}
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            found = (folder / name).stat()
            there[name] = [found.st_size, found.st_mtime_ns]
    staging = staging_of(folder)
    left = [size_of(staging / part_name(str(name), int(size), int(mtime))) for name, size, mtime in parts]
    disk = folder
    while not disk.exists() and disk != disk.parent:
        disk = disk.parent
    space = os.statvfs(disk)
    return {"there": there, "parts": left, "free": space.f_bavail * space.f_frsize}


def tidy(studies: str) -> dict[str, Any]:
    """Delete the parts that nobody continued for two weeks, and the folder if nothing is left in it."""
    staging = staging_of(expand(studies).absolute())
    with suppress(OSError):
        for entry in list(os.scandir(staging)):
            with suppress(OSError):
                if time.time() - entry.stat().st_mtime > OLD_S:
                    Path(entry.path).unlink()
        staging.rmdir()
    return {}
