"""Reads the worklist from its files on the host and from the list of studies, and changes the operator's decisions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.events import Event, LabelReceived, SampleServed
from labeltui.domain.problems import Failed, Unreachable
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.study import FINAL_TAG, Study, StudyQueue, when
from labeltui.domain.studies.worklist import NAMELESS, Holder, Left, Reading, Refusal, Worklist
from labeltui.domain.text import one_line
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.launch import HOLD_META, WORKLIST_META
from labeltui.monailabel.serving.rules import (
    HOLD_S,
    Edits,
    Entry,
    Fetch,
    Times,
    choose,
    client_name,
    holds_of,
)
from labeltui.monailabel.serving.state import STATE, State
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, Poller
from labeltui.session.studies.second_readings import second_reading, why_waiting

STRATEGY = "worklist"
EVERY_S = 15.0
LARGEST = 1 << 20
MANY_STUDIES = 2000
"""For more studies than this, a thread derives the worklist, so that the console does not stop meanwhile."""
ATTEMPTS = 5
ASKED_LATELY = timedelta(minutes=15)
NAME_HINT = (
    "Let each annotator set a name in Slicer: Edit, Application Settings, MONAI Label, Client/User-ID. "
    "The server can't give an unfinished study back to an annotator without a name."
)
SHARED_NAME = "shared name"
HELD_BACK = (
    "Add studies, or undo a skip or assignment (`labeltui studies skip STUDY --undo`, `assign STUDY --undo`)."
)
TAKEN = "Others have the rest; more studies can be sent (Q U)."
ALL_FINAL = "all final"
NEWCOMER = "\n"
"""A name in place of a named client who has fetched nothing. No client can have it, because names are stripped."""


class WorklistWatch:
    """Writes the store's field ``worklist``.

    ``meta`` is the record of the server's job. ``client`` is the console's own client id; a study that it
    fetches is not reserved for it.
    """

    def __init__(
        self,
        store: Store,
        meta: Callable[[], Mapping[str, object]],
        agent: Callable[[], AgentClient | None],
        clock: Clock,
        client: str,
    ) -> None:
        self._store, self._meta, self._agent, self._clock = store, meta, agent, clock
        self._client = client
        self._edits, self._state = Edits(), State()
        self._alerted: dict[str, datetime] = {}
        self.poller: Poller[Worklist] = Poller(store.own(Fields.worklist), self._poll, lambda: EVERY_S, clock)
        store.subscribe(self._on_store)

    async def refresh(self) -> Worklist:
        """Read the worklist now. Raises Failed ``no_worklist`` if the server has none."""
        await self.poller.poll()
        reading = self._store.state.worklist
        if reading.error is not None or reading.value is None:
            raise Failed(Code.NO_WORKLIST, f"The worklist can't be read: {reading.error}.", "Try again.")
        if reading.value.why_not:
            raise Failed(
                Code.NO_WORKLIST, f"There is no worklist: {reading.value.why_not}.",
                "Start the server with labeltui, and not with `--worklist off`.",
            )  # fmt: skip
        return reading.value

    async def change(self, edit: Callable[[Edits], Edits]) -> Edits:
        """Change the operator's edits by ``edit`` and store them on the host.

        A simultaneous change by another console is not lost. Raises Failed ``no_worklist``, and the errors of
        writing.
        """
        path = await self._path_for_change()
        for attempt in range(ATTEMPTS):
            agent = self._present_agent()
            before = await _read(agent, path)
            edits = edit(Edits.of(_json(before)))
            data = json.dumps(edits.document(), indent=1).encode()
            try:
                await agent.write(path, data, replaces=before)
            except Failed as error:
                if error.problem.code != Code.FILE_CHANGED or attempt + 1 == ATTEMPTS:
                    raise
                continue
            await self.poller.poll()
            return edits
        raise AssertionError  # the last attempt returns or raises

    async def _path_for_change(self) -> str:
        await self.refresh()
        return str(self._meta()[WORKLIST_META])

    def _present_agent(self) -> AgentClient:
        agent = self._agent()
        if agent is None:
            raise Unreachable(Code.NOT_CONNECTED, "The host is not connected.", "Connect, then try again.")
        return agent

    async def _poll(self) -> Worklist:
        if not self._why_not(self._store.state):
            path, agent = str(self._meta()[WORKLIST_META]), self._present_agent()
            self._edits = Edits.of(_json(await _read(agent, path)))
            self._state = State(_json(await _read(agent, path + STATE)))
        state = self._store.state
        queue = state.queue.value
        if queue is None or len(queue.studies) <= MANY_STUDIES:
            return self._derive(state)
        return await asyncio.to_thread(self._derive, state)

    def _why_not(self, state: SessionState) -> str:
        server, info = state.server.value, state.info.value
        if server is None or server.state is not ServerState.RUNNING:
            return "the server is not running"
        if server.pid is None:
            return "labeltui did not start this server"
        if not self._meta().get(WORKLIST_META):
            return "this server was started without one"
        if info is not None and STRATEGY not in info.strategies:
            return "the server could not add it; its log says why"
        return ""

    def _derive(self, state: SessionState) -> Worklist:
        why_not, queue = self._why_not(state), state.queue.value
        edits, stored = (Edits(), State()) if why_not else (self._edits, self._state)
        studies = queue.studies if queue is not None else ()
        given_s = self._meta().get(HOLD_META)
        hold_s = float(given_s) if isinstance(given_s, int | float) else HOLD_S
        now = self._clock()
        since = now - timedelta(seconds=hold_s)
        activity = _activity(studies, stored.activity, since)
        times = Times(now.timestamp(), hold_s, activity, (self._client,))
        entries = _entries(studies, edits, stored, activity, since)
        return Worklist(
            why_not,
            edits.order,
            edits.assigned,
            edits.skipped,
            edits.doubled,
            {
                study: tuple(Reading(one.client, one.tag, one.sha256, when(one.at)) for one in readings)
                for study, readings in edits.readings.items()
            },
            {one.study: why_waiting(one) for one in entries if one.waits or one.readers},
            holders=_holders(entries, times),
            left=_left(queue, entries, edits, times),
            refusals=_refusals(stored),
        )

    def on_event(self, event: Event) -> None:
        """Poll at once after an event that changes who holds a study."""
        if isinstance(event, SampleServed | LabelReceived):
            self.poller.wake()

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        known = state.worklist.value
        if changed & {Fields.server, Fields.info} and (
            known is None or known.why_not != self._why_not(state)
        ):
            self.poller.wake()
        if Fields.queue in changed:
            self.poller.wake()
        if Fields.worklist in changed and known is not None:
            self._alert(known)

    # --- alerts ---

    def _alert(self, worklist: Worklist) -> None:
        self._alert_shared_name(worklist)
        all_final = worklist.left is not None and worklist.left.all_final
        asked = [one for one in worklist.refusals if one.client != self._client and self._is_recent(one)]
        self._alert_all_final(worklist.left.final if worklist.left is not None and all_final and asked else 0)
        refusals = () if all_final else asked
        present = {f"worklist:{refusal.client}" for refusal in refusals}
        for key in self._alerted.keys() - present:
            del self._alerted[key]
            self._store.dismiss(key)
        for refusal in refusals:
            key = f"worklist:{refusal.client}"
            if self._alerted.get(key) == refusal.at:
                continue
            self._alerted[key] = refusal.at
            name = one_line(refusal.client) if refusal.client else NAMELESS
            level, advice = (Level.WARNING, HELD_BACK) if refusal.left.is_held_back else (Level.INFO, TAKEN)
            message = f"There is no study for {name}: {refusal.left.why_nothing}."
            self._store.alert(
                Alert(key, level, message, f"Slicer only shows that nothing was found. {advice}", refusal.at)
            )

    def _is_recent(self, refusal: Refusal) -> bool:
        return self._clock() - refusal.at < ASKED_LATELY

    def _alert_all_final(self, count: int) -> None:
        """Say once that nobody gets a study because all are labelled. A ``count`` of 0 dismisses the alert."""
        if not count:
            self._store.dismiss(ALL_FINAL)
            return
        message = f"All studies are labelled ({count}), so Next Sample in Slicer finds none."
        if not any(one.key == ALL_FINAL and one.message == message for one in self._store.state.alerts):
            self._store.alert(
                Alert(ALL_FINAL, Level.INFO, message, "Train (t s), or send more (Q U).", self._clock())
            )

    def _alert_shared_name(self, worklist: Worklist) -> None:
        shared = [study for study, holders in worklist.holders.items() if any(not h.client for h in holders)]
        if len(shared) < 2:
            self._store.dismiss(SHARED_NAME)
            return
        message = f"{len(shared)} studies are open at {NAMELESS} (Slicer's user-xyz, or none)."
        if not any(a.key == SHARED_NAME and a.message == message for a in self._store.state.alerts):
            self._store.alert(Alert(SHARED_NAME, Level.WARNING, message, NAME_HINT, self._clock()))


async def _read(agent: AgentClient, path: str) -> bytes:
    """Read a file. Empty if there is none."""
    try:
        return await agent.read(path, limit=LARGEST)
    except Failed as error:
        if error.problem.code == Code.NOT_FOUND:
            return b""
        raise


def _json(data: bytes) -> object:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None  # the server reads it as empty too


def _activity(studies: Iterable[Study], stored: Mapping[str, float], since: datetime) -> dict[str, float]:
    """Return when each client was last active, from the server's record and from the labels since a time."""
    activity = dict(stored)
    for study in studies:
        if not study.authors:
            continue
        for tag, author in study.authors.items():
            at = study.tags.get(tag)
            if at is not None and at > since:
                client = client_name(author)
                activity[client] = max(at.timestamp(), activity.get(client, 0.0))
    return activity


def _entries(
    studies: Iterable[Study], edits: Edits, stored: State, activity: Mapping[str, float], since: datetime
) -> list[Entry]:
    """Return the studies that are assigned, skipped, or not final and perhaps reserved for somebody.

    A study that lacks its second reading is among them, see :func:`second_reading`.
    """
    edited = {*edits.assigned, *edits.skipped, *edits.doubled, *stored.given}
    active = {client for client, at in activity.items() if at > since.timestamp()}
    entries = []
    for study in studies:
        final = FINAL_TAG in study.tags
        if not (study.fetches or study.id in edited) or (final and study.id not in edits.doubled):
            continue
        fetches = [
            Fetch(f.client, f.at.timestamp())
            for f in study.fetches
            if f.at is not None and (f.at > since or client_name(f.client) in active)
        ]
        if study.id in stored.given:
            fetches.append(Fetch(*stored.given[study.id], recorded=False))
        if not final and (fetches or study.id in edited):
            entries.append(Entry(study.id, fetches=tuple(fetches)))
        elif final:
            entry = second_reading(study, tuple(fetches), edits)
            if entry is not None:
                entries.append(entry)
    return entries


def _holders(entries: Iterable[Entry], times: Times) -> dict[str, tuple[Holder, ...]]:
    found = ((entry.study, holds_of(entry, times)) for entry in entries)
    return {
        study: tuple(Holder(hold.client, until) for hold in holds if (until := when(hold.until)) is not None)
        for study, holds in found
        if holds
    }


def _left(queue: StudyQueue | None, entries: list[Entry], edits: Edits, times: Times) -> Left | None:
    """Count the studies by state, for a client that has fetched none.

    Studies that nobody touched are counted without the rules.
    """
    if queue is None or not queue.listed:
        return None
    touched = choose(NEWCOMER, entries, edits, times).left
    final = sum(FINAL_TAG in study.tags for study in queue.studies)
    final -= sum(bool(entry.readers) or entry.waits for entry in entries)
    untouched = len(queue.studies) - final - len(entries)
    return Left(
        final, touched.second, touched.skipped, touched.assigned, touched.held, touched.free + untouched
    )


def _refusals(stored: State) -> tuple[Refusal, ...]:
    found = []
    for client, one in stored.refused.items():
        at = when(one.get("at"))
        if at is not None:
            found.append(Refusal(client, at, Left(**{name: _count(one, name) for name in COUNTS})))
    return tuple(sorted(found, key=lambda refusal: refusal.at))


COUNTS = ("final", "second", "skipped", "assigned", "held", "free")


def _count(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0
