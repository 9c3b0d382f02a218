"""Studies, and the queue of studies to label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

FINAL_TAG = "final"


class StudyState(StrEnum):
    """The state of a study's labels; other label tags are in ``tags`` only."""

    UNLABELLED = "unlabelled"
    OPEN = "open"  # fetched, and no label submitted since
    ORIGINAL = "original"  # has a label, but no final one
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Fetch:
    """One time that a server handed out a study: the strategy, the client and the time."""

    strategy: str
    client: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Study:
    """One image of the datastore. ``fetches`` newest first; ``tags`` are its label tags with their times."""

    id: str
    tags: Mapping[str, datetime | None] = field(default_factory=dict)
    fetches: tuple[Fetch, ...] = ()
    name: str = ""
    added_at: datetime | None = None
    review: str = ""  # status of the reviewer plugin, e.g. "flagged"
    extensions: Mapping[str, str] = field(default_factory=dict)  # extensions of the label files, by tag

    @property
    def open_fetches(self) -> tuple[Fetch, ...]:
        """Fetches after which no final label was submitted, newest first."""
        if FINAL_TAG not in self.tags:
            return self.fetches
        done = self.tags[FINAL_TAG]
        if done is None:
            return ()
        return tuple(f for f in self.fetches if f.at is not None and f.at > done)

    @property
    def openers(self) -> tuple[str, ...]:
        """The clients that have the study open, newest first."""
        return tuple(dict.fromkeys(f.client for f in self.open_fetches))

    @property
    def state(self) -> StudyState:
        """The study's state in the queue."""
        if FINAL_TAG in self.tags:
            return StudyState.FINAL
        if self.fetches:
            return StudyState.OPEN
        return StudyState.ORIGINAL if self.tags else StudyState.UNLABELLED


@dataclass(frozen=True, slots=True)
class StudyQueue:
    """The datastore. ``listed`` is False when the server reports only counts (DICOMweb, before the first fetch)."""

    total: int
    completed: int
    studies: tuple[Study, ...] = ()
    label_tags: Mapping[str, int] = field(default_factory=dict)
    listed: bool = True
