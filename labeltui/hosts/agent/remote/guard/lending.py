"""The operator's API key, if the profile lends it to the pod.

The key is stored in the pod's memory only. On a network volume it would outlive the pod, and users of the next
pod could read it. So the key is gone after the container starts again, and a console must lend it again.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from labeltui.hosts.agent.remote.files import read_text

MOUNTS = "/proc/self/mounts"
MEMORY_ELSEWHERE = "LABELTUI_GUARD_MEMORY"  # a folder to use instead, for a pod that is emulated
IN_MEMORY = ("tmpfs", "ramfs")
LONGEST_KEY = 1024
NOT_LENT = "the profile does not lend the operator's key"
LOST = "the operator's key is no longer in this pod's memory: an open console lends it again"
NO_PLACE = "the operator's key can't be lent: this pod has no file system in memory that can be written"


def memory_folder() -> Path | None:
    """Return a folder whose files are in memory, or None."""
    elsewhere = os.environ.get(MEMORY_ELSEWHERE)
    if elsewhere:
        return Path(elsewhere)
    mounts = re.findall(r"(?m)^\S+ (\S+/shm|/run) (\S+) ", read_text(MOUNTS))
    return next((Path(at) for at, kind in mounts if kind in IN_MEMORY and os.access(at, os.W_OK)), None)


def key_file(guard: Path) -> Path | None:
    """Return the file for the key of the guard in this folder. None if the pod has no place for it."""
    memory = memory_folder()
    mark = hashlib.sha256(str(guard).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return memory and memory / f"labeltui-key-{os.getuid()}-{guard.name}-{mark}"


def lent_key(guard: Path) -> str:
    """Return the key. Empty if none is lent, or if the file's permissions would let another user read or write it."""
    path = key_file(guard)
    if path is None:
        return ""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return ""
        return file.read(LONGEST_KEY).decode("ascii", "replace").strip()


def lend(guard: Path, key: str) -> str:
    """Store the key; an empty ``key`` deletes it. Returns the reason that the guard reports if it has no key later."""
    path = key_file(guard)
    if not key:
        if path is not None:
            with suppress(OSError):
                path.unlink()
        return NOT_LENT
    if path is None:
        return NO_PLACE
    try:
        handle, new = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(key)
        Path(new).replace(path)
    except OSError:
        return NO_PLACE
    return LOST


def remove_stored(folder: Path) -> None:
    """Delete the keys that guards of earlier versions left in labeltui's folder, of every pod."""
    for path in folder.glob("guard/*/operator.key*"):
        with suppress(OSError):
            path.unlink()
