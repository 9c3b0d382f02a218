"""Recordings of real programs: vim, htop, tmux, less, pip and bash, made by record.py."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache

from tests.paths import TERMINAL
from tests.terminal.oracle import Case

SESSIONS = TERMINAL / "sessions.json.gz"
COLUMNS, ROWS = 80, 24


@dataclass(frozen=True)
class Session:
    """A program's output; ``cuts`` are the byte counts after which the screen is compared."""

    name: str
    data: bytes
    cuts: tuple[int, ...]

    def cases(self) -> list[Case]:
        """A case for each cut: the output up to it."""
        return [Case(f"{self.name} after {at}", self.data[:at], COLUMNS, ROWS) for at in self.cuts]


@lru_cache
def sessions() -> tuple[Session, ...]:
    """Load the recordings."""
    stored = json.loads(gzip.decompress(SESSIONS.read_bytes()))
    return tuple(
        Session(name, one["data"].encode("latin-1"), tuple(one["cuts"])) for name, one in stored.items()
    )
