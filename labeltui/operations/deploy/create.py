"""Renting a pod: an offer, a price that was agreed to, and never two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.actions.pods import PodCreateParams
from labeltui.operations.deploy.deployment import deploy
from labeltui.operations.deploy.plan import agreed, make_plan

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def pod_create(session: Session, params: PodCreateParams, report: Report) -> Document:
    """Rent a pod under the name that the profile uses, and go on until it can be worked on.

    Nothing dearer than ``max_price`` is rented; without it the price is said, and nothing rented. A pod that already
    has the name is taken for the one asked for, so that the same command goes on where it stopped.
    """
    plan = await make_plan(session, params)
    agreed(plan)
    return await deploy(session, plan, params, report)
