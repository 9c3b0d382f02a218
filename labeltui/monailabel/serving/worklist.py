"""MONAI Label's strategy ``worklist``: it never hands out a study that another annotator has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labeltui.monailabel.serving import rules
from labeltui.monailabel.serving.rules import Entry, Fetch, Times
from labeltui.monailabel.serving.settings import Settings
from labeltui.monailabel.serving.state import State
from labeltui.monailabel.serving.storage import Storage

log = logging.getLogger("labeltui")

NAME = "worklist"
NOTHING_FOR = "Worklist: no study for "
"""Begins the line of the log that names a client who got nothing. ``domain/log/lines.py`` reads it."""
DESCRIPTION = "labeltui's worklist: no study that another annotator has, in the operator's order"
NOTE_EVERY_S = 10.0
GIVEN_S = 60.0
FALLBACK = "random"
SUBMITTED = "submitted_ts"
"""The key of a label's original time of submission, which ``domain/studies/datastore.py`` describes."""
LABEL_ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd")

Strategy = Callable[[Mapping[str, Any], Any], Any]
Reader = Callable[[Any], "tuple[list[Entry], dict[str, float]]"]


class Among:
    """A datastore that reports only some studies as unlabelled, so that the base strategy chooses among these."""

    def __init__(self, datastore: Any, studies: Iterable[str]) -> None:
        self._whole, self._studies = datastore, tuple(studies)

    def get_unlabeled_images(self, _label_tag: str | None = None, _labels: Any = None) -> list[str]:
        """Return the ids of the studies to choose among."""
        return list(self._studies)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


class Worklist:
    """The strategy.

    ``strategies`` are the app's own. ``read`` returns a datastore's studies and the clients' last activity.
    """

    description = DESCRIPTION

    def __init__(
        self,
        settings: Settings,
        strategies: Mapping[str, Strategy],
        read: Reader,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._strategies, self._read, self._now = settings, strategies, read, now
        self._storage = Storage(Path(settings.edits))
        self._lock = threading.Lock()
        self._state = self._storage.state() or State()
        if self._base() not in (settings.base, *(one for one in strategies if one.endswith(settings.base))):
            log.warning(f"Worklist: the app has no strategy {settings.base!r}; {FALLBACK} chooses instead")
        self._written = 0.0

    def info(self) -> dict[str, str]:
        """Return the strategy's entry in ``/info/``."""
        return {"description": self.description}

    def note(self, client_id: object) -> None:
        """Record that a client sent a request, which prolongs its reservations.

        Written to disk every 10 seconds at most.
        """
        now, client = self._now(), rules.client_name(client_id)
        if now - self._written < NOTE_EVERY_S:
            self._state.note(client, now)
            return
        with self._lock, self._storage.locked():
            self._load()
            self._state.note(client, now)
            self._save(now)

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any] | None:
        """Choose a study for the client of a request. None if no study is available to it now."""
        client = rules.client_name(request.get("client_id"))
        with self._lock, self._storage.locked():
            now = self._now()
            self._load()
            entries, activity = self._read(datastore)
            edits = self._storage.edits()
            entries = [rules.next_reading(entry, edits) for entry in entries] if edits.doubled else entries
            for name, at in self._state.activity.items():
                activity[name] = max(at, activity.get(name, 0.0))
            settings = self._settings
            times = Times(now, settings.hold_s, activity, settings.ignored)
            choice = rules.choose(client, self._with_given(entries, now), edits, times)
            study = choice.study or self._by_base(request, datastore, choice.candidates)
            if study is None:
                self._state.refuse(client, now, vars(choice.left))
            else:
                self._state.refused.pop(client, None)
                if request.get("client_id") not in settings.ignored:
                    self._state.given[study] = (client, now)
            self._save(now)
            if study is None:
                # Logged once it is stored, because the line makes the console read what is stored.
                log.info(f"{NOTHING_FOR}{client or 'a client without a name'}: {choice.left}")
            return None if study is None else {"id": study}

    def _with_given(self, entries: list[Entry], now: float) -> list[Entry]:
        """Add the hand-outs that MONAI Label has not stored yet.

        Hand-outs of finished studies are dropped. Others count for at least a minute, because another worker
        reads a moment later what this worker's datastore stores.
        """
        if not self._state.given:
            return entries
        given: dict[str, tuple[str, float]] = {}
        result = []
        for entry in entries:
            client, at = self._state.given.get(entry.study, ("", 0.0))
            if not at or entry.final or client in entry.readers:
                result.append(entry)
                continue
            known = any(rules.client_name(f.client) == client and f.at + 1 >= at for f in entry.fetches)
            if known and now - at > GIVEN_S:
                result.append(entry)
                continue
            given[entry.study] = (client, at)
            result.append(entry._replace(fetches=(*entry.fetches, Fetch(client, at, recorded=known))))
        self._state.given = given
        return result

    def _by_base(self, request: Mapping[str, Any], datastore: Any, candidates: tuple[str, ...]) -> str | None:
        """Let the base strategy choose. If it fails, choose the first study by name, and log the reason."""
        if not candidates:
            return None
        base = self._base()
        try:
            answer = self._strategies[base]({**request, "strategy": base}, Among(datastore, candidates))
            study = answer["id"]
        except Exception:
            log.exception(f"Worklist: the base strategy {base!r} failed; the first study is handed out")
            return candidates[0]
        return study if study in candidates else candidates[0]

    def _base(self) -> str:
        """Return the name of the base strategy.

        The setting ``epistemic`` selects the first model's strategy of that kind.
        """
        wanted = self._settings.base
        endings = (name for name in self._strategies if name.endswith(f"_{wanted}"))
        return wanted if wanted in self._strategies else next(endings, FALLBACK)

    def _load(self) -> None:
        """Read the state that other processes of this server have stored, and add this one's unsaved changes."""
        stored = self._storage.state()
        if stored is None:
            return
        for client, at in self._state.activity.items():
            stored.note(client, at)
        for study, (client, at) in self._state.given.items():
            if at > stored.given.get(study, ("", 0.0))[1]:
                stored.given[study] = (client, at)
        self._state = stored

    def _save(self, now: float) -> None:
        self._storage.write(self._state)
        self._written = now


def read_datastore(datastore: Any) -> tuple[list[Entry], dict[str, float]]:
    """List the studies of a MONAI Label datastore, and when each client last submitted a label.

    A study with a file in the folder of final labels is final, even if the DICOMweb server does not list its label yet.
    """
    unlabelled = datastore.get_unlabeled_images()
    model = getattr(datastore, "_datastore", None)
    objects = getattr(model, "objects", {})
    finals = _files(Path(model.label_path("final"))) if model is not None else set()
    entries, activity = [], dict[str, float]()
    listed = set(unlabelled)
    for study in (*unlabelled, *(one for one in objects if one not in listed)):
        stored = objects.get(study)
        if stored is None:
            entries.append(Entry(study, study in finals or study not in listed))
            continue
        for tag, label in stored.labels.items():
            if not tag.startswith(rules.READING):  # labeltui stores readings, at a time of its own
                _note_label(label.info, activity)
        final = "final" in stored.labels or study in finals or study not in listed
        entry = Entry(study, final, fetches_of(stored.image.info))
        label = stored.labels.get("final")
        entries.append(entry if label is None else with_final(entry, stored.labels, label.info))
    return entries, activity


def with_final(entry: Entry, tags: Iterable[str], info: object) -> Entry:
    """Add the tags of a study's labels, and the client and the time of submission of the final label."""
    given = info if isinstance(info, dict) else {}
    at = given.get(SUBMITTED, given.get("ts"))
    return entry._replace(
        tags=tuple(tags),
        author=rules.client_name(given.get("client_id")),
        at=float(at) if isinstance(at, (int, float)) else 0.0,
    )


def fetches_of(info: Mapping[str, Any]) -> tuple[Fetch, ...]:
    """Return the fetches in MONAI Label's information about an image: the newest by each strategy."""
    strategies = info.get("strategy")
    traces = strategies.values() if isinstance(strategies, dict) else ()
    return tuple(
        Fetch(str(trace.get("client_id") or ""), float(trace["ts"]))
        for trace in traces
        if isinstance(trace, dict) and isinstance(trace.get("ts"), (int, float))
    )


def _note_label(info: object, activity: dict[str, float]) -> None:
    given = info if isinstance(info, dict) else {}
    at = given.get(SUBMITTED, given.get("ts"))
    if isinstance(at, (int, float)) and given.get("client_id"):
        client = rules.client_name(given["client_id"])
        activity[client] = max(float(at), activity.get(client, 0.0))


def _files(folder: Path) -> set[str]:
    """Return the studies that have a label file in a folder."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return set()
    endings = ((name, next((e for e in LABEL_ENDINGS if name.endswith(e)), "")) for name in names)
    return {name[: -len(ending)] for name, ending in endings if ending}
