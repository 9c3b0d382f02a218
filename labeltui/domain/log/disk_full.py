"""Patterns by which programs report a full disk. A full network volume reports its quota instead (errno 122)."""

from __future__ import annotations

# torch does not pass on the reason for which the file with a model could not be written.
DISK_FULL = (
    r"No space left on device|Disk quota exceeded|\bErrno (?:28|122)\b"
    r"|PytorchStreamWriter failed writing file"
)
FREE_SPACE = "Free some space there; a network volume may also have reached its size (its quota)."
