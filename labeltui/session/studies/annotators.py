"""Remembers who fetched each study and who submitted its final label.

MONAI Label stores one client per study and strategy, and one final label per study: a second fetch by the same strategy
and a second label replace the first. The server's output names all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from labeltui.domain.log.events import (
    Event,
    LabelDeleted,
    LabelReceived,
    LabelStored,
    SampleRequested,
    SampleServed,
)
from labeltui.domain.studies.annotation import Work, work_between, work_on
from labeltui.domain.studies.datastore import NAMELESS
from labeltui.domain.studies.study import FINAL_TAG, OLDEST, READING, Fetch, Study, Submission
from labeltui.session.history.studies import SAME_S, StudyEvent, StudyEventKind

SAME = timedelta(seconds=SAME_S)


class Annotators:
    """Adds to each study the fetches and labels that the server's output and earlier lists contained.

    Fetches by ``console``, the client id of this console, are ignored, because the console does not label.
    ``zone`` returns the zone of the times in the server's output. ``note`` is called with each fetch and label,
    perhaps more than once.
    """

    def __init__(
        self,
        console: str,
        zone: Callable[[], tzinfo],
        note: Callable[[StudyEvent], None] = lambda _event: None,
    ) -> None:
        self._console, self._zone, self._note = console, zone, note
        self._stored: Sequence[StudyEvent] = ()
        self._begun, self._unnoted = False, dict[StudyEvent, None]()
        self._source: str | None = None
        self._request: SampleRequested | None = None
        self._label: LabelReceived | None = None
        self._fetches: dict[str, dict[tuple[str, str], Fetch]] = {}  # by study, then by strategy and client
        self._newest: dict[str, tuple[datetime, str]] = {}  # the time and study of each client's newest fetch
        self._finals: dict[str, list[Submission]] = {}  # oldest first; neighbours are of different clients
        self._shown: set[str] = (
            set()
        )  # the studies whose final label a list, or an earlier session, has shown
        # Fetches that a later one of the same strategy has replaced, and labels after the author's first, by study.
        self._earlier: dict[str, list[Fetch]] = {}
        self._again: dict[str, list[Submission]] = {}
        # The times of fetches and labels, by client and hour: all times of a client may be tens of thousands.
        self._active: dict[tuple[str, int], set[datetime]] = {}
        self._outdated: set[str] = set()

    def recall(self, stored: Sequence[StudyEvent]) -> None:
        """Store the events of earlier sessions, oldest first. They apply once a server serves the same studies."""
        self._stored = stored

    def begin(self, studies: str | None) -> None:
        """Record that a server begins to serve this folder or URL. Drops the events of any other folder or URL."""
        if None not in (studies, self._source) and studies != self._source:
            self._outdated |= self._fetches.keys() | self._finals.keys()
            self._fetches.clear()
            self._newest.clear()
            self._finals.clear()
            self._shown.clear()
            self._earlier.clear()
            self._again.clear()
        self._source = studies or self._source
        if not self._begun:
            self._begun = True
            self._apply_stored()

    def _apply_stored(self) -> None:
        """Put the events of earlier sessions before this session's events, and pass this session's to ``note``."""
        fetches, finals, self._fetches, self._finals = self._fetches, self._finals, {}, {}
        for event in self._stored:
            if event.source != (self._source or ""):
                continue
            if event.kind is StudyEventKind.FETCH:
                self._fetched(event.study, (Fetch(event.detail, event.client, event.at),))
            elif event.detail == FINAL_TAG and event.kind is StudyEventKind.DELETE:
                self._deleted(event.study, event.at)
            elif event.detail == FINAL_TAG and event.kind is StudyEventKind.LABEL:
                self._submitted(event.study, Submission(event.client, event.at))
        self._shown |= self._finals.keys()
        for event in self._unnoted:
            if event.kind is StudyEventKind.DELETE:
                self._deleted(event.study, event.at)
        for study, by_client in fetches.items():
            self._fetched(study, tuple(by_client.values()))
        for study, labels in finals.items():
            for label in labels:
                self._submitted(study, label)
        self._stored = ()
        for event in self._unnoted:
            self._note(event._replace(source=self._source or ""))
        self._unnoted.clear()

    def on_event(self, event: Event) -> None:
        """Store the client that an event of the server's output names."""
        if isinstance(event, SampleRequested):
            self._request = event
        elif isinstance(event, SampleServed):
            request, self._request = self._request, None
            if event.image is not None and request is not None:
                fetch = Fetch(request.strategy, request.client, self._moment(event.at))
                self._fetched(event.image, (fetch,))
        elif isinstance(event, LabelReceived):
            self._label = event
        elif isinstance(event, LabelStored):
            received, self._label = self._label, None
            if received is None or received.restored:
                return  # the list has the time at which a restored label was submitted
            if not event.file or event.file.startswith(received.image):
                label = Submission(received.client, self._moment(event.at))
                self._note_event(StudyEventKind.LABEL, received.image, label.client, received.tag, label.at)
                if received.tag == FINAL_TAG:
                    self._submitted(received.image, label)
        elif isinstance(event, LabelDeleted) and event.tag in ("", FINAL_TAG):
            at = self._moment(event.at)
            if self._deleted(event.image, at) or not self._begun:
                self._note_event(StudyEventKind.DELETE, event.image, "", FINAL_TAG, at)

    def _moment(self, at: datetime | None) -> datetime | None:
        return None if at is None else at.replace(tzinfo=self._zone())

    def chosen(self, study: str, client: str, at: datetime) -> None:
        """Note that the operator made a client's reading the final label."""
        self._note_event(StudyEventKind.CHOOSE, study, client, FINAL_TAG, at)

    def _note_event(
        self, kind: StudyEventKind, study: str, client: str, detail: str, at: datetime | None
    ) -> None:
        nameless = not client and kind is not StudyEventKind.DELETE
        if at is None or nameless or client == self._console:
            return
        event = StudyEvent(self._source or "", kind, study, client, detail, at)
        if self._begun:
            self._note(event)
        else:
            self._unnoted[event] = None  # it is not known yet which studies these are

    def take_outdated(self) -> set[str]:
        """Return the ids of the studies whose clients have changed since :meth:`complete`, and forget them."""
        outdated, self._outdated = self._outdated, set()
        return outdated

    def complete(self, study: Study) -> Study:
        """Store the clients in the server's list, and return the study with all known clients added.

        A fetch that the server has forgotten counts until its client fetches another study.
        """
        study_id, tags, authors, given = study.id, study.tags, study.authors, study.fetches
        if FINAL_TAG in tags:
            self._shown.add(study_id)
        elif study_id in self._shown:
            self._deleted(study_id, None)
        known = self._fetches.get(study_id)
        if known is None and not given and not authors:
            return study
        if given:
            known = self._fetched(study_id, given)
        for tag, client in authors.items():
            if tag.startswith(READING):
                continue  # labeltui stored it
            self._note_event(StudyEventKind.LABEL, study_id, client, tag, tags.get(tag))
        author = authors.get(FINAL_TAG, "")
        work: Work | None = None
        holders: tuple[Fetch, ...] = ()
        if author:
            label = Submission(author, tags.get(FINAL_TAG))
            self._submitted(study_id, label)
            if known:
                work = self._worked(study_id, label, known.values())
                holders = self._holders(study, author, known.values())
        self._outdated.discard(study_id)
        fetches = tuple(known.values()) if known else ()
        if fetches != given:
            still = [
                fetch for fetch in fetches if fetch in given or self._newest[fetch.client][1] == study_id
            ]
            fetches = tuple(sorted(still, key=_time_of, reverse=True))
        finals = self._finals.get(study_id, ())
        replaced = tuple(finals[:-1]) if len(finals) > 1 and finals[-1].client == author else ()
        if (fetches, replaced, work, holders) == (given, study.replaced, study.work, study.holders):
            return study
        return study._replace(fetches=fetches, replaced=replaced, work=work, holders=holders)

    def _holders(self, study: Study, author: str, fetches: Iterable[Fetch]) -> tuple[Fetch, ...]:
        """Return the value of a study's ``holders``. A client without a name may be the author of the final label."""
        done, finals = study.tags.get(FINAL_TAG), self._finals.get(study.id, ())
        found: dict[str, Fetch] = {}
        for fetch in fetches:
            client, at = fetch.client, fetch.at
            if client in (author, NAMELESS) or at is None or done is None or at > done:
                continue
            submitted = any(one.client == client and one.at is not None and one.at >= at for one in finals)
            if self._newest[client][1] == study.id and not submitted:
                found[client] = max(found.get(client, fetch), fetch, key=_time_of)
        return tuple(found.values())

    def _worked(self, study: str, label: Submission, fetches: Iterable[Fetch]) -> Work | None:
        """Return the author's work until a final label; None if no fetch before it is known."""
        client, done = label
        if done is None:
            return None
        earlier, again = self._earlier.get(study, ()), self._again.get(study, ())
        everything = (*fetches, *earlier) if earlier else fetches
        fetched = [
            one.at for one in everything if one.client == client and one.at is not None and one.at < done
        ]
        if not fetched:
            return None
        finals = self._finals.get(study, ())
        # A reading that is chosen later, after another client's, is submitted once more at that time.
        since = max(fetched)
        chosen = any(one.client == client and one.at and one.at > since for one in finals[:-1])
        labels = (*finals, *again) if again or len(finals) > 1 else ()
        submitted = {
            one.at for one in labels if one.client == client and one.at is not None and done - one.at > SAME
        }
        hours = range(_hour(min(fetched)), _hour(done) + 1)
        meanwhile = {at for hour in hours for at in self._active.get((client, hour), ())}
        if not submitted:  # as most
            return work_between(since, done, meanwhile)
        return work_on(fetched, submitted if chosen else submitted | {done}, meanwhile)

    def _note_activity(self, client: str, at: datetime) -> None:
        key = (client, _hour(at))
        times = self._active.get(key)
        if times is None:
            times = self._active[key] = set()
        times.add(at)

    def _fetched(self, study: str, fetches: tuple[Fetch, ...]) -> dict[tuple[str, str], Fetch]:
        """Store the fetches of a study. Returns all that are known, by strategy and client."""
        known = self._fetches.setdefault(study, {})
        for fetch in fetches:
            strategy, client, given = fetch
            stored = known.get((strategy, client))
            if client == self._console or fetch == stored:
                continue
            at = given or OLDEST
            if stored is not None:
                if at < _time_of(stored):
                    continue
                self._earlier.setdefault(study, []).append(stored)
            known[strategy, client] = fetch
            self._note_activity(client, at)
            self._note_event(StudyEventKind.FETCH, study, client, strategy, given)
            self._outdated.add(study)
            newest = self._newest.get(client)
            if newest is None or (at, study) > newest:
                self._newest[client] = (at, study)
                if newest is not None:
                    self._outdated.add(newest[1])
        return known

    def _submitted(self, study: str, label: Submission) -> None:
        if label.client and label.at is not None:
            self._note_activity(label.client, label.at)
        if not label.client:
            return
        known = self._finals.get(study)
        last = known[-1] if known else None
        if last is not None and last.client == label.client:
            if label.at is not None and (last.at is None or label.at > last.at):
                again = self._again.setdefault(study, [])
                if label not in again:
                    again.append(label)
            return
        # An answer that was in transit while a label was saved still names the label before.
        if last is None or last.at is None or label.at is None or label.at > last.at:
            self._finals.setdefault(study, []).append(label)
            self._outdated.add(study)

    def _deleted(self, study: str, at: datetime | None) -> bool:
        """Forget the final labels that were deleted at that time; None means all. Returns whether there were any."""
        known = self._finals.get(study, [])
        later = [label for label in known if at is not None and label.at is not None and label.at > at]
        if len(later) == len(known):
            return False
        self._finals[study] = later
        self._shown.discard(study)
        self._outdated.add(study)
        return True


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def _time_of(fetch: Fetch | None) -> datetime:
    return OLDEST if fetch is None or fetch.at is None else fetch.at
