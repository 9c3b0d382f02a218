"""The agent's requests about the datastore of a folder of studies."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.study import Study, study_of
from labeltui.hosts.agent.connection import AgentConnection
from labeltui.hosts.agent.messages import AgentHello
from labeltui.hosts.agent.parsing import bytes_of, garbled, json_object, parse
from labeltui.hosts.base import Channel
from labeltui.support.subscribers import Subscribers

LARGEST_PART = 64 << 20
AT_ONCE = 2000  # names in one request
Version = tuple[str, int, int]
"""A version of a file that is uploaded: name, size, and time of change in ns."""
CHECK_S = 120.0  # all studies are sent before the first answer, perhaps through a slow connection


@dataclass(frozen=True, slots=True)
class StudiesPart:
    """A part of a change of the datastore's file: studies that changed, and ids that are gone.

    All parts from one reading of the file have the same ``state``. That state was read whole only if its
    ``last`` part arrives. If ``whole`` is True, the parts have all studies. ``is_news`` is False if only the
    problem with the file has changed.
    """

    state: int
    whole: bool
    last: bool
    changed: tuple[Study, ...] = ()
    gone: tuple[str, ...] = ()
    is_news: bool = True
    sizes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class OnHost:
    """The files of a folder of studies, by name with size and time of change (ns), and the free bytes of its disk.

    ``parts`` has the bytes that earlier uploads left of the requested files, in the order of the request.
    """

    there: Mapping[str, tuple[int, int]]
    parts: tuple[int, ...]
    free: int


class StudiesRequests(AgentConnection):
    """Watches the datastore's file; one at a time. Compares files with those of a folder of studies."""

    def __init__(self, channel: Channel, hello: AgentHello, rest: bytes) -> None:
        self._on_studies: Subscribers[[Mapping[str, Any]]] = Subscribers()
        super().__init__(channel, hello, rest)

    @asynccontextmanager
    async def watch_studies(self, studies: str, key: str) -> AsyncIterator[AsyncIterator[StudiesPart]]:
        """Watch the folder ``studies``.

        Yields all studies in parts, then every change. Replaces an earlier watch. A file that can't be read
        gives no studies: :meth:`check_studies` raises its problem.
        """
        messages: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        unsubscribe = self._on_studies.add(messages.put_nowait)
        try:
            await self.request("studies.watch", studies=studies, key=key)
            yield _parts(messages, key)
        finally:
            unsubscribe()
            if not self._ended.done():
                with suppress(LabeltuiError):
                    await self._write({"op": "studies.unwatch", "key": key})

    async def check_studies(self, key: str) -> int:
        """Let the agent read the file now.

        Returns the number of the file's state, whose parts were all sent before this answer. Raises Failed for
        a file that is missing (``not_found``), can't be read, or is broken (``datastore_broken``).
        """
        return parse(int, (await self.request("studies.check", deadline_s=CHECK_S, key=key)).get("state"))

    async def compare_upload(
        self, studies: str, names: Sequence[str], parts: Sequence[Version] = ()
    ) -> OnHost:
        """Find ``names`` in a folder of studies, and the bytes that earlier uploads left of ``parts``."""
        there: dict[str, tuple[int, int]] = {}
        left: list[int] = []
        free = 0
        for at in range(0, max(len(names), len(parts), 1), AT_ONCE):
            answer = await self.request(
                "upload.compare", deadline_s=CHECK_S, studies=studies, names=list(names[at : at + AT_ONCE]),
                parts=[list(part) for part in parts[at : at + AT_ONCE]],
            )  # fmt: skip
            page = parse(OnHost, answer)
            there |= page.there
            left += page.parts
            free = page.free
        return OnHost(there, tuple(left), free)

    async def tidy_upload(self, studies: str, done: Sequence[Version] = (), *, every: bool = False) -> None:
        """Delete parts of uploads that were not continued for two weeks, and those of ``done``, which need no upload.

        With ``every``, delete all parts that no upload writes.
        """
        await self.request("upload.tidy", studies=studies, every=every, done=[list(one) for one in done])


async def _parts(messages: asyncio.Queue[Mapping[str, Any]], key: str) -> AsyncIterator[StudiesPart]:
    while True:
        message = await messages.get()
        if message.get("key") == key:
            yield _part_of(message)


def _part_of(message: Mapping[str, Any]) -> StudiesPart:
    try:
        if "sizes" in message:
            sizes = {study: int(size) for study, size in _unpacked(message["sizes"]).items()}
            return StudiesPart(0, whole=False, last=bool(message["last"]), sizes=sizes)
        if "data" not in message:
            return StudiesPart(0, whole=False, last=False, is_news=False)
        part = _unpacked(message["data"])
        changed = tuple([study_of(entry) for entry in part.get("changed", ())])
        gone = tuple([str(study) for study in part.get("gone", ())])
        return StudiesPart(
            int(message["state"]), bool(message["whole"]), bool(message["last"]), changed, gone
        )
    except (zlib.error, TypeError, ValueError, LookupError, AttributeError):
        raise garbled("a part of the list of studies") from None


def _unpacked(text: object) -> Mapping[str, Any]:
    unpacker = zlib.decompressobj()
    part = json_object(unpacker.decompress(bytes_of(text), LARGEST_PART))
    if part is None or not unpacker.eof:
        raise garbled("a part of the list of studies that is cut off")
    return part
