"""Recordings of real programs: vim, htop, tmux, less, pip and bash, made by record.py."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache

from tests.paths import TERMINAL
from tests.terminal.oracle import Asked

SESSIONS = TERMINAL / "sessions.json.gz"
COLUMNS, ROWS = 80, 24


@dataclass(frozen=True)
class Session:
    """What a program wrote, and after how many bytes to look at the screen."""

    name: str
    data: bytes
    cuts: tuple[int, ...]

    def asked(self) -> list[Asked]:
        """For each cut point what had been written by then."""
        return [Asked(f"{self.name} after {at}", self.data[:at], COLUMNS, ROWS) for at in self.cuts]


@lru_cache
def sessions() -> tuple[Session, ...]:
    """What was recorded."""
    told = json.loads(gzip.decompress(SESSIONS.read_bytes()))
    return tuple(
        Session(name, one["data"].encode("latin-1"), tuple(one["cuts"])) for name, one in told.items()
    )
