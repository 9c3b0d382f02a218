"""The rules that choose the study that the worklist hands out next.

Pure; the server, the console and the demo share them. Times are unix seconds by the host's clock. The empty
text stands for every client whose id several people share.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

HOLD_S = 90 * 60.0
NAMELESS = frozenset({"", "?", "admin", "user-xyz"})
"""Client ids that several people share: no id, MONAI Label's user without authentication, and Slicer's default."""
LONGEST_NAME = 200
READING = "final_"
"""The beginning of the tag under which a reading of a study that is read twice is stored."""


class Fetch(NamedTuple):
    """One time at which a study was handed out. ``recorded`` is False until MONAI Label has stored it."""

    client: str
    at: float
    recorded: bool = True


class Entry(NamedTuple):
    """A study of the datastore, with the newest fetch by each strategy and client.

    ``tags`` are the tags of its labels; ``author`` and ``at`` are client and time of its final label. These
    three may be empty if it has no final label. :func:`next_reading` sets the other fields: ``readers`` have
    read the study, so another client must read it next. While it ``waits``, nobody gets it.
    """

    study: str
    final: bool = False
    fetches: tuple[Fetch, ...] = ()
    tags: tuple[str, ...] = ()
    author: str = ""
    at: float = 0.0
    readers: tuple[str, ...] = ()
    waits: bool = False


class Reading(NamedTuple):
    """A client's final label of a study that is read twice, which is also stored under a tag of its own.

    ``at`` is the time that MONAI Label stored with the final label.
    """

    client: str
    tag: str
    sha256: str
    at: float


@dataclass(frozen=True)
class Edits:
    """The operator's decisions: the order of studies to hand out first, annotators by study, and skipped studies.

    ``doubled`` studies are read by two clients. ``readings`` are by study, one for each client, and are stored when the
    label is safe on both machines.
    """

    order: tuple[str, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: object) -> Edits:
        """Read a document. Malformed entries count as missing."""
        given = document if isinstance(document, dict) else {}
        return cls(
            tuple(dict.fromkeys(_texts(given.get("order")))),
            {
                study: client
                for study, client in _pairs(given.get("assigned"))
                if isinstance(client, str) and client
            },
            frozenset(_texts(given.get("skipped"))),
            frozenset(_texts(given.get("doubled"))),
            {
                study: readings
                for study, stored in _pairs(given.get("readings"))
                if (readings := _readings(stored))
            },
        )

    def document(self) -> dict[str, object]:
        """Return the document to store, which :meth:`of` reads. It is as before where no study is read twice."""
        document: dict[str, object] = {
            "order": list(self.order),
            "assigned": dict(self.assigned),
            "skipped": sorted(self.skipped),
        }
        if self.doubled or self.readings:
            document["doubled"] = sorted(self.doubled)
            document["readings"] = {
                study: [list(one) for one in readings] for study, readings in self.readings.items()
            }
        return document


@dataclass(frozen=True)
class Hold:
    """A study is reserved for a client: nobody else gets it before ``until``."""

    client: str
    until: float


@dataclass(frozen=True)
class Times:
    """The times that decide how long a study stays reserved.

    ``activity`` is when each client last sent a request. Fetches by the ``ignored`` clients reserve nothing,
    because these clients do not label.
    """

    now: float
    hold_s: float = HOLD_S
    activity: Mapping[str, float] = field(default_factory=dict)
    ignored: Collection[str] = ()


@dataclass(frozen=True)
class Left:
    """How many studies are in each state for one client. Each study counts once, in this order."""

    final: int = 0
    second: int = 0  # wait for a second reading that this client can't give, or can't give yet
    skipped: int = 0
    assigned: int = 0  # to other annotators
    held: int = 0  # by other annotators
    free: int = 0


@dataclass(frozen=True)
class Choice:
    """``study`` is the rules' own choice. If it is None, the base strategy chooses among ``candidates``."""

    study: str | None
    candidates: tuple[str, ...]
    left: Left


def client_name(value: object) -> str:
    """Return the name of a request's client. Empty for a client id that several people share."""
    name = value.strip()[:LONGEST_NAME] if isinstance(value, str) else ""
    return "" if name in NAMELESS else name


def next_reading(entry: Entry, edits: Edits) -> Entry:
    """Return the study as the rules see it before its next reading.

    A study that is read twice is not final after its first final label. It waits until that label is stored as
    a reading of its author, who must be a named client.
    """
    if not entry.final or entry.study not in edits.doubled:
        return entry
    readings = [one for one in edits.readings.get(entry.study, ()) if one.tag in entry.tags]
    if len(readings) > 1:
        return entry
    if not any((one.client, one.at) == (entry.author, entry.at) for one in readings):
        return entry._replace(waits=True)
    fetches = tuple(fetch for fetch in entry.fetches if client_name(fetch.client) != entry.author)
    return entry._replace(final=False, fetches=fetches, readers=(entry.author,))


def holds_of(entry: Entry, times: Times) -> tuple[Hold, ...]:
    """Return the clients for whom a study is reserved now. The reservation that ends last comes first."""
    if entry.final or not entry.fetches:
        return ()
    until: dict[str, float] = {}
    for fetch in entry.fetches:
        name = client_name(fetch.client)
        if fetch.client not in times.ignored:
            last = max(fetch.at, times.activity.get(name, 0.0)) + times.hold_s
            until[name] = max(last, until.get(name, 0.0))
    holds = (Hold(name, end) for name, end in until.items() if end > times.now)
    return tuple(sorted(holds, key=lambda hold: (-hold.until, hold.client)))


def choose(client: str, entries: Iterable[Entry], edits: Edits, times: Times) -> Choice:
    """Choose a study for a client, which is as :func:`client_name` returns it, among entries of :func:`next_reading`.

    A named client gets its unfinished study back. If it has none, it gets a study that is assigned to it, else
    one that the operator moved to the front, else any other.
    """
    name = "" if client in times.ignored else client
    counts = dict.fromkeys(("final", "second", "skipped", "assigned", "held", "free"), 0)
    free: list[Entry] = []
    newest: tuple[float, str] = (0.0, "")
    held_by_client: list[tuple[float, str]] = []
    for entry in entries:
        fetches = entry.fetches if name else ()
        own = [f.at for f in fetches if f.recorded and client_name(f.client) == name]
        if own:
            newest = max(newest, (max(own), entry.study))
        state, holds_it = _state_for(name, entry, edits, times)
        counts[state] += 1
        if state == "free":
            free.append(entry)
            if own and holds_it:
                held_by_client.append((max(own), entry.study))
    return _choice(name, free, newest, held_by_client, edits, Left(**counts))


def _state_for(name: str, entry: Entry, edits: Edits, times: Times) -> tuple[str, bool]:
    """Return a study's state for a client, as in :class:`Left`, and whether it is reserved for the client."""
    if entry.final:
        return "second" if entry.waits else "final", False
    if entry.study in edits.skipped:
        return "skipped", False
    if entry.readers and (not name or name in entry.readers):
        return "second", False
    if edits.assigned.get(entry.study, name) != name:
        return "assigned", False
    holds = holds_of(entry, times)
    if any(not name or hold.client != name for hold in holds):
        return "held", False
    return "free", bool(holds)


def _choice(
    name: str,
    free: list[Entry],
    newest: tuple[float, str],
    held_by_client: list[tuple[float, str]],
    edits: Edits,
    left: Left,
) -> Choice:
    studies = {entry.study for entry in free}
    if newest[1] in studies:
        return Choice(newest[1], (newest[1],), left)
    if held_by_client:
        return Choice(max(held_by_client)[1], (), left)
    # A study that could not be handed out before (its download failed) comes last.
    failed = {e.study for e in free if any(f.client == name and not f.recorded for f in e.fetches)}
    candidates = [study for study in sorted(studies) if study not in failed] or sorted(studies)
    place = {study: number for number, study in enumerate(edits.order)}
    chosen = [study for study in candidates if study in place or (name and study in edits.assigned)]
    chosen.sort(key=lambda study: (study not in edits.assigned, place.get(study, len(place)), study))
    return Choice(chosen[0] if chosen else None, tuple(candidates), left)


def _readings(value: object) -> tuple[Reading, ...]:
    """Return the readings of one study, at most one for each client: the last."""
    found: dict[str, Reading] = {}
    for one in value if isinstance(value, list) else ():
        if (
            isinstance(one, list)
            and len(one) == 4
            and all(isinstance(text, str) and text for text in one[:3])
        ):
            client, tag, sha256, at = one
            if isinstance(at, int | float):
                found[client] = Reading(client, tag, sha256, float(at))
    return tuple(found.values())


def _pairs(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
