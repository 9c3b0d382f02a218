"""Reads labels of a DICOMweb server: the files in MONAI Label's cache on the host, and the DICOM SEG files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labeltui.domain.labels.copies import HostLabel, Listing
from labeltui.domain.labels.names import SEG_TAG
from labeltui.hosts.base import Progress
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.dicomweb import DicomWeb
from labeltui.session.connection.link import Link
from labeltui.session.labels.index import Entry
from labeltui.session.labels.segs import SegMirror
from labeltui.session.labels.transports import FileTransport

FOLDER = "it is a folder"  # in which MONAI Label keeps the SEG files that it trains on


class DicomwebTransport:
    """The :class:`~labeltui.session.labels.transports.LabelTransport` for studies on a DICOMweb server.

    SEG files have the tag ``dicom-seg``. ``used`` is False if no server ever ran on the host; a missing cache
    then means that there are no labels.
    """

    by_checksum = True

    def __init__(
        self,
        link: Link,
        web: DicomWeb,
        mirror: SegMirror,
        folder: str,
        machine: str,
        client: Callable[[], MonaiLabelClient] | None,
        *,
        used: bool,
    ) -> None:
        self.source = f"{machine}:{re.sub('//[^/@]*@', '//', web.url)}"
        self._link, self._web, self._mirror, self._folder, self._client = link, web, mirror, folder, client
        self._used = used
        self._files = self._segs = FileTransport(link, ("",), "", None)

    async def listing(self, only: Iterable[tuple[str, str]] | None = None) -> Listing:
        """Return the labels that are on the host, or those of ``only``. What is listed is described at the class."""
        home = (await self._link.ready()).hello.home
        cache, segs = self._web.cache(self._folder, home), self._mirror.folder(self._web, home)
        self._files = FileTransport(self._link, (cache,), "", self._client, used=self._used)
        self._segs = FileTransport(self._link, (segs,), "", None, used=False)
        asked = None if only is None else list(only)
        files = await self._files.listing(asked)
        found = await self._segs.listing(asked)
        unlisted = self._mirror.unlisted if self._used else None
        return replace(
            files,
            labels=files.labels + found.labels,
            skipped=(*(what for what in files.skipped if not what.endswith(FOLDER)), *self._mirror.skipped),
            unlisted=unlisted.why if unlisted is not None else "",
            hint=unlisted.hint if unlisted is not None else "",
        )

    async def with_checksums(self, labels: Sequence[HostLabel]) -> list[HostLabel]:
        """See the class."""
        files = await self._files.with_checksums([label for label in labels if label.tag != SEG_TAG])
        return files + await self._segs.with_checksums([label for label in labels if label.tag == SEG_TAG])

    async def fetch(self, label: HostLabel, target: Path, progress: Progress) -> None:
        """See the class."""
        await (self._segs if label.tag == SEG_TAG else self._files).fetch(label, target, progress)

    async def info(self, label: Entry) -> Mapping[str, Any] | None:
        """See the class. Returns None for a SEG, because another tool may have made it."""
        return None if label.tag == SEG_TAG else await self._files.info(label)

    async def prepare(self) -> None:
        """Fetch the SEG files to the host that are not there yet."""
        if self._used:
            await self._mirror.update(await self._link.ready())
