"""Reads cost, labels and earlier trainings once, for a command that does not poll them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError

if TYPE_CHECKING:
    from labeltui.session.session import Session

MONEY_WITHIN_S = 45.0


async def refresh_money(session: Session) -> None:
    """Read pod, bill and account once, if the session rents a pod.

    Raises nothing: an error is stored in the reading that failed.
    """
    if session.account.section is None or session.profile.host != "runpod":
        return
    account = session.account
    try:
        async with asyncio.timeout(MONEY_WITHIN_S):
            await asyncio.gather(account.pod.poll(), session.spending.refresh(), account.balance.poll())
    except TimeoutError:
        account.balance.failed("RunPod does not answer")


LABELS_WITHIN_S = 30.0
LOGS_WITHIN_S = 120.0


async def refresh_labels(session: Session) -> None:
    """Count the labels without copying any. Raises nothing: an error is stored in the labels' reading."""
    try:
        async with asyncio.timeout(LABELS_WITHIN_S):
            await session.labels.refresh(copy=False)
    except LabeltuiError as error:
        session.labels.failed(error.problem.message)
    except TimeoutError:
        session.labels.failed("the host did not list its labels in time")


async def refresh_models(session: Session) -> None:
    """List the host's models. Raises nothing: an error is stored in the models' reading."""
    try:
        async with asyncio.timeout(LABELS_WITHIN_S):
            await session.models.refresh()
    except LabeltuiError as error:
        session.models.failed(error.problem.message)
    except TimeoutError:
        session.models.failed("the host did not list its models in time")


async def refresh_trainings(session: Session) -> None:
    """Read the outputs of earlier runs of the server on the connected host. Raises nothing."""
    with suppress(LabeltuiError, TimeoutError):
        async with asyncio.timeout(LOGS_WITHIN_S):
            await session.earlier_runs.read(await session.link.ready())
