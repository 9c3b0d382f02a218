"""Follows a pod's system log while the pod starts, and shows each new line once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from labeltui.domain.pod.pod import PodLogLine
from labeltui.domain.problems import LabeltuiError

if TYPE_CHECKING:
    from labeltui.runpod.client import RunpodClient

STORED_LINES = 200
LAST_LINES = 8  # the evidence of a failure
SHOW_BAR_EVERY_S = 0.5  # pulling an image prints many progress bars a second, one for each layer
_BAR = re.compile(r"\[[=> ]+\]")
log = logging.getLogger(__name__)


class SystemLog:
    """Follows the log until it is cancelled, or until RunPod ends the stream."""

    def __init__(self, client: RunpodClient, pod_id: str, show_line: Callable[[str], None]) -> None:
        self._client = client
        self._pod_id = pod_id
        self._show_line = show_line
        self._bar_at = 0.0
        self.lines: list[PodLogLine] = []

    @property
    def text(self) -> str:
        """The last lines, which show the cause of a failure."""
        return "\n".join(line.text for line in self.lines[-LAST_LINES:])

    async def run(self) -> None:
        """Follow the log. If it can't be read, do nothing, because the pod may start nevertheless."""
        stream = self._client.follow_logs(self._pod_id, "system", tail=50)
        try:
            async with aclosing(cast(Any, stream)) as lines:
                async for line in lines:
                    self.lines = [*self.lines[-STORED_LINES:], line]
                    now = asyncio.get_running_loop().time()
                    is_bar = _BAR.search(line.text)
                    if not is_bar or now - self._bar_at >= SHOW_BAR_EVERY_S:
                        self._bar_at = now if is_bar else self._bar_at
                        self._show_line(line.text)
        except LabeltuiError as error:
            log.info("the system log of %s: %s", self._pod_id, error)
