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


class Fetch(NamedTuple):
    """One time at which a study was handed out. ``recorded`` is False until MONAI Label has stored it."""

    client: str
    at: float
    recorded: bool = True


class Entry(NamedTuple):
    """A study of the datastore, with the newest fetch by each strategy and client."""

    study: str
    final: bool = False
    fetches: tuple[Fetch, ...] = ()


@dataclass(frozen=True)
class Edits:
    """The operator's decisions: the order of studies to hand out first, annotators by study, and skipped studies."""

    order: tuple[str, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: object) -> Edits:
        """Read a document. Malformed entries count as missing."""
        given = document if isinstance(document, dict) else {}
        order, assigned, skipped = (given.get(name) for name in ("order", "assigned", "skipped"))
        return cls(
            tuple(dict.fromkeys(_texts(order))),
            {
                study: client
                for study, client in (assigned if isinstance(assigned, dict) else {}).items()
                if isinstance(client, str) and client
            },
            frozenset(_texts(skipped)),
        )

    def document(self) -> dict[str, object]:
        """Return the document to store, which :meth:`of` reads."""
        return {
            "order": list(self.order),
            "assigned": dict(self.assigned),
            "skipped": sorted(self.skipped),
        }


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
    """Choose a study for a client. ``client`` is as :func:`client_name` returns it.

    A named client gets its unfinished study back. If it has none, it gets a study that is assigned to it, else
    one that the operator moved to the front, else any other.
    """
    name = "" if client in times.ignored else client
    counts = dict.fromkeys(("final", "skipped", "assigned", "held", "free"), 0)
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
        return "final", False
    if entry.study in edits.skipped:
        return "skipped", False
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


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
