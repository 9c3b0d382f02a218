"""Requests the slices of one plane: one at a time, and only the newest of those that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.widget import Widget

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.preview import Plane, Preview, Slice, SliceRequest
from labeltui.ui.debounce import call_after

LATE_S = 0.3
"""Seconds after which a slice that is still waited for is shown as late."""
GROUP = "slices"
"""The group of the workers that request slices."""


class Fetcher:
    """Calls ``arrived`` with the plane after a slice arrived or is late, and ``failed`` with an error."""

    def __init__(
        self,
        widget: Widget,
        preview: Preview,
        plane: Plane,
        arrived: Callable[[Plane], None],
        failed: Callable[[LabeltuiError], None],
    ) -> None:
        self._widget, self._preview, self._plane = widget, preview, plane
        self._arrived, self._failed = arrived, failed
        self._wanted: SliceRequest | None = None
        self._asked: SliceRequest | None = None
        self._since: float | None = None
        self.drawn: Slice | None = None
        """The newest slice that has arrived."""

    @property
    def is_late(self) -> bool:
        """Whether a slice has been waited for a while."""
        return self._since is not None and asyncio.get_running_loop().time() - self._since >= LATE_S

    def want(self, request: SliceRequest) -> None:
        """Request a slice. It replaces one that still waits for its turn."""
        if request == (self._wanted or self._asked):
            return
        self._wanted = request
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
            self._widget.run_worker(self._fetch(), group=GROUP)

    def _still_waiting(self) -> None:
        if self.is_late:
            self._arrived(self._plane)

    async def _fetch(self) -> None:
        try:
            while self._wanted is not None:
                self._asked, self._wanted = self._wanted, None
                self._since = asyncio.get_running_loop().time()
                call_after(self._widget, LATE_S, self._still_waiting)
                self.drawn = await self._preview.slice(self._asked)
                self._since = None
                self._arrived(self._plane)
        except LabeltuiError as error:
            self._wanted = self._asked = self._since = None
            self._failed(error)
