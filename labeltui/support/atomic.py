"""Files that are replaced whole: after a crash the old or the new one is there, never a part of either.

Content goes into a file of its own beside the target, which then takes the target's name. That file is removed when
writing fails; where the process is killed, it stays behind (:func:`remove_leftovers`).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PREFIX = ".labeltui-"
PRIVATE = 0o600


def write_file(
    path: Path, content: str | bytes, *, mode: int | None = PRIVATE, durable: bool = False
) -> None:
    """Write ``content`` (text as UTF-8) to ``path``. The parameters and errors are those of :func:`replacing`."""
    with replacing(path, mode=mode, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path, *, mode: int | None = PRIVATE, durable: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write; it takes the place of ``path`` when the block ends, and goes away when the block raises.

    Of several writers the last one wins. Where ``path`` is a link, the file it points to is replaced.

    Args:
        mode: Permission bits of the new file. None: those of the file it replaces, or what the umask leaves of a
            new one.
        durable: Return only when the file and its name are on the disk. For what a power failure must not undo.

    Raises:
        OSError: The file can't be written. ``path`` is as it was.
    """
    target = path.resolve()
    kept = _mode_of(target) if mode is None else mode
    fresh = target.with_name(PREFIX + secrets.token_hex(8))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(fresh, flags, 0o666 if kept is None else PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if kept is not None:
                os.fchmod(descriptor, kept)
            yield file
            file.flush()
            if durable:
                os.fsync(descriptor)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(target.parent)


def move_file(source: Path, target: Path) -> None:
    """Give a complete file another name on the same file system, replacing what had it; durable. Raises OSError."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in ``folder`` are on the disk: syncing a file alone doesn't keep its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in ``folder``. Only for who knows that nobody writes there now."""
    for leftover in folder.glob(PREFIX + "*"):
        leftover.unlink(missing_ok=True)


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
