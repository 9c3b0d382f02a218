"""Mirrors the DICOM SEG files of a DICOMweb server in a folder on the host, from where they are copied like labels.

The program ``monailabel/programs/segs.py`` fetches them in the server's Python. It gets the login on its stdin.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from labeltui.config.model import ServerSection
from labeltui.domain.labels.copies import NOT_ASKED
from labeltui.domain.labels.names import SEG_TAG
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.dicomweb import DicomWeb
from labeltui.monailabel.launch import expand
from labeltui.monailabel.programs import source_of
from labeltui.session.labels.status import SLOW_S
from labeltui.support.backoff import backoff_s

WRITTEN_S = 1.0  # after the log reports a label, MONAI Label writes its id to the list of the cache
TRIES = 4  # runs for a submitted label whose SEG MONAI Label does not list
PROGRAM_S = 120.0
WITHIN_S = 60.0  # the program reads no further series after this
MEMORY_BYTES = 4 << 30
HINT = "Check that the DICOM server runs, and user and password in [profiles.NAME.server]."


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Why SEG files on the DICOM server may be missing from the host's folder, and what to do."""

    why: str
    hint: str = HINT


class SegMirror:
    """Fetches SEG files to the host.

    It fetches those of every image every 5 minutes, and those of one image when its label is submitted.
    ``served`` returns the DICOMweb server; None if the studies are in a folder. It raises LabeltuiError if the
    login is not known. ``known`` waits until the server's state is known. ``on_stored`` is called with the
    images whose SEGs were fetched, and after a change of :attr:`unlisted`.
    """

    def __init__(
        self,
        server: ServerSection,
        served: Callable[[], DicomWeb | None],
        known: Callable[[], Awaitable[object]],
    ) -> None:
        self.on_stored: Callable[[Iterable[str]], None] = lambda _images: None
        self.unlisted: Unlisted | None = Unlisted(NOT_ASKED)
        self.skipped: tuple[str, ...] = ()
        self._folder, self._served, self._known = server.folder, served, known
        self._wanted: dict[str, int] = {}  # images with a new label, and the runs for each
        self._wake = asyncio.Event()
        self._one = asyncio.Lock()

    def folder(self, web: DicomWeb, home: str) -> str:
        """The folder of the SEG files on the host, laid out as a folder of studies."""
        return posixpath.join(expand(self._folder, home), "segs", web.digest)

    def on_reported(self, tag: str, image: str) -> None:
        """Fetch the SEG of a label that was submitted as final."""
        if tag == FINAL_TAG:
            self._wanted[image] = 0
            self._wake.set()

    async def run(self, agent: AgentClient) -> None:
        """Fetch until cancelled."""
        await self._known()
        failures = 0
        whole = True
        while True:
            self._wake.clear()
            if self._is_served():
                images = None if whole else tuple(self._wanted)
                await self.update(agent, images)
                failures = failures + 1 if self.unlisted is not None else 0
            wait = backoff_s(failures) if failures else WRITTEN_S if self._wanted else SLOW_S
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                whole = bool(failures) or not self._wanted
            else:
                await asyncio.sleep(WRITTEN_S)
                whole = bool(failures)

    def _is_served(self) -> bool:
        try:
            return self._served() is not None
        except LabeltuiError:
            return True

    async def update(
        self, agent: AgentClient, images: tuple[str, ...] | None = None, *, search: bool = False
    ) -> None:
        """Fetch the SEGs of some images, or all of them.

        Those of some images are the ones that MONAI Label lists; with ``search``, also others on the DICOM server.
        Raises nothing: :attr:`unlisted` has the reason after a failure.
        """
        async with self._one:
            before = self.unlisted
            stored: set[str] = set()
            try:
                web = self._served()
                self.unlisted = None if web is None else await self._fetch(agent, web, images, stored, search)
            except LabeltuiError as error:
                problem = error.problem
                self.unlisted = Unlisted(
                    f"the DICOM SEGs can't be read: {problem.message.rstrip('.')}", problem.hint
                )
        if stored or self.unlisted != before:
            self.on_stored(stored)

    async def _fetch(
        self,
        agent: AgentClient,
        web: DicomWeb,
        images: tuple[str, ...] | None,
        stored: set[str],
        search: bool,
    ) -> Unlisted | None:
        while True:
            answer = await self._program(agent, web, images, search)
            stored |= {str(image) for image in answer.get("stored", ())}
            if not search:
                self._forget(images, {str(image) for image in answer.get("absent", ())})
            if problem := str(answer.get("problem") or ""):
                return Unlisted(problem)
            if images is not None:
                return self.unlisted  # of the last complete run
            self.skipped = tuple(f"{SEG_TAG}: SEG series {text}" for text in answer.get("skipped", ()))
            if not answer.get("left"):
                return None

    async def _program(
        self, agent: AgentClient, web: DicomWeb, images: tuple[str, ...] | None, search: bool
    ) -> dict[str, Any]:
        home = agent.hello.home
        answer = await agent.run_program(
            f"{expand(self._folder, home)}/venv/bin/python",
            source_of("segs"),
            {
                **web.login, "folder": self.folder(web, home), "cache": web.cache(self._folder, home),
                "images": images, "search": search, "within_s": WITHIN_S,
            },
            memory_bytes=MEMORY_BYTES, wall_s=PROGRAM_S,
        )  # fmt: skip
        return answer if isinstance(answer, dict) else {}

    def _forget(self, images: tuple[str, ...] | None, absent: set[str]) -> None:
        for image in images or ():
            tries = self._wanted.get(image, 0) + 1
            if image in absent and tries < TRIES:
                self._wanted[image] = tries
            else:
                self._wanted.pop(image, None)
