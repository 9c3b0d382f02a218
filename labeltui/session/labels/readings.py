"""Stores each final label of a study that is read twice on this machine, and on the host under a tag of its own.

MONAI Label keeps one file for a study and a tag, so the second final label replaces the first. The worklist
hands the study out again only after the first one is recorded as a reading, which is the last step here. Every
step can be repeated, so an interrupted reading is recorded again from the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.labels.names import file_name, split_label
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import LinkState
from labeltui.domain.studies.datastore import SUBMITTED
from labeltui.domain.studies.study import FINAL_TAG, Study, StudyQueue
from labeltui.domain.text import one_line
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.serving.rules import READING, Edits, Reading, client_name
from labeltui.session.labels.copier import LabelCopier
from labeltui.session.labels.index import Entry
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, Poller
from labeltui.session.studies.worklist import WorklistWatch
from labeltui.support.backoff import backoff_s

SERVER_WRITES = ("ts", "name")  # MONAI Label sets these itself
TRIES = 8
PATIENCE = 3
PAUSE_S = 1.0
ALERT = "second readings"


class ReadingsKeeper:
    """Records the readings of the studies that are read twice."""

    def __init__(
        self,
        store: Store,
        labels: LabelCopier,
        worklist: WorklistWatch,
        queue: Poller[StudyQueue],
        client: Callable[[], MonaiLabelClient],
        clock: Clock,
    ) -> None:
        self._store, self._labels, self._worklist, self._queue = store, labels, worklist, queue
        self._client, self._clock = client, clock
        self._wake, self._retry = asyncio.Event(), asyncio.Event()
        self._before, self._failures = store.state, 0
        self._one = asyncio.Lock()
        store.subscribe(self._on_store)

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        before, self._before = self._before, state
        if changed & {Fields.queue, Fields.worklist} and unrecorded(state):
            self._wake.set()
        if Fields.host in changed and _is_connected(state) and not _is_connected(before):
            self._failures = 0
            self._retry.set()
        if Fields.labels in changed and _have_arrived(before, state):
            self._retry.set()

    async def run(self) -> None:
        """Record new readings until cancelled. Repeated failures show an alert.

        The next attempt does not wait longer than until the host is connected again or a copy arrives.
        """
        while True:
            self._wake.clear()
            self._retry.clear()
            failed = await self.record()
            if not failed:
                self._failures = 0
                self._store.dismiss(ALERT)
                await asyncio.sleep(PAUSE_S)  # the list of studies shows a stored reading a moment later
                await self._wake.wait()
                continue
            self._failures += 1
            if self._failures >= PATIENCE:  # a label that was just submitted may not be complete yet
                self._alert(failed)
            await asyncio.sleep(backoff_s(1))
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff_s(self._failures)):
                    await self._retry.wait()

    def _alert(self, failed: Mapping[str, LabeltuiError]) -> None:
        (study, error), more = list(failed.items())[-1], len(failed) - 1
        others = f" and {more} more" if more else ""
        message = (
            f"A reading of {one_line(study)}{others} is not stored yet, so the study is not handed out again:"
            f" {error.problem.message}"
        )
        if not any(one.key == ALERT and one.message == message for one in self._store.state.alerts):
            hint = error.problem.hint or "labeltui tries again by itself."
            self._store.alert(Alert(ALERT, Level.WARNING, message, hint, self._clock()))

    async def settle(self, studies: Sequence[str]) -> bool:
        """Record the readings of these studies now. Returns False if one of them could not be recorded yet."""
        for attempt in range(1, TRIES + 1):
            if await self.record() and attempt == TRIES:
                return False
            await self._queue.poll()
            if not any(study.id in studies for study in unrecorded(self._store.state)):
                await self._worklist.poller.poll()
                return True
            await asyncio.sleep(backoff_s(1))
        return False

    async def record(self) -> Mapping[str, LabeltuiError]:
        """Record every reading that is missing. Returns the errors by study."""
        failed: dict[str, LabeltuiError] = {}
        async with self._one:
            for study in unrecorded(self._store.state):
                try:
                    await self._record(study)
                except LabeltuiError as error:
                    failed[study.id] = error
        return failed

    async def _record(self, study: Study) -> None:
        """Store a study's final label on both machines, then record it.

        Readings that the host has already, such as restored ones, are recorded first. Raises LabeltuiError.
        """
        client = self._client()
        worklist = self._store.state.worklist.value
        readings = worklist.readings.get(study.id, ()) if worklist is not None else ()
        for tag in sorted(study.tags.keys() - {one.tag for one in readings}):
            if tag.startswith(READING):
                await self._recover(study.id, tag)
        info = await client.label_info(study.id, FINAL_TAG)
        author, at = client_name(info.get("client_id")), info.get(SUBMITTED, info.get("ts"))
        if not author or not isinstance(at, int | float):
            return
        entry = await self._copied(FINAL_TAG, study.id, info)
        again = await client.label_info(study.id, FINAL_TAG)
        if (again.get("client_id"), again.get("ts")) != (info.get("client_id"), info.get("ts")):
            raise Failed(Code.LABEL_CHANGED, f"{one_line(study.id)} got another final label meanwhile.")
        tag = tag_of(author, {one.client: one.tag for one in readings})
        await self._put(study.id, tag, entry, info)
        await self._copied(tag, study.id, {"name": entry.name})
        reading = Reading(author, tag, entry.sha256, float(at))
        await self._worklist.change(lambda edits: _with_reading(edits, study.id, reading))
        self._queue.wake()

    async def _recover(self, study: str, tag: str) -> None:
        """Record a reading that the host has under its tag. Raises LabeltuiError."""
        info = await self._client().label_info(study, tag)
        author, at = client_name(info.get("client_id")), info.get(SUBMITTED, info.get("ts"))
        if author and tag_of(author, {}) == tag and isinstance(at, int | float):
            entry = await self._copied(tag, study, info)
            reading = Reading(author, tag, entry.sha256, float(at))
            await self._worklist.change(lambda edits: _with_reading(edits, study, reading))

    async def _put(self, study: str, tag: str, entry: Entry, info: Mapping[str, Any]) -> None:
        """Store the copy of a label on the host under another tag, unless it is there. Raises LabeltuiError.

        Another label of that tag is copied to this machine first.
        """
        name = {"name": entry.name}
        there = await label_of(self._labels, study, tag, name)
        if there is not None and there.sha256 == entry.sha256:
            return
        if there is not None:
            await self._copied(tag, study, name)
        await put_copy(self._labels, self._client(), entry, tag, info)
        there = await label_of(self._labels, study, tag, name)
        if there is None or there.sha256 != entry.sha256:
            raise Failed(
                Code.CHECKSUM, f"The host did not store {one_line(f'{tag}/{entry.name}')} as it was sent."
            )

    async def _copied(self, tag: str, study: str, info: Mapping[str, Any]) -> Entry:
        """Copy a label to this machine, also if the profile copies none. Raises Failed ``not_copied``.

        Returns the copy that is equal to the label on the host by its checksum.
        """
        label = await label_of(self._labels, study, tag, info)
        await self._labels.refresh([(tag, study)], copy=True)
        copy = None if label is None else self._labels.folder.index.newest(label.key)
        if label is None or copy is None or copy.sha256 != label.sha256 or copy.damage:
            copies = self._store.state.labels.value
            why = f": {copies.reason}" if copies is not None and copies.reason else ""
            raise Failed(Code.NOT_COPIED, f"{one_line(f'{tag}/{study}')} is not on this machine yet{why}.")
        return copy


def unrecorded(state: SessionState) -> list[Study]:
    """Return studies that are read twice and whose final label is not stored as a reading of its named client yet."""
    queue, worklist = state.queue.value, state.worklist.value
    if queue is None or worklist is None or not worklist.doubled:
        return []
    found = []
    listed = _is_connected(state)  # an old list lacks the tags of readings that were stored since
    for study in queue.studies:
        if study.id not in worklist.doubled or FINAL_TAG not in study.tags:
            continue
        author = client_name(study.authors.get(FINAL_TAG))
        readings = worklist.readings.get(study.id, ())
        known = any(
            (one.client, one.at) == (author, study.tags[FINAL_TAG]) and (one.tag in study.tags or not listed)
            for one in readings
        )
        if author and not known:
            found.append(study)
    return found


def _is_connected(state: SessionState) -> bool:
    host = state.host.value
    return host is not None and host.state is LinkState.CONNECTED


def _have_arrived(before: SessionState, now: SessionState) -> bool:
    """Whether more labels are on this machine, or can be copied again."""
    earlier, copies = before.labels.value, now.labels.value
    if copies is None or now.labels.error is not None:
        return False
    failing = before.labels.error is not None or earlier is None or bool(earlier.reason)
    return (failing and not copies.reason) or (earlier is not None and copies.here > earlier.here)


async def label_of(labels: LabelCopier, study: str, tag: str, info: Mapping[str, Any]) -> HostLabel | None:
    """Return the host's file of the label that this document describes.

    An older label in another format may be beside it.
    """
    found = await labels.found([(tag, study)])
    return next((one for one in found if one.name == info.get("name")), next(iter(found), None))


async def put_copy(
    labels: LabelCopier, client: MonaiLabelClient, entry: Entry, tag: str, info: Mapping[str, Any]
) -> None:
    """Submit a copy under a tag, with the server's document of it. Raises LabeltuiError.

    It keeps the time at which its annotator submitted it, so that it is no activity of the annotator.
    """
    source = labels.folder.root / labels.folder.index.file_of(entry)
    own = {name: value for name, value in info.items() if name not in SERVER_WRITES}
    own.setdefault(SUBMITTED, info.get("ts") or int(entry.saved_at.timestamp()))
    try:
        await client.put_label(entry.study, tag, source, "label" + split_label(entry.name)[1], own)
    except OSError as error:
        raise labels.folder.unusable(error) from None


def tag_of(client: str, others: Mapping[str, str]) -> str:
    """Return the tag of a client's reading: ``final_CLIENT``. ``others`` are the tags of a study's readings by client.

    Characters that are unsafe in a folder's name become ``%XX``. Two names that differ only in case get different tags.
    """
    if client in others:
        return others[client]
    tag = READING + file_name(client)
    if tag.casefold() in {other.casefold() for other in others.values()}:
        tag += f"~{sha256(client.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return tag


def _with_reading(edits: Edits, study: str, reading: Reading) -> Edits:
    others = tuple(one for one in edits.readings.get(study, ()) if one.client != reading.client)
    return replace(edits, readings={**edits.readings, study: (*others, reading)})
