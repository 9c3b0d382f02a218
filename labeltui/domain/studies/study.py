"""Studies, and the queue of studies to label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from labeltui.domain.states import StudyState
from labeltui.domain.studies.annotation import Work

FINAL_TAG = "final"
READING = f"{FINAL_TAG}_"
"""Begins the tag under which labeltui stores a reading of a study that is read twice."""
OLDEST = datetime.min.replace(tzinfo=UTC)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Fetch(NamedTuple):
    """A server handed out a study: by which strategy, to which client, and when."""

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


class Submission(NamedTuple):
    """One submitted label: the client, and the time if it is known."""

    client: str
    at: datetime | None = None


class Study(NamedTuple):
    """One image of the datastore. ``fetches`` are sorted newest first. ``tags`` are its label tags with their times.

    ``authors`` are the clients that submitted the labels, by tag. ``replaced`` are final labels of other
    clients that a later one has replaced, oldest first. ``scores`` are the numbers that scoring methods stored,
    by name. ``extension`` is the image file's, and ``modality`` is DICOM's; both are empty if unknown.
    ``images`` is the number of images of a DICOM series, ``size`` the bytes of a folder's image file. ``work``
    is the time that the final label took, if its author's fetch is known. ``holders`` are the fetches of clients
    that may still be labelling it: each was before a final label, and since then the client has neither submitted
    one nor fetched another study.

    A tuple, because a frozen dataclass takes four times as long to create, and a list may have 100,000 studies.
    """

    id: str
    tags: Mapping[str, datetime | None] = _NOTHING
    fetches: tuple[Fetch, ...] = ()
    name: str = ""
    added_at: datetime | None = None
    review: str = ""  # status of the reviewer plugin, e.g. "flagged"
    extensions: Mapping[str, str] = _NOTHING  # extensions of the label files, by tag
    authors: Mapping[str, str] = _NOTHING
    replaced: tuple[Submission, ...] = ()
    scores: Mapping[str, float] = _NOTHING
    extension: str = ""
    modality: str = ""
    images: int | None = None
    work: Work | None = None
    holders: tuple[Fetch, ...] = ()
    size: int | None = None

    @property
    def final_author(self) -> str:
        """The client that submitted the final label; empty without a label, or if the client is unknown."""
        return self.authors.get(FINAL_TAG, "")

    @property
    def open_fetches(self) -> tuple[Fetch, ...]:
        """Fetches after which no final label was submitted, newest first."""
        if FINAL_TAG not in self.tags:
            return self.fetches
        done = self.tags[FINAL_TAG]
        if done is None:
            return ()
        return tuple(f for f in self.fetches if f.at is not None and f.at > done and not self.has_label_of(f))

    def has_reading_of(self, client: str) -> bool:
        """Whether a client's label of a study that is read twice is stored under a tag of its own."""
        return any(author == client and tag.startswith(READING) for tag, author in self.authors.items())

    def has_label_of(self, fetch: Fetch) -> bool:
        """Whether the client of a fetch has submitted a final label or a reading since.

        MONAI Label stores a label's time in whole seconds, and a fetch's with fractions. A fetch in the second of the
        client's label is the one that led to the label.
        """
        if fetch.at is None:
            return False
        fetched = fetch.at.replace(microsecond=0)
        return any(
            client == fetch.client
            and (tag == FINAL_TAG or tag.startswith(READING))
            and (at := self.tags.get(tag)) is not None
            and at >= fetched
            for tag, client in self.authors.items()
        )

    @property
    def openers(self) -> tuple[str, ...]:
        """The clients that have the study open, newest first."""
        fetches = self.open_fetches if self.fetches else ()
        if len(fetches) < 2:
            return (fetches[0].client,) if fetches else ()
        return tuple(dict.fromkeys(f.client for f in fetches))

    @property
    def state(self) -> StudyState:
        """The study's state in the queue."""
        if FINAL_TAG in self.tags:
            return StudyState.FINAL
        if self.fetches:
            return StudyState.OPEN
        return StudyState.ORIGINAL if self.tags else StudyState.UNLABELLED


_EMPTY_ENTRY: tuple[Any, ...] = ("", "", None, "", (), (), "", _NOTHING, "")
_added = lru_cache(1024)(when)
"""Convert Unix seconds, with a cache. The studies of a folder were found within seconds, so only few times differ."""


def study_of(entry: Sequence[Any]) -> Study:
    """Convert an entry of ``datastore.py``. Raises TypeError, ValueError or IndexError for a malformed one."""
    if len(entry) == 4:  # neither fetches nor labels, as most
        study, name, added, extension = entry
        fields = (
            str(study),
            _NOTHING,
            (),
            name,
            _added(added),
            "",
            _NOTHING,
            _NOTHING,
            (),
            _NOTHING,
            extension,
        )
        return Study(*fields)
    missing = _EMPTY_ENTRY[len(entry) :]
    study, name, added, extension, fetches, labels, review, scores, modality = (*entry, *missing)
    tags, extensions, authors = _NOTHING, _NOTHING, _NOTHING
    if len(labels) == 1:
        ((tag, ext, at, client),) = labels
        tags = {tag: when(at)}
        extensions = {tag: ext} if ext else _NOTHING
        authors = {tag: client} if client else _NOTHING
    elif labels:
        tags = {tag: when(at) for tag, _, at, _ in labels}
        extensions = {tag: ext for tag, ext, _, _ in labels if ext}
        authors = {tag: client for tag, _, _, client in labels if client}
    return Study(
        str(study), tags, _fetches(fetches) if fetches else (), name, _added(added), review,
        extensions, authors, (), scores, extension, modality,
    )  # fmt: skip


def _fetches(stored: Sequence[Sequence[Any]]) -> tuple[Fetch, ...]:
    if len(stored) == 1:
        ((strategy, client, at),) = stored
        return (Fetch(strategy, client, when(at)),)
    fetches = [Fetch(strategy, client, when(at)) for strategy, client, at in stored]
    return tuple(sorted(fetches, key=lambda fetch: fetch.at or OLDEST, reverse=True))


class QueueSource(StrEnum):
    """The source from which a list of studies was read."""

    FILE = "file"  # the datastore's file on the host, through the agent
    SERVER = "server"  # the server's API
    DICOMWEB = "dicomweb"  # the DICOMweb server; fetches and labels are from the server's API


@dataclass(frozen=True, slots=True)
class OpenStudies:
    """How many studies are open.

    ``shared`` are open at several people; ``by_client`` counts each client's by its name.
    """

    count: int = 0
    shared: int = 0
    by_client: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StudyQueue:
    """The studies of a server.

    The counts are labeltui's own, of ``studies``; None if unknown. ``listed`` is False when only the counts and
    the studies that somebody has fetched are known. ``source_problem`` is a sentence that says why the better
    source of the list, or a count, is missing; else empty. ``server_total`` and ``server_completed`` are the
    server's counts at the same time; None if they are unknown or not newer than the list. On DICOMweb, only
    series of one ``modality`` are listed. If there are none, ``other_modalities`` are those of the DICOMweb
    server's other series.
    """

    total: int | None
    completed: int | None
    studies: tuple[Study, ...] = ()
    label_tags: Mapping[str, int] = field(default_factory=dict)
    listed: bool = True
    source: QueueSource = QueueSource.SERVER
    source_problem: str = ""
    server_total: int | None = None
    server_completed: int | None = None
    modality: str = ""
    other_modalities: tuple[str, ...] = ()
    counted: OpenStudies | None = None

    @property
    def open_studies(self) -> OpenStudies:
        """Count the open studies. A list that the session has read has them ready in ``counted``."""
        if self.counted is not None:
            return self.counted
        openers = [study.openers for study in self.studies if study.fetches]
        by_client = Counter(name for names in openers for name in names)
        return OpenStudies(sum(map(bool, openers)), sum(len(names) > 1 for names in openers), dict(by_client))

    @property
    def filtered_out(self) -> str:
        """A sentence for a server whose DICOMweb studies all have another modality than it serves; else empty."""
        if self.studies or not self.modality or not self.other_modalities:
            return ""
        others = ", ".join(self.other_modalities)
        return f"The DICOMweb server has no series of the modality {self.modality}, only of {others}."

    @property
    def server_differs(self) -> bool:
        """Whether the server's counts are known and differ from labeltui's, or labeltui's are unknown."""
        pairs = ((self.server_total, self.total), (self.server_completed, self.completed))
        return any(server is not None and server != own for server, own in pairs)

    def damaged(self, finals: Iterable[str]) -> list[str]:
        """Return the listed studies whose final label is in ``finals``, the labels known to be damaged."""
        known = set(finals)
        return (
            [study.id for study in self.studies if FINAL_TAG in study.tags and study.id in known]
            if known
            else []
        )

    def sound_finals(self, damaged: Iterable[str], second: Iterable[str] = ()) -> int | None:
        """Return the number of finished studies; None if it is unknown.

        Final labels that are known to be ``damaged`` don't count, nor do studies that lack their ``second`` reading.
        """
        unfinished = {*self.damaged(damaged), *second}
        return None if self.completed is None else max(0, self.completed - len(unfinished))


def changed_studies(before: tuple[Study, ...], now: tuple[Study, ...]) -> tuple[list[Study], set[str]]:
    """Return the studies of ``now`` that ``before`` does not have as the same object, and the ids that are gone.

    Comparing by identity takes milliseconds for 100,000 studies. It is enough, because a new list replaces only the
    objects that changed.
    """
    if not before:
        return list(now), set()
    if len(before) == len(now):  # compare in pairs first, which is fast if few have changed
        pairs = [(old, new) for old, new in zip(before, now, strict=True) if old is not new]
        before, now = tuple(old for old, _ in pairs), tuple(new for _, new in pairs)
    known = set(map(id, before))
    changed = [study for study in now if id(study) not in known]
    return changed, {study.id for study in before} - {study.id for study in now}
