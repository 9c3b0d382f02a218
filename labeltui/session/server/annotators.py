"""Remembers who fetched each study and who submitted its final label.

MONAI Label stores one client per study and strategy, and one final label per study: a second fetch by the same strategy
and a second label replace the first. The server's output names all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from labeltui.domain.log.events import Event, LabelSaved, SampleRequested, SampleServed
from labeltui.domain.study import FINAL_TAG, Fetch, Study, StudyQueue, Submission

OLDEST = datetime.min.replace(tzinfo=UTC)


class Annotators:
    """Completes the server's list of studies with what its output and earlier lists contained.

    Fetches by ``console``, the client id of this console, are ignored: it labels nothing. ``zone`` returns the zone of
    the times in the server's output.
    """

    def __init__(self, console: str, zone: Callable[[], tzinfo]) -> None:
        self._console, self._zone = console, zone
        self._source: str | None = None
        self._request: SampleRequested | None = None
        self._fetches: dict[str, dict[tuple[str, str], Fetch]] = {}  # by study, then by strategy and client
        self._newest: dict[str, tuple[datetime, str]] = {}  # the time and study of each client's newest fetch
        self._finals: dict[str, list[Submission]] = {}  # oldest first; neighbours are of different clients

    def begin(self, studies: str | None) -> None:
        """A server begins to serve this folder or URL. Forgets what is known of another one."""
        if None not in (studies, self._source) and studies != self._source:
            self._fetches.clear()
            self._newest.clear()
            self._finals.clear()
        self._source = studies or self._source

    def on_event(self, event: Event) -> None:
        """Store who is named in an event of the server's output."""
        if isinstance(event, SampleRequested):
            self._request = event
        elif isinstance(event, SampleServed):
            request, self._request = self._request, None
            if event.image is not None and request is not None:
                fetch = Fetch(request.strategy, request.client, self._moment(event.at))
                self._fetched(event.image, (fetch,))
        elif isinstance(event, LabelSaved) and event.tag == FINAL_TAG:
            self._submitted(event.image, Submission(event.client, self._moment(event.at)))

    def _moment(self, at: datetime | None) -> datetime | None:
        return None if at is None else at.replace(tzinfo=self._zone())

    def complete(self, queue: StudyQueue) -> StudyQueue:
        """Store who is named in the server's list, and return the list with everybody who is known.

        A fetch that the server has forgotten counts until its client fetches another study.
        """
        return replace(queue, studies=tuple(self._complete(study) for study in queue.studies))

    def _complete(self, study: Study) -> Study:
        if not (study.fetches or study.authors or study.id in self._fetches):
            return study
        self._fetched(study.id, study.fetches)
        author = study.authors.get(FINAL_TAG, "")
        self._submitted(study.id, Submission(author, study.tags.get(FINAL_TAG)))
        fetches = [
            fetch
            for fetch in self._fetches[study.id].values()
            if fetch in study.fetches or self._newest[fetch.client][1] == study.id
        ]
        fetches.sort(key=_time_of, reverse=True)
        finals = self._finals[study.id]
        replaced = tuple(finals[:-1]) if finals and finals[-1].client == author else ()
        return replace(study, fetches=tuple(fetches), replaced=replaced)

    def _fetched(self, study: str, fetches: tuple[Fetch, ...]) -> None:
        known = self._fetches.setdefault(study, {})
        for fetch in fetches:
            key = (fetch.strategy, fetch.client)
            if fetch.client != self._console and (fetch.at or OLDEST) >= _time_of(known.get(key)):
                known[key] = fetch
                self._newest[fetch.client] = max(
                    (_time_of(fetch), study), self._newest.get(fetch.client, (OLDEST, ""))
                )

    def _submitted(self, study: str, label: Submission) -> None:
        known = self._finals.setdefault(study, [])
        last = known[-1] if known else None
        if not label.client or (last is not None and last.client == label.client):
            return
        # An answer that was on its way while a label was saved still names the label before.
        if last is None or last.at is None or label.at is None or label.at > last.at:
            known.append(label)


def _time_of(fetch: Fetch | None) -> datetime:
    return OLDEST if fetch is None or fetch.at is None else fetch.at
