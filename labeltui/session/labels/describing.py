"""Stores the server's document of a label with its copy, so that the label can be submitted again to another server.

The copy itself does not wait for this, because the server answers nothing while it runs an inference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labeltui.domain.labels.names import SEG_TAG
from labeltui.domain.problems import LabeltuiError
from labeltui.session.labels.folder import LabelFolder
from labeltui.session.labels.index import Entry
from labeltui.session.labels.status import CopyStatus
from labeltui.session.labels.transports import LabelTransport

ANSWER_S = 10.0
NEWER_S = 5.0


class Describing:
    """Fetches the documents of copied labels, one after the other."""

    def __init__(self, folder: LabelFolder, status: CopyStatus) -> None:
        self._folder, self._status = folder, status
        self._pending: dict[tuple[str, str], tuple[LabelTransport, Entry]] = {}
        self._wake = asyncio.Event()

    def want(self, transport: LabelTransport, copies: Mapping[tuple[str, str], Entry]) -> None:
        """Add these copies (tag and file name) to those whose documents are fetched, unless they have theirs.

        Call it in a thread.
        """
        self._pending |= {
            key: (transport, entry)
            for key, entry in copies.items()
            if entry.tag != SEG_TAG and not self._folder.is_described(entry)
        }

    def wake(self) -> None:
        """Let :meth:`run` fetch the pending documents now."""
        self._wake.set()

    async def run(self) -> None:
        """Describe copies until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.finish()

    async def finish(self) -> None:
        """Fetch the pending documents. Stops at the first label for which the server does not answer."""
        while self._pending:
            key, (transport, entry) = next(iter(self._pending.items()))
            try:
                async with asyncio.timeout(ANSWER_S):
                    info = await transport.info(entry)
            except (LabeltuiError, TimeoutError):
                self._pending.clear()  # the next full listing adds them again
                return
            self._pending.pop(key, None)
            if info and not _is_of_newer(info, entry):
                await self._store(entry, info)

    async def _store(self, entry: Entry, info: Mapping[str, Any]) -> None:
        names = (info.get("client_id"), info.get("user"))
        who = next((name for name in names if isinstance(name, str) and name), "")
        described = replace(entry, who=who)
        try:
            await asyncio.to_thread(self._folder.describe, described, info)
        except OSError:
            return  # copying reports a folder that can't be written
        self._status.described(described)


def _is_of_newer(info: Mapping[str, Any], entry: Entry) -> bool:
    """Whether the document belongs to a label that has replaced the copied one since."""
    at = info.get("ts")
    return isinstance(at, (int, float)) and "client_id" in info and at > entry.mtime_ns / 1e9 + NEWER_S
