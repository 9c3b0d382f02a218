"""File access for agent and guard, and the error that both report."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
LONGEST_TEXT = 1 << 20


class Problem(Exception):
    """A failure that the console shows. ``document`` is sent as the ``error`` of the answer."""

    def __init__(self, code: str, message: str, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.document = {"code": code, "message": message, "hint": hint, "detail": detail}


def problem_of(error: Exception) -> Problem:
    """Convert an exception of a request to the Problem that is sent as the answer."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Free some space there; a network volume may also have reached its size (its quota)."
            return Problem("disk_full", what, hint)
        code = "not_found" if isinstance(error, FileNotFoundError) else "io_error"
        return Problem(code, what, "Check the path and the disk of the host.")
    name = type(error).__name__
    if isinstance(error, (ValueError, KeyError, TypeError, AttributeError, RecursionError)):
        return Problem("bad_request", f"The request can't be understood: {name}.")
    return Problem("internal", f"The agent failed: {name}: {error}.")


def expand(path: str) -> Path:
    """Expand ``~`` and ``~user``; an unknown user's path is returned unchanged."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def read_text(path: str | Path) -> str:
    """Read at most 1 MiB of text. Empty if the file can't be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(LONGEST_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object. Empty if the file is missing, invalid or not an object."""
    try:
        document = json.loads(read_text(path) or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def write_json(path: str | Path, value: object) -> None:
    """Replace a file in one step, so that no reader sees a mix of old and new content. Raises OSError."""
    write_bytes(path, json.dumps(value).encode())


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replace a file in one step, as :func:`write_json` does. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=".", dir=Path(path).parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def take_lock(path: str | Path, wait_s: float = 15.0) -> int:
    """Take an exclusive lock on a file. Close the returned descriptor to release it; a child may inherit it.

    Raises Problem ``locked`` after ``wait_s`` seconds.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES) or time.monotonic() > deadline:
                os.close(handle)
                raise Problem(
                    "locked", f"Another console is busy with {path}.", "Try again in a moment."
                ) from None
        else:
            return handle
        time.sleep(0.02)


def sha256(path: str | Path, limit: int | None = None) -> str:
    """Return the checksum in hex of a file's first ``limit`` bytes, or of all if None. Raises OSError."""
    digest, left = hashlib.sha256(), limit
    with Path(path).open("rb") as file:
        while left is None or left > 0:
            data = file.read(BLOCK if left is None else min(left, BLOCK))
            if not data:
                break
            digest.update(data)
            if left is not None:
                left -= len(data)
    return digest.hexdigest()
