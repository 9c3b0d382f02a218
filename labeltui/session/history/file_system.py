"""Whether a folder is on a disk of this machine."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
LOCAL = frozenset(
    (
        "bcachefs",
        "btrfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "overlay",
        "ramfs",
        "reiserfs",
        "tmpfs",
        "xfs",
        "zfs",
    )
)


def is_local(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether the folder's file system is known to be local.

    False if this machine does not report its type. Only on a local one can all processes share the memory that
    SQLite's write-ahead log needs.
    """
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
        place = folder.resolve()
    except OSError:
        return False
    found, kind = Path(), ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        mounted = Path(_unescaped(fields[4]))
        # Of two mounts on one folder, the later hides the earlier.
        if place.is_relative_to(mounted) and len(mounted.parts) >= len(found.parts):
            found, kind = mounted, right.split()[0]
    return kind in LOCAL


def _unescaped(path: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path
