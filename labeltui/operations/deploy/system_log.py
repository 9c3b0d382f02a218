"""A pod's system log while it starts: its newest lines, each told once."""

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

KEPT = 200
TELL_EVERY_S = 0.5  # pulling an image prints many bars a second, each about one layer
_BAR = re.compile(r"\[[=> ]+\]")
log = logging.getLogger(__name__)


class SystemLog:
    """Follows until it is cancelled, or RunPod says that there is nothing to follow."""

    def __init__(self, client: RunpodClient, pod_id: str, told: Callable[[str], None]) -> None:
        self._client = client
        self._pod_id = pod_id
        self._told = told
        self._told_at = 0.0
        self.lines: list[PodLogLine] = []

    @property
    def text(self) -> str:
        """The last lines, for who asks why."""
        return "\n".join(line.text for line in self.lines[-8:])

    async def run(self) -> None:
        """Read on; what the log can't tell is no reason to give up on the pod."""
        stream = self._client.follow_logs(self._pod_id, "system", tail=50)
        try:
            async with aclosing(cast(Any, stream)) as lines:
                async for line in lines:
                    self.lines = [*self.lines[-KEPT:], line]
                    now = asyncio.get_running_loop().time()
                    bar = _BAR.search(line.text)
                    if not bar or now - self._told_at >= TELL_EVERY_S:
                        self._told_at = now if bar else self._told_at
                        self._told(line.text)
        except LabeltuiError as error:
            log.info("the system log of %s: %s", self._pod_id, error)
