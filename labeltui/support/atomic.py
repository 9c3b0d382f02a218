"""Replace files atomically: after a crash, the old or the new file exists complete.

The content is written to a temporary file in the target's folder, which is then renamed. The temporary file is removed
when writing fails, but stays when the process is killed (see :func:`remove_leftovers`).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from labeltui.support.desk import WINDOWS, make_private

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
    """Yield a file that replaces ``path`` when the block ends, and is removed when the block raises.

    The last of several writers wins. If ``path`` is a link, the file it points to is replaced.

    Args:
        mode: Permission bits of the new file. None keeps those of the replaced file, or applies the umask if there
            is none.
        durable: Return only when the file and its name are on the disk, for changes that must survive a power failure.

    Raises:
        OSError: The file can't be written. ``path`` is unchanged.
    """
    target = path.resolve()
    bits = _mode_of(target) if mode is None else mode
    fresh = target.with_name(PREFIX + secrets.token_hex(8))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(fresh, flags, 0o666 if bits is None else PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if bits is not None:
                make_private(descriptor, bits)
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
    """Rename a complete file within its file system, replacing ``target``. The rename is durable. Raises OSError."""
    with source.open("r+b") as file:  # Windows syncs only what is open for writing
        os.fsync(file.fileno())
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in ``folder`` to the disk. Syncing a file does not sync its name, except on Windows."""
    if WINDOWS:  # which can't open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed writers. Call it only when nobody writes to ``folder``."""
    for leftover in folder.glob(PREFIX + "*"):
        leftover.unlink(missing_ok=True)


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
