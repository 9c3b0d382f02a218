"""Counts the labels on the host, and those that are also on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from labeltui.config.model import LabelsSection
from labeltui.domain.documents.documents import moment
from labeltui.domain.labels.copies import NOT_ASKED, HostLabel, LabelCopies, Listing
from labeltui.domain.labels.names import split_label
from labeltui.domain.reading import Reading
from labeltui.domain.training.batch import TAG
from labeltui.session.labels.folder import LabelFolder
from labeltui.session.labels.index import Entry
from labeltui.session.labels.soundness import EMPTY
from labeltui.session.labels.soundness import HINT as DAMAGED_HINT
from labeltui.session.labels.transports import LabelTransport
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock

SLOW_S = 300.0  # between two listings of every label
SHOWN = 5
REMEMBERED = "labels"

UNREADABLE_HINT = "Put the label as a plain file into the host's labels folder, readable for your user."

Key = tuple[str, str]
"""Tag and file name."""


class Fault(NamedTuple):
    """The reason why a label counts as damaged or unreadable.

    ``copied`` is True if its bytes are on this machine nevertheless.
    """

    why: str
    hint: str
    damaged: bool = False
    copied: bool = False


def fault_of(label: HostLabel, entry: Entry | None) -> Fault | None:
    """Return the fault of a label, from the listing and its copy. None if no fault is known."""
    if label.problem:
        return Fault(label.problem, UNREADABLE_HINT)
    why = (entry.damage if entry is not None else "") or (EMPTY if label.size == 0 else "")
    return Fault(why, DAMAGED_HINT, damaged=True, copied=entry is not None) if why else None


class CopyStatus:
    """Writes the store's field ``labels``, and stores the counts on disk for times when the host can't be reached.

    ``known`` has the labels on the host. ``absent`` has the labels of ``known`` that are not on this machine.
    ``failures`` has the reason and the hint for each label that could not be copied; ``faults`` has the labels
    of ``absent`` that the host can't deliver whole. ``copying`` names the label that is being copied.
    """

    def __init__(
        self, store: Store, section: LabelsSection, folder: LabelFolder, state: StateFolder, clock: Clock
    ) -> None:
        self.known: dict[Key, HostLabel] = {}
        self.absent: dict[Key, HostLabel] = {}
        self.failures: dict[Key, tuple[str, str]] = {}
        self.faults: dict[Key, Fault] = {}
        self._by_models: set[Key] = set()  # of ``known``
        self.source = ""
        self.copying = ""
        self.last: Entry | None = None
        self._field = store.own(Fields.labels)
        self._section, self._folder, self._state, self._clock = section, folder, state, clock
        self._root = ""
        self._by_checksum = True
        self._skipped: tuple[str, ...] = ()
        self._unlisted = ("", "")  # why a part of the labels could not be listed, and what to do
        self._recall()

    def listed(
        self,
        transport: LabelTransport,
        listing: Listing,
        here: set[Key],
        faults: Mapping[Key, Fault],
        *,
        whole: bool,
    ) -> None:
        """Store a listing. ``here`` has the labels on this machine; ``whole`` is True if every label was listed."""
        if whole:
            self.known, self.absent, self.faults = {}, {}, {}
            self._skipped = listing.skipped
        self._unlisted = (listing.unlisted, listing.hint)
        self.source, self._by_checksum, self._root = transport.source, transport.by_checksum, listing.root
        self.known |= {label.key: label for label in listing.labels}
        self._by_models = {key for key in self.known if key[0] == TAG}
        self.failures = {key: why for key, why in self.failures.items() if key in self.known}
        for label in listing.labels:
            self._forget(label.key)
            if label.key not in here:
                self.absent[label.key] = label
        self.faults |= faults

    def copied(self, label: HostLabel, entry: Entry) -> None:
        """Record that a label was copied."""
        self.failures.pop(label.key, None)
        self._forget(label.key)
        self._know(label)
        self.last = entry

    def described(self, entry: Entry) -> None:
        """Record the author of a copy."""
        if self.last is not None and self.last.key == entry.key and self.last.sha256 == entry.sha256:
            self.last = entry
            self.publish()

    def faulty(self, label: HostLabel, fault: Fault) -> None:
        """Record that the host can't deliver the whole content of a label."""
        self.failures.pop(label.key, None)
        self.absent[label.key] = label
        self._know(label)
        self.faults[label.key] = fault

    def _know(self, label: HostLabel) -> None:
        self.known[label.key] = label
        if label.tag == TAG:
            self._by_models.add(label.key)

    def _forget(self, key: Key) -> None:
        self.absent.pop(key, None)
        self.faults.pop(key, None)

    def safe(self) -> list[HostLabel]:
        """The labels whose bytes are on both machines, damaged ones included."""
        return [
            label
            for key, label in self.known.items()
            if key not in self.absent or (key in self.faults and self.faults[key].copied)
        ]

    def publish(self) -> LabelCopies:
        """Write the counts to the store, and return them."""
        why, hint = self._reason()
        last, models_absent = self.last, len(self._by_models & self.absent.keys())
        copies = LabelCopies(
            total=len(self.known),
            here=len(self.known) - len(self.absent),
            by_models=len(self._by_models),
            by_models_here=len(self._by_models) - models_absent,
            folder=str(self._folder.root),
            missing=tuple(label.shown for label in islice(self.absent.values(), SHOWN)),
            reason=why.rstrip("."),
            hint=hint,
            copying=self.copying,
            last=f"{last.tag}/{last.name}" if last else "",
            last_at=datetime.fromisoformat(last.copied_at) if last else None,
            last_by=last.who if last else "",
            source=self.source,
            root=self._root,
            by_checksum=self._by_checksum,
            copies=self._section.copy_,
            damaged=frozenset(
                (key[0], split_label(key[1])[0]) for key, fault in self.faults.items() if fault.damaged
            ),
            skipped=self._skipped,
            unlisted=self._unlisted[0],
            stuck=len((self.failures.keys() | self.faults.keys()) & self.absent.keys()),
        )
        self._field.write(Reading(copies, self._clock(), interval_s=SLOW_S))
        return copies

    def _reason(self) -> tuple[str, str]:
        """Return why labels are missing, and what to do. Failures to copy come first, because they affect more."""
        for key, failure in self.failures.items():
            if key in self.absent:
                return failure
        for key, fault in self.faults.items():
            return f"{self.known[key].shown}: {fault.why}", fault.hint
        return self._unlisted if self._unlisted[0] != NOT_ASKED else ("", "")

    def failed(self, why: str) -> None:
        """Mark the counts as old or, before the first listing, as unknown, and give the reason."""
        self._field.write(self._field.value.failed(why))

    # --- between two sessions

    def remember(self, copies: LabelCopies) -> None:
        """Store the counts."""
        document = {"total": copies.total, "here": copies.here, "source": copies.source, "root": copies.root}
        models = {"by_models": copies.by_models, "by_models_here": copies.by_models_here}
        self._state.write(REMEMBERED, {**document, **models, "as_of": moment(self._clock())})

    def _recall(self) -> None:
        """Load the counts of the previous session, marked as old."""
        stored = self._state.read(REMEMBERED)
        try:
            copies = LabelCopies(
                int(stored["total"]), int(stored["here"]), str(self._folder.root),
                source=str(stored["source"]), root=str(stored["root"]), copies=self._section.copy_,
                by_models=int(stored.get("by_models", 0)), by_models_here=int(stored.get("by_models_here", 0)),
            )  # fmt: skip
            as_of = datetime.fromisoformat(stored["as_of"])
        except (KeyError, ValueError, TypeError):
            return
        self._field.write(Reading(copies, as_of, error="not read since", interval_s=SLOW_S))
