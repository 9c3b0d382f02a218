"""Copies each label to this machine as it is submitted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import datetime

from labeltui.config.model import LabelsSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel, LabelCopies, Listing
from labeltui.domain.labels.names import SEG_TAG, split_label
from labeltui.domain.log.events import Event, LabelReceived, LabelStored
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.state import SessionState
from labeltui.session.labels.copying import Copied, Copying, settles_in
from labeltui.session.labels.describing import Describing
from labeltui.session.labels.folder import LabelFolder, digest_of
from labeltui.session.labels.index import Entry
from labeltui.session.labels.status import SLOW_S, CopyStatus, fault_of
from labeltui.session.labels.transports import LabelTransport
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.support.backoff import backoff_s

SETTLES_S = 0.3
SOON_S = 0.05  # at least this long between two listings
REMOVED_S = 10.0  # between two checks for copies that were removed from this machine
TRIES = 20  # polls for a label that the log reports; later the next full listing finds the label


class LabelCopier:
    """Copies labels, and updates :class:`CopyStatus`.

    ``transport`` returns a transport that works now, or raises LabeltuiError. A copy gets its final name only
    after it is complete, on the disk and equal to the label on the host. No file on this machine is ever
    overwritten.
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
        """Called after each listing with the host's folder of labels and the labels in it that are on this machine."""
        self.on_reported: list[Callable[[str, str], None]] = []
        """Called with tag and study of each label that was submitted."""
        self._status = CopyStatus(store, section, folder, state, clock)
        self._copying = Copying(folder, self._status, clock)
        self._describing = Describing(folder, self._status)
        self._section, self._transport = section, transport
        self._wake = asyncio.Event()
        self._reported: dict[tuple[str, str], int] = {}  # new labels by (tag, study), with the polls for each
        self._received: tuple[str, str] | None = None  # the label that the server is storing, by (tag, study)
        self._stored: set[tuple[str, str]] = set()  # reported labels that the server says are complete
        self._next_at = 0.0  # the loop's time at which the next label is old enough to be complete
        self._whole = True  # whether the next listing includes every label
        self._tags: Mapping[str, Mapping[str, datetime | None]] = {}
        store.subscribe(self._on_store)

    @property
    def on_host(self) -> tuple[HostLabel, ...]:
        """The labels on the host, according to the last listing."""
        return tuple(self._status.known.values())

    def is_here(self, label: HostLabel) -> bool:
        """Whether a label of :attr:`on_host` is on this machine."""
        return label.key in self._status.known and label.key not in self._status.absent

    # --- what starts a listing

    def wake(self) -> None:
        """List and copy every label now."""
        self._whole = True
        self._wake.set()

    def on_event(self, event: Event) -> None:
        """Copy a label at once when the log reports that it was submitted."""
        if isinstance(event, LabelReceived):
            self._received = (event.tag, event.image)
            self._stored.discard(self._received)
            self._submitted(event.tag, event.image)
        elif isinstance(event, LabelStored) and self._received is not None:
            if event.file.startswith(self._received[1]):
                self._stored.add(self._received)
                self._report(*self._received)
            self._received = None

    def on_stored(self, images: Iterable[str]) -> None:
        """Copy the DICOM SEGs of these images, which were fetched to the host. Without images, list all labels."""
        for image in images:
            self._report(SEG_TAG, image)
        if not images:
            self.wake()

    def _submitted(self, tag: str, study: str) -> None:
        self._report(tag, study)
        for callback in self.on_reported:
            callback(tag, study)

    def failed(self, why: str) -> None:
        """Mark the last listing as old. ``why`` is shown beside the counts."""
        self._status.failed(why)

    def _report(self, tag: str, study: str) -> None:
        self._reported[tag, study] = 0
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
            if (previous := before.get(study)) is not tags and previous != tags:
                for tag, at in tags.items():
                    if previous is None or tag not in previous or previous[tag] != at:
                        self._submitted(tag, study)

    async def run(self) -> None:
        """Copy until cancelled: every 5 minutes, and when a label is submitted."""
        describing = asyncio.create_task(self._describing.run())
        try:
            await self._run()
        finally:
            describing.cancel()

    async def _run(self) -> None:
        failures = 0
        while True:
            self._wake.clear()
            try:
                copies = await self.refresh(None if self._whole else tuple(self._reported))
                failures = failures + 1 if copies.reason else 0
            except LabeltuiError as error:
                failures += 1
                self.failed(error_text(error))
            pending = bool(self._reported)
            wait = backoff_s(failures) if failures else self._settles_s() if pending else SLOW_S
            if not await self._woken(wait):
                self._whole = self._whole or bool(failures) or not pending

    async def _woken(self, wait_s: float) -> bool:
        """Wait for :meth:`wake`, at most ``wait_s`` seconds. Returns False if nothing came.

        A copy that was removed from this machine ends the wait too, so that it no longer counts as a copy.
        """
        left = wait_s
        while left > 0:
            try:
                async with asyncio.timeout(min(left, REMOVED_S)):
                    await self._wake.wait()
                return True
            except TimeoutError:
                left -= REMOVED_S
            if await asyncio.to_thread(
                self._is_removed, self._status.known.keys() - self._status.absent.keys()
            ):
                self.wake()
        return False

    def _is_removed(self, here: Iterable[tuple[str, str]]) -> bool:
        """Whether one of these copies is missing or was changed. Reads the disk."""
        newest = map(self.folder.index.newest, here)
        return any(entry is None or not self.folder.has_newest(entry) for entry in newest)

    def _settles_s(self) -> float:
        """Seconds until the next label may be complete."""
        left = self._next_at - asyncio.get_running_loop().time()
        return min(max(left, SOON_S), SETTLES_S)

    async def copy_all(self, copied: Copied | None = None, *, copy: bool | None = None) -> LabelCopies:
        """Copy every label, and wait up to 5 s for labels that are still being written.

        ``copy`` overrides the profile's ``labels.copy``. Raises LabeltuiError when the host can't be listed.
        If a label could not be copied, the returned value has the reason.
        """
        await self._transport().prepare()
        copies = await self.refresh(copy=copy, copied=copied)
        for _ in range(TRIES):
            if copies.safe or copies.reason or not (self._section.copy_ if copy is None else copy):
                break
            await asyncio.sleep(SETTLES_S)
            copies = await self.refresh(copy=copy, copied=copied)
        await self._describing.finish()
        return copies

    # --- one listing

    async def refresh(
        self,
        only: Iterable[tuple[str, str]] | None = None,
        *,
        copy: bool | None = None,
        copied: Copied | None = None,
    ) -> LabelCopies:
        """List the labels on the host and copy those that are missing here, unless the profile turns copying off.

        ``only`` limits the listing to these (tag, study). ``copy`` overrides the profile's ``labels.copy``.
        Raises LabeltuiError when the labels on the host can't be listed. If a label could not be copied, the
        returned value has the reason.
        """
        transport = self._transport()
        if transport.source != self._status.source:
            only = None
        async with AsyncExitStack() as stack:
            unusable = await self._locked(stack)
            listing = await transport.listing(only)
            listed_at = asyncio.get_running_loop().time()
            copies_here = await asyncio.to_thread(self._copies_of, transport, listing.labels)
            young = [
                label
                for label in listing.labels
                if label.key not in copies_here and self._is_unfinished(label, listing.now_ns)
            ]
            faults = {
                label.key: fault
                for label in listing.labels
                if label not in young and (fault := fault_of(label, copies_here.get(label.key))) is not None
            }
            self._status.listed(
                transport, listing, copies_here.keys() - faults.keys(), faults, whole=only is None
            )
            if unusable is not None:
                self._status.failures |= dict.fromkeys(self._status.absent, unusable)
            self._status.publish()
            if unusable is None and (self._section.copy_ if copy is None else copy):
                wanted = [one for one in listing.labels if one.key not in copies_here and not one.problem]
                wanted = [one for one in wanted if one not in young]
                await self._copying.copy(transport, wanted, listing.now_ns, copied)
                young += self._copying.unfinished
            if only is None:
                self._whole = False
            self._forget_found(listing, young)
            waits = [settles_in(label, listing.now_ns) or SETTLES_S for label in young]
            self._next_at = listed_at + min(waits, default=SETTLES_S)
        await asyncio.to_thread(self._want_described, transport, listing)
        self._describing.wake()
        copies = self._status.publish()
        self._status.remember(copies)
        safe = self._status.safe()
        for callback in self.on_copied:
            callback(listing.root, safe)
        return copies

    async def describe(self) -> None:
        """Store the server's documents of the copied labels. Stops at the first that the server does not return."""
        await self._describing.finish()

    async def found(self, only: Sequence[tuple[str, str]]) -> list[HostLabel]:
        """Return the host's labels of these (tag, study) with their checksums; see :meth:`with_checksums`."""
        transport, wanted = self._transport(), set(only)
        listed = (await transport.listing(only)).labels
        labels = [one for one in listed if (one.tag, split_label(one.name)[0]) in wanted]
        return await self._summed(transport, labels, lambda _text: None)

    async def with_checksums(self, progress: Callable[[str], None]) -> list[HostLabel]:
        """Return every label on the host with its checksum.

        Fetches each label if the transport has no checksums, and omits those that the server lists without a file.
        """
        transport = self._transport()
        return await self._summed(transport, (await transport.listing()).labels, progress)

    async def _summed(
        self, transport: LabelTransport, listed: Sequence[HostLabel], progress: Callable[[str], None]
    ) -> list[HostLabel]:
        labels = await transport.with_checksums(listed)
        if transport.by_checksum:
            return labels
        summed = []
        async with self.folder.locked():
            for number, label in enumerate(labels, 1):
                progress(f"Fetching {label.shown}, {number} of {len(labels)}")
                arrived = self.folder.incoming(*label.key)
                try:
                    await transport.fetch(label, arrived, lambda _done, _size: None)
                except Failed as error:
                    if error.problem.code != Code.NOT_FOUND:
                        raise
                    continue  # the server lists a label for minutes after its file was deleted
                summed.append(replace(label, sha256=(await asyncio.to_thread(digest_of, arrived))[1]))
                arrived.unlink(missing_ok=True)
        return summed

    async def _locked(self, stack: AsyncExitStack) -> tuple[str, str] | None:
        """Lock the folder until ``stack`` is closed. If it can't be written, return the reason and a hint."""
        try:
            await stack.enter_async_context(self.folder.locked())
        except Failed as error:
            with suppress(OSError):
                await asyncio.to_thread(self.folder.index.refresh)  # which copies there are already
            return error.problem.message, error.problem.hint
        return None

    def _copies_of(
        self, transport: LabelTransport, labels: Iterable[HostLabel]
    ) -> dict[tuple[str, str], Entry]:
        """Return the entries of the labels that were copied from this source, if nothing has changed since."""
        return {
            label.key: entry for label in labels if (entry := self._copy_of(transport, label)) is not None
        }

    def _copy_of(self, transport: LabelTransport, label: HostLabel) -> Entry | None:
        entry = self.folder.index.last_copied(transport.source, label.key)
        if entry is None or entry.mtime_ns != label.mtime_ns or label.size not in (-1, entry.size):
            return None
        newest = self.folder.index.newest(label.key)
        same = newest is not None and newest.sha256 == entry.sha256 and self.folder.has_newest(newest)
        return entry if same else None

    def _is_unfinished(self, label: HostLabel, now_ns: int) -> bool:
        """Whether the server may still write the label. ``now_ns`` is the host's clock."""
        if label.size == 0:
            return self._copying.suspects.may_grow(label, now_ns)
        stored = (label.tag, split_label(label.name)[0]) in self._stored
        return not stored and settles_in(label, now_ns) > 0

    def _want_described(self, transport: LabelTransport, listing: Listing) -> None:
        self._describing.want(transport, self._copies_of(transport, listing.labels))

    def _forget_found(self, listing: Listing, young: Sequence[HostLabel]) -> None:
        """Forget the reported labels that were found, or that were polled :data:`TRIES` times.

        The log reports a label before its file is complete, so one poll is not enough.
        """
        found = {(label.tag, split_label(label.name)[0]) for label in listing.labels if label not in young}
        for reported in [*self._reported]:
            self._reported[reported] += 1
            written = reported in found and self._reported[reported] > 1
            if written or self._reported[reported] >= TRIES:
                del self._reported[reported]
        self._stored &= self._reported.keys()
        for label in young:
            self._reported.setdefault((label.tag, split_label(label.name)[0]), 0)
