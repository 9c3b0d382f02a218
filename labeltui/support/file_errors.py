"""Explains why a file or folder of this desk can't be used, in words for the operator."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from labeltui.support.desk import WINDOWS

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "it is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.EIO: "the disk reports an error",
}


def reason(error: OSError, path: Path) -> str:
    """Why ``path`` can't be used, as a clause such as ``the disk is full``."""
    if error.errno in (errno.EACCES, errno.EPERM) and (owner := _other_owner(path)) is not None:
        return f"{owner[0]} belongs to {owner[1]}"
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def sentence(error: BaseException) -> str | None:
    """Return a sentence on an OSError that names a file of this desk that can't be used; None for other errors."""
    if isinstance(error, OSError) and isinstance(error.filename, str) and error.errno in _REASONS:
        return f"{error.filename} can't be used: {reason(error, Path(error.filename))}."
    return None


def advice(error: OSError, path: Path) -> str:
    """Return one sentence that says how to solve the error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"Free space for {path}."
    if (
        not WINDOWS
        and error.errno in (errno.EACCES, errno.EPERM)
        and (owner := _other_owner(path)) is not None
    ):
        return f"If labeltui ran under sudo once, run `sudo chown -R {os.getuid()} {owner[0]}`."
    return f"Check {path}."


def _other_owner(path: Path) -> tuple[Path, str] | None:
    """Return the topmost part of ``path`` that another user owns in a folder of this user, and that user.

    None if there is none, or on a system without user ids.
    """
    if WINDOWS:
        return None
    me = os.getuid()
    own_above = False
    for part in (*reversed(path.parents), path):
        try:
            owner = part.stat().st_uid
        except OSError:
            return None
        if owner == me:
            own_above = True
        elif own_above:
            return part, "root" if owner == 0 else f"user {owner}"
    return None
