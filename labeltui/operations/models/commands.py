"""``models list`` and ``models pull``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from labeltui.actions.models import ModelsPullParams
from labeltui.actions.params import NoParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.models import copy_line, model_line
from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, Models
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.operations.copying import RECONNECT_S, Furthest, until_copied

if TYPE_CHECKING:
    from labeltui.domain.models import ModelCopy
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0


async def models_list(session: Session, _params: NoParams, report: Report) -> Document:
    """List the host's models and every version on this machine.

    Without a connection, list only the versions and report that.
    """
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
        models = await session.models.refresh()
    except LabeltuiError as error:
        report.progress(f"The host's models are unknown: {error.problem.message}")
        copies = await asyncio.to_thread(session.models.folder.copies)
        models = Models("", "", str(session.models.folder.root), copies=copies)
    reached = bool(models.source)
    return {
        "as_of": documents.moment(session.clock()),
        "reached": reached,
        "folder": models.folder,
        "models": [model_line(models, model) for model in models.on_host] if reached else None,
        "copies": [copy_line(models, copy) for copy in models.copies],
    }


async def models_pull(session: Session, params: ModelsPullParams, report: Report) -> Document:
    """Copy every trained model of the server's app that is not on this machine yet, or only the named model.

    After a lost connection the rest is copied. A repeated command continues where the last one stopped. Raises Failed
    ``unknown_model`` or ``no_model`` for a model that the host does not have, and ``copy_failed`` for one that is
    being written.
    """
    await session.readiness.settled()
    models = await session.models.refresh()
    wanted: tuple[HostModel, ...] = models.absent
    if params.model is not None:
        found = known_model(models, params.model)
        if found.published is None:
            raise Failed(
                Code.NO_MODEL, f"The host has no trained model {params.model}.", "`labeltui models list` lists them."
            )  # fmt: skip
        wanted = () if models.is_here(found) else (found,)
    copied = []
    for model in wanted:
        copied.append(await copy_here(session, model, report))
    for copy in copied:
        if copy.unreadable:
            report.progress(f"{copy.model} is kept, but no server can load it: {copy.unreadable}")
    return {
        "as_of": documents.moment(session.clock()),
        "folder": models.folder,
        "copied": [copy_line(models, copy) for copy in copied],
        "message": f"{len(copied)} models copied; those on the host are in {models.folder}"
        if copied
        else "Every trained model on the host is on this machine"
        if any(model.published for model in models.on_host)
        else "The host has no trained model",
    }


def known_model(models: Models, name: str) -> HostModel:
    """Return the host's model of this name. Raises Failed ``unknown_model``."""
    found = models.find(name)
    if found is None:
        known = ", ".join(model.name for model in models.on_host) or "none"
        raise Failed(
            Code.UNKNOWN_MODEL, f"labeltui knows no model {name!r} of the server's app.",
            f"It knows: {known}. Add others to [profiles.NAME.server] models.",
        )  # fmt: skip
    return found


def of_model(report: Report, what: str) -> Any:
    """Return a callback that reports the progress of a copy after each tenth."""
    shown = -1

    def progress(done: int, size: int) -> None:
        nonlocal shown
        tenth = 10 * done // size if size else 10
        if tenth != shown:
            shown = tenth
            report.progress(f"{what}: {done / 1e6:.0f} of {size / 1e6:.0f} MB")

    return progress


async def copy_here(session: Session, model: HostModel, report: Report) -> ModelCopy:
    """Copy a published model to this machine. After a lost connection the rest is copied. Raises as a copy does."""

    def waiting() -> None:
        report.progress("Another labeltui copies models; waiting for it")

    furthest = Furthest(of_model(report, f"Copying {model.name}"))

    async def copy() -> ModelCopy:
        await session.link.ready(RECONNECT_S)
        return await session.models.copy(model, furthest, waiting)

    return await until_copied(copy, lambda: furthest.done, report)
