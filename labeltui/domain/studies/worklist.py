"""The worklist: reservations of studies, the operator's decisions, and counts of the studies by state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from labeltui.domain.studies.study import Fetch

NAMELESS = "a client without a name of its own"


@dataclass(frozen=True, slots=True)
class Holder:
    """A client for whom a study is reserved until ``until``.

    ``client`` is empty for a client id that several people share.
    """

    client: str
    until: datetime

    @property
    def named(self) -> str:
        """The client for a sentence."""
        return self.client or NAMELESS


@dataclass(frozen=True, slots=True)
class Left:
    """How many studies the worklist has in each state. Each study counts once."""

    final: int = 0
    second: int = 0
    skipped: int = 0
    assigned: int = 0
    held: int = 0
    free: int = 0

    @property
    def all_final(self) -> bool:
        """Whether each study is final, so that none is left for anybody. False without studies."""
        return self.final > 0 and not (self.second or self.skipped or self.assigned or self.held or self.free)

    @property
    def is_held_back(self) -> bool:
        """Whether the operator can give a client one of the studies: none is there, or some are skipped or assigned."""
        return bool(self.skipped or self.assigned) or not (self.final or self.second or self.held)

    @property
    def why_nothing(self) -> str:
        """Why a client gets no study, as ``3 are reserved for others, 5 are final``."""
        parts = (
            (self.held, "reserved for others"), (self.assigned, "assigned to others"), (self.skipped, "skipped"),
            (self.final, "final"),
        )  # fmt: skip
        named = [f"{count} {'is' if count == 1 else 'are'} {text}" for count, text in parts if count]
        if self.second:
            verb = "waits" if self.second == 1 else "wait"
            named.append(f"{self.second} {verb} for a second reading by another annotator")
        return ", ".join(named) or "there are no studies"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A client asked for a study and got none. ``left`` counts the studies as they were for this client."""

    client: str
    at: datetime
    left: Left


@dataclass(frozen=True, slots=True)
class Reading:
    """A client's label of a study that is read twice.

    It is stored on this machine, and on the host under ``tag``. ``at`` is when MONAI Label stored it as the
    final label.
    """

    client: str
    tag: str
    sha256: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Worklist:
    """The worklist of a server.

    If the server has none, ``why_not`` is the reason, else empty; ``holders`` are known in both cases. ``left``
    counts the studies for a client to whom none is reserved or assigned. It is None while the studies are not
    listed.

    ``doubled`` studies are read twice. ``second`` are those of them that have a final label and lack the second
    reading; the value says why nobody gets the study yet, and is empty if the worklist hands it out.
    """

    why_not: str = ""
    order: tuple[str, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)
    second: Mapping[str, str] = field(default_factory=dict)
    holders: Mapping[str, tuple[Holder, ...]] = field(default_factory=dict)
    left: Left | None = None
    refusals: tuple[Refusal, ...] = ()

    def has_read(self, study: str, fetch: Fetch) -> bool:
        """Whether a reading of the client that fetched a study is recorded since, to the second."""
        return fetch.at is not None and any(
            one.client == fetch.client and one.at is not None and one.at >= fetch.at.replace(microsecond=0)
            for one in self.readings.get(study, ())
        )

    def place(self, study: str) -> int | None:
        """Return a study's place in the operator's order, from 1. None if it has none."""
        return self.order.index(study) + 1 if study in self.order else None
