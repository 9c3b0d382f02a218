"""Finds the folder for incomplete uploads, and the files that a folder of studies has already.

MONAI Label watches the folder of studies and everything below it. It lists a file that is created there or
moved there from elsewhere, but not a file that is renamed inside. So parts are stored in a folder beside it, if
the file system can move a file from there. Otherwise they are in a hidden folder inside it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Sequence

from labeltui.hosts.agent.remote.files import expand

HIDDEN = "labeltui-upload"
OLD_S = 14 * 86400.0  # parts that nobody continued for so long are deleted
LONGEST_NAME = 150


def staging_of(studies: Path) -> Path:
    """Return the folder for parts: the existing one, else the one to create beside the studies."""
    inside = studies / f".{HIDDEN}"
    return inside if inside.is_dir() else beside(studies)


def beside(studies: Path) -> Path:
    """Return the folder for parts beside the studies, which the server does not watch."""
    real = Path(os.path.realpath(studies))
    return real.with_name(f".{real.name}.{HIDDEN}")


def make_staging(studies: Path) -> Path:
    """Create the folder of studies and the folder for parts. Returns the folder for parts. Raises OSError."""
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
    """Whether files can be renamed from one folder into another. Between file systems or bind mounts they can't."""
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
    """Return the name of the part for one version of a file. Each version has a part of its own."""
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
    """Report the files of a folder of studies, and the free space on its disk.

    Returns ``there``, with size and time of change of each existing file of ``names``; ``parts``, with the
    bytes that an earlier upload left of each [name, size, mtime_ns]; and ``free``, in bytes. Raises OSError.
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


def tidy(studies: str, every: bool = False, done: Sequence[list[Any]] = ()) -> dict[str, Any]:
    """Delete the parts that were not continued for two weeks, and the folder if it is empty then.

    ``done`` are files, each [name, size, mtime_ns], whose parts are deleted whatever their age. With ``every``, delete
    all parts. A part that a receiver writes stays.
    """
    staging = staging_of(expand(studies).absolute())
    of_done = {part_name(str(name), int(size), int(mtime)) for name, size, mtime in done}
    with suppress(OSError):
        for entry in list(os.scandir(staging)):
            with suppress(OSError):
                if every or entry.name in of_done or time.time() - entry.stat().st_mtime > OLD_S:
                    delete_unlocked(Path(entry.path))
        staging.rmdir()
    return {}


def delete_unlocked(path: Path) -> None:
    """Delete a part. Raises OSError if a receiver has locked it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)
