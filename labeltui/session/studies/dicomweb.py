"""Lists the series of a DICOMweb server, with a program on the host, and counts those with a label.

MONAI Label itself lists only the series that somebody has fetched. Its counts are cached, and only their total follows
the DICOMweb server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from labeltui.config.model import ServerSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.server.server import ServerInfo, ServerStatus
from labeltui.domain.studies.study import FINAL_TAG, QueueSource, Study, StudyQueue
from labeltui.domain.text import one_line
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.parsing import parse
from labeltui.monailabel.launch import DEFAULT_MODALITY, expand
from labeltui.monailabel.programs import source_of

SHARE = 10
"""Listing may take one part in this many of the time; labeltui waits between two lists accordingly."""
USUAL_S = 60.0
FAILED_S = 5.0
LONGEST_RUN_S = 90.0
MEMORY_BYTES = 2 << 30
ANSWER_BYTES = 4 << 20
REFERENCES_AT_ONCE = 500
MOST_RUNS = 200  # of some thousand series each; a broken server may send pages without end
MOST_PROXIED = 2000

UNLISTED = (Code.DICOMWEB_UNLISTED, Code.PROGRAM_FAILED)

Row = tuple[str, str, str, str, int | None, list[str] | None]
"""Series, study, modality, description, number of images, and the series that a SEG refers to."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer of ``programs/series.py``."""

    error: str = ""
    status: int | None = None
    filter: dict[str, Any] = field(default_factory=dict)
    series: list[Row] = field(default_factory=list)
    segs: list[Row] = field(default_factory=list)
    next_series: int | None = None
    next_segs: int | None = None
    others: list[str] = field(default_factory=list)
    references: dict[str, list[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The series, and which of them a SEG refers to. ``unread`` is the number of SEGs that could not be read."""

    series: tuple[Study, ...]
    labelled: frozenset[str]
    unread: int
    modality: str
    others: tuple[str, ...]


class SeriesList:
    """Completes the server's list of studies. Lists again when something has changed, as often as ``SHARE`` allows."""

    def __init__(
        self,
        settings: ServerSection,
        ready: Callable[[], Awaitable[AgentClient]],
        process: Callable[[], Awaitable[int | None]],
    ) -> None:
        """``ready`` waits for the agent.

        ``process`` waits for the id of MONAI Label's process, which is None if unknown.
        """
        self._settings, self._ready, self._process = settings, ready, process
        self._source: tuple[object, ...] = ()
        self._references: dict[str, list[str]] = {}  # the series that each SEG refers to
        self._last: _Listing | LabeltuiError | None = None
        self._counts: object = None
        self._took_s, self._ended_at = 0.0, -1e9
        self._changed = False

    def changed(self) -> None:
        """List again soon, because a label was saved or a count has changed."""
        self._changed = True

    def counts(self, counts: object) -> bool:
        """Store the server's counts. Returns whether they have changed."""
        previous, self._counts = self._counts, counts
        return previous is not None and previous != counts

    @property
    def wait_s(self) -> float:
        """Seconds until the next list."""
        usual_s = FAILED_S if isinstance(self._last, LabeltuiError) else 0.0 if self._changed else USUAL_S
        due_at = self._ended_at + max(usual_s, SHARE * self._took_s)
        return max(0.0, due_at - asyncio.get_running_loop().time())

    async def complete(
        self, served: StudyQueue, server: ServerStatus | None, info: ServerInfo | None
    ) -> StudyQueue:
        """Return all series. Fetches and labels come from ``served``, the server's own list of what it has cached.

        Raises Failed ``dicomweb`` or ``dicomweb_login``, and Unreachable.
        """
        pid = await self._process()
        url = (server.studies if server is not None else None) or self._settings.studies
        source = (url, None if server is None else server.run_id, pid)
        if source != self._source:
            self._source, self._last = source, None
        last = self._last
        if last is None or self.wait_s == 0.0:
            last = self._last = await self._refresh(self._arguments(url, server, info, pid))
        if isinstance(last, _Listing):
            return await asyncio.to_thread(_merged, last, served)
        foreign = server is not None and server.pid is None
        if foreign and last.problem.code in UNLISTED and info is not None:
            return replace(
                served, total=None, completed=None, source_problem=last.problem.message,
                server_total=info.total, server_completed=info.completed,
            )  # fmt: skip
        raise last

    async def _refresh(self, common: Mapping[str, Any]) -> _Listing | LabeltuiError:
        loop = asyncio.get_running_loop()
        began, self._changed = loop.time(), False
        try:
            return await self._list(common)
        except LabeltuiError as error:
            return error
        finally:
            self._ended_at = loop.time()
            self._took_s = self._ended_at - began

    async def _list(self, common: Mapping[str, Any]) -> _Listing:
        series: dict[str, Row] = {}
        segs: dict[str, Row] = {}
        next_series: int | None = 0
        next_segs: int | None = 0
        others: list[str] = []
        for _ in range(MOST_RUNS):
            answer = await self._run(common, series=next_series, segs=next_segs)
            series.update((row[0], row) for row in answer.series)
            segs.update((row[0], row) for row in answer.segs)
            others += answer.others
            next_series, next_segs = answer.next_series, answer.next_segs
            if next_series is None and next_segs is None:
                break
        else:
            raise _failure(_Answer("endless"), shown_url(common["url"]))
        unread = await self._read_references(common, segs)
        labelled = {uid for seg in segs for uid in self._references.get(seg, ())}
        modality = answer.filter.get("Modality")
        return _Listing(
            tuple(_study(series[uid]) for uid in sorted(series)), frozenset(labelled & series.keys()), unread,
            one_line(modality) if isinstance(modality, str) else "", tuple(map(one_line, others)),
        )  # fmt: skip

    async def _read_references(self, common: Mapping[str, Any], segs: Mapping[str, Row]) -> int:
        """Read which series each SEG refers to, once for each SEG. Returns the number of SEGs that can't be read."""
        for seg in self._references.keys() - segs.keys():
            del self._references[seg]
        self._references.update((seg, row[5]) for seg, row in segs.items() if row[5] is not None)
        pending = [[row[1], seg] for seg, row in segs.items() if seg not in self._references]
        unread = 0
        while pending:
            answer = await self._run(common, references=pending[:REFERENCES_AT_ONCE])
            if not any(pair[1] in answer.references for pair in pending):
                return unread + len(pending)
            for seg, uids in answer.references.items():
                if uids is None:
                    unread += 1
                else:
                    self._references[seg] = uids
            pending = [pair for pair in pending if pair[1] not in answer.references]
        return unread

    def _arguments(
        self, url: str, server: ServerStatus | None, info: ServerInfo | None, pid: int | None
    ) -> dict[str, Any]:
        settings = self._settings
        variable = settings.dicomweb_password_env
        password = os.environ.get(variable) if variable is not None else None
        ours = server is not None and server.pid is not None
        return {
            "url": url.rstrip("/").strip(), "pid": pid, "port": settings.port,
            "total": None if info is None else info.total,
            "user": settings.dicomweb_user, "password": password,
            "known": ours and (settings.dicomweb_user is None or password is not None),
            "filter": {"Modality": settings.dicomweb_modality if ours else DEFAULT_MODALITY},
        }  # fmt: skip

    async def _run(
        self, common: Mapping[str, Any], *, series: int | None = None, segs: int | None = None,
        references: Sequence[Sequence[str]] = (),
    ) -> _Answer:  # fmt: skip
        """Run the program once. It gets the password on its input, because others could read it on a command line."""
        agent = await self._ready()
        python = f"{expand(self._settings.folder, agent.hello.home)}/venv/bin/python"
        asked = {**common, "series": series, "segs": segs, "references": [list(one) for one in references]}
        document = await agent.run_program(
            python, source_of("series"), asked,
            memory_bytes=MEMORY_BYTES, wall_s=LONGEST_RUN_S, answer_bytes=ANSWER_BYTES,
        )  # fmt: skip
        answer = await asyncio.to_thread(parse, _Answer, document)
        if answer.error:
            raise _failure(answer, shown_url(common["url"]))
        return answer


def _study(row: Row) -> Study:
    uid, _study_uid, modality, description, images, _references = row
    return Study(uid, name=one_line(description), modality=one_line(modality), images=images)


def _merged(listing: _Listing, served: StudyQueue) -> StudyQueue:
    """Add the server's fetches and labels to the listed series.

    A label that is known only from its SEG has no time and no author.
    """
    cached = {study.id: study for study in served.studies}
    studies: list[Study] = []
    for series in listing.series:
        study = cached.get(series.id, series)
        tags = study.tags
        if series.id in listing.labelled and FINAL_TAG not in tags:
            tags = {**tags, FINAL_TAG: None}
        studies.append(
            study._replace(tags=tags, name=series.name, modality=series.modality, images=series.images)
        )
    problem = ""
    if listing.unread:
        files = "1 SEG" if listing.unread == 1 else f"{listing.unread} SEGs"
        problem = f"The number of labelled series is not known, because {files} can't be read."
    return StudyQueue(
        total=len(studies), completed=None if listing.unread else len(listing.labelled),
        studies=tuple(studies), source=QueueSource.DICOMWEB, source_problem=problem,
        modality=listing.modality, other_modalities=listing.others,
    )  # fmt: skip


def shown_url(url: str) -> str:
    """Return a URL for messages: on one line, without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the DICOMweb server"
    return one_line(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())


def _failure(answer: _Answer, url: str) -> LabeltuiError:
    if answer.error == "status" and answer.status in (401, 403):
        return Failed(
            Code.DICOMWEB_LOGIN, f"{url} refuses the user or the password (HTTP {answer.status}).",
            "Correct `dicomweb_user` and `dicomweb_password_env` in the profile, then restart the server.",
        )  # fmt: skip
    if answer.error == "many":
        return Failed(
            Code.DICOMWEB_UNLISTED,
            f"labeltui lists at most {MOST_PROXIED} series of a server whose DICOMweb password it can't read.",
            "Start the server with labeltui.",
        )
    if answer.error == "unreachable":
        return Unreachable(
            Code.DICOMWEB, f"{url} can't be reached from the host.", "Check that the DICOMweb server runs."
        )
    what = {
        "status": f"answered a search for series with HTTP {answer.status}",
        "timeout": "did not answer a search for series in time",
    }.get(answer.error, "sent no usable list of series")
    return Failed(
        Code.DICOMWEB, f"{url} {what}.", "Check `studies` in the profile, and the DICOMweb server's log."
    )
