"""Limits the time for which a pod may run, and cost money, without an SSH address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.amounts import rate_text
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import ADDRESS_WITHIN_S, Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError

if TYPE_CHECKING:
    from labeltui.session.session import Session

SAID_AFTER_S = 20.0
SAID_EVERY_S = 40.0
LOG_EVERY_S = 15.0


class AddressWait:
    """Waits for the SSH address of one pod.

    The wait begins with the start of its container, because pulling the image may take 20 minutes before.

    ``say`` gets a line about the wait. ``go_on`` is the hint for the operator who wants to wait longer.
    """

    def __init__(self, session: Session, say: Callable[[str], None], go_on: str = "") -> None:
        self._session, self._say, self._go_on = session, say, go_on
        self._since: float | None = None
        self._read_log_at = 0.0
        self._say_after_s = SAID_AFTER_S

    async def check(self, pod: Pod) -> None:
        """Check one more reading of the pod.

        Raises Failed ``pod_no_address`` after three minutes without an address.
        """
        if pod.status is not PodStatus.RUNNING or pod.ssh is not None:
            return
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now if await self._container_runs(pod, now) else None
            return
        waited = now - self._since
        if waited >= ADDRESS_WITHIN_S:
            raise self._failure(pod)
        if waited >= self._say_after_s:
            self._say_after_s += SAID_EVERY_S
            self._say(
                f"{pod.name} has run for {waited:.0f} s at {rate_text(pod.cost_per_hour)}: no SSH address yet"
            )

    async def _container_runs(self, pod: Pod, now: float) -> bool:
        if pod.has_runtime:
            return True
        if now < self._read_log_at:
            return False
        self._read_log_at = now + LOG_EVERY_S
        with suppress(LabeltuiError):
            return bool(await (await self._session.account.client()).recent_logs(pod.id, "container", tail=1))
        return False

    def _failure(self, pod: Pod) -> Failed:
        return Failed(
            Code.POD_NO_ADDRESS,
            f"{pod.name} has run for {ADDRESS_WITHIN_S / 60:.0f} minutes, at {rate_text(pod.cost_per_hour)}, "
            "without an SSH address.",
            f"{pod.without_address}{self._go_on}",
        )
