"""``studies list`` and ``studies next``."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.actions.studies import StudiesNextParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.worklist import with_worklist
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.rules.deletion import open_until
from labeltui.domain.studies.worklist import Holder, Worklist
from labeltui.domain.text import one_line
from labeltui.operations.refresh import refresh_labels
from labeltui.session.runtime.fields import Fields
from labeltui.session.studies.worklist import STRATEGY

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def studies_list(session: Session, _params: NoParams, _report: Report) -> Document:
    """List every study, its state, and the user who has it open.

    Raises Failed ``no_queue`` if the list can't be read.
    """
    await session.readiness.need_server()
    state = await session.readiness.first_readings(Fields.queue)
    if state.queue.value is None:
        raise Failed(
            Code.NO_QUEUE,
            f"The studies can't be listed: {(state.queue.error or '').rstrip('.')}.",
            "See `labeltui server logs`.",
        )
    await asyncio.gather(session.worklist.poller.poll(), refresh_labels(session))
    copies = session.store.state.labels.value
    damaged = copies.damaged_finals if copies is not None else ()
    worklist = session.store.state.worklist.value
    second = worklist.second if worklist is not None else ()
    return with_worklist(documents.studies_document(state.queue, session.clock(), damaged, second), worklist)


async def studies_next(session: Session, params: StudiesNextParams, _report: Report) -> Document:
    """Let a strategy choose a study. The server records this client, which labels nothing, so it holds no study.

    Raises Failed ``unknown_strategy``, and ``nothing_left`` if every study is labelled.
    """
    state = await session.readiness.need_server()
    info = state.info.value
    offered = info.strategies if info is not None else ()
    strategy = params.strategy or (offered[0] if offered else "random")
    if offered and strategy not in offered:
        raise Failed(
            Code.UNKNOWN_STRATEGY,
            f"The server has no strategy {strategy!r}.",
            f"Choose among: {', '.join(offered)}.",
        )
    sample = await session.api.client().next_sample(strategy)
    worklist = session.store.state.worklist.value
    session.pollers.queue.wake()
    session.worklist.poller.wake()
    if sample is None:
        raise await _nothing_left(session, strategy)
    holders = worklist.holders.get(sample.id, ()) if worklist is not None else ()
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"The strategy {strategy} chose {one_line(sample.id)}. {_held(holders, sample.id, worklist)}",
        "id": sample.id,
        "path": sample.path,
        "name": sample.name,
        "strategy": strategy,
        "client_id": session.profile.client_id,
        "held_by": [one.client or None for one in holders],
    }


def _held(holders: Sequence[Holder], study: str, worklist: Worklist | None) -> str:
    """Say for whom the chosen study is reserved: for the clients who have it already, else for nobody."""
    if holders:
        return f"{' and '.join(map(open_until, holders))}; it is not reserved for this console."
    nobody = (
        "It is reserved for nobody, because this console labels nothing: the next request may get it too."
    )
    if worklist is None or worklist.why_not:
        return nobody
    return f"{nobody} `{shlex.join(['labeltui', 'studies', 'assign', one_line(study), '--to', 'NAME'])}` reserves it."


async def _nothing_left(session: Session, strategy: str) -> Failed:
    """Return the failure of a strategy that handed out nothing. The worklist reports why."""
    hint = "Add studies, or train on the submitted labels."
    if strategy != STRATEGY:
        return Failed(Code.NOTHING_LEFT, "No study is left to label.", hint)
    await session.worklist.poller.poll()
    worklist = session.store.state.worklist.value
    left = worklist.left if worklist is not None else None
    why = f": {left.why_nothing}" if left is not None else ""
    return Failed(Code.NOTHING_LEFT, f"The worklist has no study to hand out{why}.", hint)
