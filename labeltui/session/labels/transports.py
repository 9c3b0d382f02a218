"""Fetches labels as files from the host, or through the server's API if the files can't be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel, Listing
from labeltui.domain.labels.names import split_label
from labeltui.domain.problems import Failed
from labeltui.hosts.base import Progress
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.connection.link import Link
from labeltui.session.labels.index import Entry

CHECKSUMS_AT_ONCE = 100
READ_AT_ONCE = 1 << 20  # bytes; the agent reads no more in one request
READ_WHOLE = 16 << 20  # bytes; a larger file is copied so that an interrupted copy can be resumed


class LabelTransport(Protocol):
    """Lists and fetches labels. Every method raises LabeltuiError."""

    by_checksum: bool

    @property
    def source(self) -> str:
        """The origin of the labels, by host and folder."""
        ...

    async def listing(self, only: Iterable[tuple[str, str]] | None = None) -> Listing:
        """Return every label, or only the labels of the (tag, study) in ``only``."""
        ...

    async def with_checksums(self, labels: Sequence[HostLabel]) -> list[HostLabel]:
        """Read the labels again, with checksums if ``by_checksum``. Leaves out labels that were deleted."""
        ...

    async def fetch(self, label: HostLabel, target: Path, progress: Progress) -> None:
        """Download one label to ``target``."""
        ...

    async def info(self, label: Entry) -> Mapping[str, Any] | None:
        """Return the server's document of a label, with its author; None if it is unknown."""
        ...

    async def prepare(self) -> None:
        """Fetch labels to the host, if that is needed before they can be listed. May take minutes."""
        ...


class FileTransport:
    """Reads labels from the datastore's folder on the host, through the agent."""

    by_checksum = True

    def __init__(
        self,
        link: Link,
        folders: Sequence[str],
        machine: str,
        client: Callable[[], MonaiLabelClient] | None,
        *,
        used: bool = True,
    ) -> None:
        """Create the transport for the first of ``folders`` that exists on the host.

        If none exists, the labels are unknown. But if ``used`` is False, no server ever ran on the host and no
        label was ever counted, so there are none.
        """
        self._link, self._folders, self._used = link, list(folders), used
        self._machine, self._client = machine, client
        self._root = ""

    @property
    def source(self) -> str:
        """See :class:`LabelTransport`."""
        return f"{self._machine}:{self._folders[0]}"

    async def listing(self, only: Iterable[tuple[str, str]] | None = None) -> Listing:
        """See :class:`LabelTransport`."""
        agent = await self._link.ready()
        try:
            listing = await agent.list_labels(self._folders[0], only)
        except Failed as error:
            if error.problem.code == Code.NOT_FOUND and len(self._folders) > 1:
                del self._folders[0]
                return await self.listing(only)
            if error.problem.code == Code.NOT_FOUND and not self._used:
                return Listing(self._folders[0], time.time_ns(), ())
            raise _unread(error) from None
        self._root = listing.root
        return listing

    async def with_checksums(self, labels: Sequence[HostLabel]) -> list[HostLabel]:
        """See :class:`LabelTransport`."""
        summed: list[HostLabel] = []
        for start in range(0, len(labels), CHECKSUMS_AT_ONCE):
            keys = [label.key for label in labels[start : start + CHECKSUMS_AT_ONCE]]
            agent = await self._link.ready()
            try:
                summed += await agent.sum_labels(self._folders[0], keys)
            except Failed as error:
                raise _unread(error) from None
        return summed

    async def fetch(self, label: HostLabel, target: Path, progress: Progress) -> None:
        """See :class:`LabelTransport`."""
        path = f"{self._root}/{label.tag}/{label.name}"
        try:
            path.encode()
        except UnicodeEncodeError:
            raise Failed(
                Code.ODD_NAME,
                "the file name is not valid text",
                "Rename the file on the host; the server can't serve it either.",
            ) from None
        if 0 <= label.size <= READ_WHOLE:
            # The agent reads the file. A separate command for each step would copy only a few files a second.
            agent, content = await self._link.ready(), b""
            while block := await agent.read(path, len(content), READ_AT_ONCE):
                content += block
                progress(len(content), label.size)
                if len(block) < READ_AT_ONCE or len(content) > READ_WHOLE:
                    break
            await asyncio.to_thread(target.write_bytes, content)
        else:
            await self._link.host.download(path, target, progress=progress)

    async def info(self, label: Entry) -> Mapping[str, Any] | None:
        """See :class:`LabelTransport`. Only a running server is asked."""
        return None if self._client is None else await self._client().label_info(label.study, label.tag)

    async def prepare(self) -> None:
        """Do nothing: the folder has every label."""


def _unread(error: Failed) -> Failed:
    problem = error.problem
    return Failed(
        Code.LABELS_UNREAD,
        f"The labels on the host can't be listed: {problem.message}",
        "Check [profiles.NAME.server] studies. `labeltui doctor` checks the host.",
        problem.detail,
    )


class RestTransport:
    """Reads labels through the server's API.

    The API has no checksums, so a copy is only checked for the length that the server announced.
    """

    by_checksum = False

    def __init__(self, client: Callable[[], MonaiLabelClient]) -> None:
        self.source = ""
        self._client = client
        self._ids: dict[tuple[str, str], str] = {}  # the study of each (tag, file)

    async def listing(self, only: Iterable[tuple[str, str]] | None = None) -> Listing:
        """See :class:`LabelTransport`. The API reports no sizes, so they are -1."""
        wanted = None if only is None else set(only)
        queue = await self._client().studies()
        labels = tuple(
            HostLabel(
                tag,
                study.id + study.extensions.get(tag, ""),
                -1,
                0 if at is None else int(at.timestamp()) * 10**9,
            )
            for study in queue.studies
            for tag, at in study.tags.items()
            if wanted is None or (tag, study.id) in wanted
        )
        self._ids = {
            (tag, study.id + study.extensions.get(tag, "")): study.id
            for study in queue.studies
            for tag in study.tags
        }
        return Listing("", 0, labels)

    async def with_checksums(self, labels: Sequence[HostLabel]) -> list[HostLabel]:
        """See :class:`LabelTransport`. Returns the labels unchanged."""
        return list(labels)

    async def fetch(self, label: HostLabel, target: Path, progress: Progress) -> None:
        """See :class:`LabelTransport`."""
        size = await self._client().label(self._id(label), label.tag, target)
        progress(size, size)

    async def info(self, label: Entry) -> Mapping[str, Any] | None:
        """See :class:`LabelTransport`."""
        return await self._client().label_info(label.study, label.tag)

    def _id(self, label: HostLabel) -> str:
        return self._ids.get(label.key, split_label(label.name)[0])

    async def prepare(self) -> None:
        """Do nothing: the server lists every label."""
