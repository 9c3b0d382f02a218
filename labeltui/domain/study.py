"""Studies and the queue they wait in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

FINAL_TAG = "final"


class StudyState(StrEnum):
    """Where a study stands; other label tags appear under their own name in ``tags``."""

    UNLABELLED = "unlabelled"
    OPEN = "open"  # fetched by somebody, and not submitted since
    ORIGINAL = "original"  # has a label of a model or an earlier hand, none that is final
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Fetch:
    """A study was handed out: by which strategy, to whom, when."""

    strategy: str
    client: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Study:
    """One image of the datastore. ``fetches`` newest first; ``tags`` are its label tags with the time of each."""

    id: str
    tags: Mapping[str, datetime | None] = field(default_factory=dict)
    fetches: tuple[Fetch, ...] = ()
    name: str = ""
    added_at: datetime | None = None
    review: str = ""  # status of the reviewer plugin, e.g. "flagged"
    extensions: Mapping[str, str] = field(default_factory=dict)  # of its labels' files, by tag

    @property
    def open_fetches(self) -> tuple[Fetch, ...]:
        """Fetches that no final label has answered yet, newest first."""
        if FINAL_TAG not in self.tags:
            return self.fetches
        done = self.tags[FINAL_TAG]
        if done is None:
            return ()
        return tuple(f for f in self.fetches if f.at is not None and f.at > done)

    @property
    def openers(self) -> tuple[str, ...]:
        """Everybody who has the study open, newest first, each once."""
        return tuple(dict.fromkeys(f.client for f in self.open_fetches))

    @property
    def state(self) -> StudyState:
        """One word for the queue."""
        if FINAL_TAG in self.tags:
            return StudyState.FINAL
        if self.fetches:
            return StudyState.OPEN
        return StudyState.ORIGINAL if self.tags else StudyState.UNLABELLED


@dataclass(frozen=True, slots=True)
class StudyQueue:
    """The datastore. ``listed`` is False where the server can only count (DICOMweb, before anything was fetched)."""

    total: int
    completed: int
    studies: tuple[Study, ...] = ()
    label_tags: Mapping[str, int] = field(default_factory=dict)
    listed: bool = True
