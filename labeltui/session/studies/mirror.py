"""The studies of one datastore, in the order of their ids.

Works in small slices, so that the event loop never waits for long.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from labeltui.domain.studies.study import FINAL_TAG, OpenStudies, Study, StudyQueue

T = TypeVar("T")

SLICE = 1000
"""Studies that are processed before other tasks may run, which takes a few milliseconds."""


class StudyMirror:
    """Has each study twice: as its source reports it, and completed.

    ``complete`` returns a study with the clients that only labeltui knows. ``outdated`` returns, once each, the
    ids of the studies that must be completed again although their source has not changed them.
    """

    def __init__(self, complete: Callable[[Study], Study], outdated: Callable[[], set[str]]) -> None:
        self._complete, self._outdated = complete, outdated
        self._read: dict[str, Study] = {}
        self._completed: dict[str, Study] = {}
        self._ids: list[str] = []
        self._ordered: list[Study] = []
        self._sizes: dict[str, int] = {}
        self._resized: set[str] = set()
        self._tags: Counter[str] = Counter()
        self._openers: Counter[str] = Counter()
        self._sharers: Counter[int] = Counter()  # studies by the number of people who have them open
        self._published = StudyQueue(0, 0)
        self._changing = asyncio.Lock()
        self._unfinished = False  # studies were loaded, or an update was cancelled
        self._stale = False

    @property
    def size(self) -> int:
        """The number of studies, including studies that are not published yet."""
        return len(self._read)

    async def replace(self, studies: Mapping[str, Study]) -> None:
        """Make these the studies. Objects that are equal to the present ones are not replaced."""
        async with self._changing:
            changed: list[Study] = []
            for piece in slices(studies.values()):
                changed += [study for study in piece if self._read.get(study.id) != study]
                await asyncio.sleep(0)
            gone = [study for study in self._read if study not in studies]
            await self._update(changed, gone)

    async def update(self, changed: Sequence[Study], gone: Iterable[str]) -> None:
        """Add or replace the studies ``changed``, and remove those with the ids ``gone``."""
        async with self._changing:
            await self._update(changed, gone)

    async def load(self, studies: Sequence[Study]) -> None:
        """Add some of many studies, which are published with the next update."""
        async with self._changing:
            self._unfinished = True
            await self._put_all(studies)

    def outdate(self) -> None:
        """Complete every study again at the next update."""
        self._stale = True

    def resize(self, sizes: Mapping[str, int]) -> None:
        """Set the sizes in bytes of some studies' images. They are published with the next update."""
        self._resized.update(study for study, size in sizes.items() if self._sizes.get(study) != size)
        self._sizes.update(sizes)

    def forget_sizes(self) -> None:
        """Forget the size of every image. That is published with the next update."""
        self._resized.update(self._sizes)
        self._sizes.clear()

    async def queue(self) -> StudyQueue:
        """Return the list with its counts, after completing again the studies that are outdated."""
        async with self._changing:
            await self._update((), ())
            return self._published

    async def _update(self, changed: Sequence[Study], gone: Iterable[str]) -> None:
        size, unfinished, self._unfinished = len(self._read), self._unfinished, True
        removed = [study for study in gone if self._remove(study)]
        await self._put_all(changed)
        again = await self._complete_outdated()
        if removed or unfinished or len(self._read) != size or len(again) > SLICE:
            self._ids = sorted(self._completed)
            await asyncio.sleep(0)
            self._ordered = list(map(self._completed.__getitem__, self._ids))
        else:
            for study_id in (*(study.id for study in changed), *again):
                self._ordered[bisect_left(self._ids, study_id)] = self._completed[study_id]
        if changed or removed or again or unfinished:
            await asyncio.sleep(0)
            self._published = self._build()
            await asyncio.sleep(0)  # those who are notified of a list compare all of it with the last one
        self._unfinished = False

    def _build(self) -> StudyQueue:
        tags, by_client = ({name: n for name, n in all_.items() if n} for all_ in (self._tags, self._openers))
        shared = sum(n for people, n in self._sharers.items() if people > 1)
        opened = OpenStudies(self._sharers.total(), shared, by_client)
        studies = tuple(self._ordered)
        return StudyQueue(len(studies), tags.get(FINAL_TAG, 0), studies, tags, counted=opened)

    async def _put_all(self, studies: Iterable[Study]) -> None:
        for piece in slices(studies):
            for study in piece:
                self._read[study.id] = study
                self._put(study)
            await asyncio.sleep(0)

    async def _complete_outdated(self) -> list[str]:
        again: dict[str, None] = {}
        outdated, self._stale = set(self._read) if self._stale else self._outdated(), False
        outdated, self._resized = outdated | self._resized, set()
        while outdated:
            for piece in slices(outdated & self._read.keys()):
                for study_id in piece:
                    self._put(self._read[study_id])
                    again[study_id] = None
                await asyncio.sleep(0)
            outdated = self._outdated()  # completing a study may outdate another
        return list(again)

    def _put(self, study: Study) -> None:
        completed = self._complete(study)
        if study.id in self._sizes:
            completed = completed._replace(size=self._sizes[study.id])
        before = self._completed.get(study.id)
        if before is not None:
            self._count(before, -1)
        self._count(completed, 1)
        self._completed[study.id] = completed

    def _remove(self, study_id: str) -> bool:
        if self._read.pop(study_id, None) is None:
            return False
        self._sizes.pop(study_id, None)
        self._count(self._completed.pop(study_id), -1)
        return True

    def _count(self, study: Study, by: int) -> None:
        for tag in study.tags:
            self._tags[tag] += by
        people = study.openers if study.fetches else ()
        if people:
            self._sharers[len(people)] += by
            for client in people:
                self._openers[client] += by


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in lists of at most ``SLICE``."""
    iterator = iter(items)
    while piece := list(islice(iterator, SLICE)):
        yield piece
