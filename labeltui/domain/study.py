"""Studies, and the queue of studies to label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
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


def when(seconds: object) -> datetime | None:
    """Convert Unix seconds. Returns None for anything that is not a time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def fetches_of(strategies: object) -> tuple[Fetch, ...]:
    """Convert what MONAI Label stores about a study's fetches, by strategy. Newest first."""
    fetches = [
        Fetch(str(strategy), str(trace.get("client_id") or "?"), when(trace.get("ts")))
        for strategy, trace in (strategies.items() if isinstance(strategies, dict) else ())
        if isinstance(trace, dict)
    ]
    oldest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(fetches, key=lambda fetch: fetch.at or oldest, reverse=True))


@dataclass(frozen=True, slots=True)
class Submission:
    """One submitted label: the client, and the time if it is known."""

    client: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """One image of the datastore. ``fetches`` newest first; ``tags`` are its label tags with their times.

    ``authors`` are the clients that submitted the labels, by tag. ``replaced`` are final labels of other clients that a
    later one has replaced, oldest first.
    """

    id: str
    tags: Mapping[str, datetime | None] = field(default_factory=dict)
    fetches: tuple[Fetch, ...] = ()
    name: str = ""
    added_at: datetime | None = None
    review: str = ""  # status of the reviewer plugin, e.g. "flagged"
    extensions: Mapping[str, str] = field(default_factory=dict)  # extensions of the label files, by tag
    authors: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[Submission, ...] = ()

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
