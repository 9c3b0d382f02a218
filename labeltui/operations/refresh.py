"""Reads money and labels once, for a command that does not watch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError

if TYPE_CHECKING:
    from labeltui.session.session import Session

MONEY_WITHIN_S = 45.0


async def look_at_money(session: Session) -> None:
    """Let pod, bill and account be looked at once, for a session that rents; what fails is in the readings."""
    if session.rental.section is None or session.profile.host != "runpod":
        return
    rental = session.rental
    try:
        async with asyncio.timeout(MONEY_WITHIN_S):
            await asyncio.gather(rental.pod.look(), session.spending.look(), rental.account.look())
    except TimeoutError:
        rental.account.failed("RunPod does not answer")


LABELS_WITHIN_S = 30.0


async def look_at_labels(session: Session) -> None:
    """Let the labels be counted, without copying any; what stands in the way is in the reading."""
    try:
        async with asyncio.timeout(LABELS_WITHIN_S):
            await session.labels.look(copy=False)
    except LabeltuiError as error:
        session.labels.gone(error.problem.message)
    except TimeoutError:
        session.labels.gone("the host did not list its labels in time")
