"""Copies each label off the host as it is submitted, and knows which are here."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from labeltui.config.model import LabelsSection
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel, LabelCopies, Listing
from labeltui.domain.labels.names import split_label
from labeltui.domain.log.events import Event, LabelSaved
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.session.labels.folder import LabelFolder, digest_of
from labeltui.session.labels.index import BY_CHECKSUM, BY_SIZE, Entry
from labeltui.session.labels.status import SLOW_S, CopyStatus
from labeltui.session.labels.transports import LabelTransport
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.support.backoff import backoff_s

YOUNG_NS = 1_000_000_000  # a file that was written less than a second ago may still be written
SETTLES_S = 1.0
TRIES = 5  # looks for a label that the log tells of, before it is left to the safety net
AT_ONCE = 3

Copied = Callable[[HostLabel, int, int], None]
"""Told of each label that came: it, how many came, of how many."""


class LabelCopier:
    """Keeps ``labels`` of the store true. ``way`` gives the way by which labels come now, or raises why there is none.

    A copy is whole, on the disk and equal to the host's before it has its name; nothing here is ever overwritten.
    """

    def __init__(
        self,
        store: Store,
        section: LabelsSection,
        folder: LabelFolder,
        state: StateFolder,
        transport: Callable[[], LabelTransport],
        clock: Clock,
    ) -> None:
        self.folder = folder
        self.on_copied: list[Callable[[str, Sequence[HostLabel]], None]] = []
        """Told after each look of the host's folder of labels, and of those in it that are here."""
        self._status = CopyStatus(store, section, folder, state, clock)
        self._section, self._transport, self._clock = section, transport, clock
        self._wake = asyncio.Event()
        self._hints: dict[
            tuple[str, str], int
        ] = {}  # (tag, study) that were told of, and how often looked for
        self._whole = True  # the next look is at everything
        self._tags: Mapping[str, Mapping[str, datetime | None]] = {}
        store.subscribe(self._on_store)

    @property
    def on_host(self) -> tuple[HostLabel, ...]:
        """The labels on the host, as of the last look."""
        return tuple(self._status.known.values())

    def is_here(self, label: HostLabel) -> bool:
        """Whether a label of :attr:`on_host` is on this machine."""
        return label.key in self._status.known and label.key not in self._status.absent

    # --- what makes it look

    def wake(self) -> None:
        """Look at everything now."""
        self._whole = True
        self._wake.set()

    def on_event(self, event: Event) -> None:
        """A label was submitted: it is copied at once."""
        if isinstance(event, LabelSaved):
            self._hint(event.tag, event.image)

    def failed(self, why: str) -> None:
        """The host can't be reached: what is known grows old."""
        self._status.failed(why)

    def _hint(self, tag: str, study: str) -> None:
        self._hints[tag, study] = 0
        self._wake.set()

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.queue not in changed or state.queue.value is None or state.queue.error is not None:
            return
        now = {study.id: study.tags for study in state.queue.value.studies if study.tags}
        before, self._tags = self._tags, now
        if not before:
            self.wake()
            return
        for study, tags in now.items():
            if (seen := before.get(study)) is not tags and seen != tags:
                for tag, at in tags.items():
                    if seen is None or tag not in seen or seen[tag] != at:
                        self._hint(tag, study)

    async def run(self) -> None:
        """Copy for as long as the session lasts."""
        failures = 0
        while True:
            self._wake.clear()
            try:
                copies = await self.refresh(None if self._whole else tuple(self._hints))
                failures = failures + 1 if copies.reason else 0
            except LabeltuiError as error:
                failures += 1
                self.failed(error_text(error))
            hinted = bool(self._hints)
            wait = backoff_s(failures) if failures else SETTLES_S if hinted else SLOW_S
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                self._whole = self._whole or bool(failures) or not hinted

    async def settle(self, copied: Copied | None = None, *, copy: bool | None = None) -> LabelCopies:
        """Copy until all are here, or one can't be copied: what is being written now is waited for, for a while."""
        copies = await self.refresh(copy=copy, copied=copied)
        for _ in range(TRIES):
            if copies.safe or copies.reason or not (self._section.copy_ if copy is None else copy):
                break
            await asyncio.sleep(SETTLES_S)
            copies = await self.refresh(copy=copy, copied=copied)
        return copies

    # --- one look

    async def refresh(
        self,
        only: Iterable[tuple[str, str]] | None = None,
        *,
        copy: bool | None = None,
        copied: Copied | None = None,
    ) -> LabelCopies:
        """Compare with the host and, unless the profile does not want it, copy what is not here.

        ``only``: look for these (tag, study) alone. Raises LabeltuiError when the host can't be asked; a label that
        can't be copied is in the value, with the reason.
        """
        transport = self._transport()
        if transport.source != self._status.source:
            only = None
        async with self.folder.alone():
            listing = await transport.listing(only)
            here = await asyncio.to_thread(
                lambda: {one.key for one in listing.labels if self._is_here(transport, one)}
            )
            self._status.listed(transport, listing, here, whole=only is None)
            absent = [label for label in listing.labels if label.key in self._status.absent]
            young = [label for label in absent if 0 <= listing.now_ns - label.mtime_ns < YOUNG_NS]
            self._status.publish()
            if self._section.copy_ if copy is None else copy:
                await self._copy_all(transport, [label for label in absent if label not in young], copied)
            if only is None:
                self._whole = False
            self._settle(listing, young)
        copies = self._status.publish()
        self._status.remember(copies)
        safe = self._status.safe()
        for callback in self.on_copied:
            callback(listing.root, safe)
        return copies

    async def with_sums(self, progress: Callable[[str], None]) -> list[HostLabel]:
        """Every label on the host with its checksum; where the way has none, by fetching each of them."""
        transport = self._transport()
        labels = await transport.with_sums((await transport.listing()).labels)
        if transport.by_checksum:
            return labels
        summed = []
        async with self.folder.alone():
            for number, label in enumerate(labels, 1):
                progress(f"Fetching {label.shown}, {number} of {len(labels)}")
                arrived = self.folder.incoming(*label.key)
                await transport.fetch(label, arrived, lambda _done, _size: None)
                summed.append(replace(label, sha256=(await asyncio.to_thread(digest_of, arrived))[1]))
                arrived.unlink(missing_ok=True)
        return summed

    def _is_here(self, transport: LabelTransport, label: HostLabel) -> bool:
        """Whether this version of the label is here: it was compared when it came, and its copy is still whole."""
        entry = self.folder.index.seen(transport.source, label.key)
        if entry is None or entry.mtime_ns != label.mtime_ns or label.size not in (-1, entry.size):
            return False
        newest = self.folder.index.newest(label.key)
        return newest is not None and newest.sha256 == entry.sha256 and self.folder.holds(newest)

    def _settle(self, listing: Listing, young: Sequence[HostLabel]) -> None:
        """Which labels that were told of are still to be looked for: the log tells of one before it is written."""
        found = {(label.tag, split_label(label.name)[0]) for label in listing.labels if label not in young}
        for hint in [*self._hints]:
            self._hints[hint] += 1
            written = hint in found and self._hints[hint] > 1
            if written or self._hints[hint] >= TRIES:
                del self._hints[hint]
        for label in young:
            self._hints.setdefault((label.tag, split_label(label.name)[0]), 0)

    # --- copying

    async def _copy_all(
        self, transport: LabelTransport, wanted: list[HostLabel], copied: Copied | None
    ) -> None:
        if not wanted:
            return
        left = iter(await transport.with_sums(wanted))
        done = 0

        async def work() -> None:
            nonlocal done
            for label in left:
                if await self._copied(transport, label):
                    done += 1
                    if copied is not None:
                        copied(label, done, len(wanted))

        workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(wanted)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._status.copying = ""

    async def _copied(self, transport: LabelTransport, label: HostLabel) -> bool:
        """Copy one label; a failure that is of this label alone is noted."""
        self._status.copying = label.shown
        self._status.publish()
        try:
            entry = await self._copy(transport, label)
        except Unreachable:
            raise
        except LabeltuiError as error:
            self._status.failures[label.key] = (error_text(error), error.problem.hint)
            return False
        except OSError as error:
            self._status.failures[label.key] = self._os_error_text(error)
            return False
        self._status.copied(label, entry)
        return True

    async def _copy(self, transport: LabelTransport, label: HostLabel) -> Entry:
        at = moment(self._clock()) or ""
        newest = self.folder.index.newest(label.key)
        if newest is not None and newest.sha256 == label.sha256 and self.folder.holds(newest):
            # The same label on another machine, or written again as it was.
            entry = replace(newest, mtime_ns=label.mtime_ns, source=transport.source, copied_at=at)
            await asyncio.to_thread(self.folder.index.add, entry)
            return entry
        arrived = self.folder.incoming(*label.key)
        await transport.fetch(label, arrived, lambda _done, _size: None)
        size, digest = await asyncio.to_thread(digest_of, arrived)
        if label.sha256 is not None and digest != label.sha256:
            arrived.unlink(missing_ok=True)
            raise Failed(Code.LABEL_CHANGED, "It changed while it was copied.", "It is copied again at once.")
        who = await transport.who(label)
        entry = Entry(
            label.tag, label.name, split_label(label.name)[0], self.folder.index.file_for(label.key), size, digest,
            label.mtime_ns, transport.source, at, who, BY_CHECKSUM if transport.by_checksum else BY_SIZE,
        )  # fmt: skip
        await asyncio.to_thread(self.folder.place, arrived, entry)
        return entry

    def _os_error_text(self, error: OSError) -> tuple[str, str]:
        elsewhere = "Set [profiles.NAME.labels] folder to another place."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "disk full", f"Free space for {self.folder.root}. {elsewhere}"
        return f"{self.folder.root} can't be written ({error.strerror or error})", elsewhere
