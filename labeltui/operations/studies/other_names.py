"""Labels that were made with other label names than the server's: what is said before they are submitted to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import LabelsRestoreParams, StudiesRestoreParams
from labeltui.domain.text import plural
from labeltui.operations.labels.restore import chosen
from labeltui.operations.studies.delete import deleted_labels
from labeltui.operations.studies.names import model_values, segment_names
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.session.labels.index import Entry
    from labeltui.session.session import Session

SHOWN = 3  # lists of names

Names = tuple[tuple[int, str], ...]


async def before_restore(session: Session, given: Mapping[str, Any]) -> str:
    """Return sentences with the names of both sides if labels that ``labels restore`` submits have other names.

    Empty if all fit. Raises the errors of ``labels restore`` that its parameters cause.
    """
    params = LabelsRestoreParams.of(given)
    return await _note(session, await chosen(session, params), replace=params.replace)


async def before_undelete(session: Session, given: Mapping[str, Any]) -> str:
    """Return the same for ``studies restore``."""
    return await _note(session, await deleted_labels(session, StudiesRestoreParams.of(given)), replace=False)


async def _note(session: Session, entries: Iterable[Entry], *, replace: bool) -> str:
    state = await session.readiness.first_readings(Fields.queue, Fields.info)
    queue, info = state.queue.value, state.info.value
    there = {study.id: study.tags for study in queue.studies} if queue is not None else {}
    lacking = [one for one in entries if replace or one.tag not in there.get(one.study, ())]
    server = (
        [dict(model.values) for model in info.models.values() if model.values] if info is not None else []
    )
    if not server:
        return ""  # a bundle's models name no values
    made = await asyncio.to_thread(_made_with, session, lacking)
    others = {names: count for names, count in made.most_common() if names and not _fits(names, server)}
    if not others:
        return ""
    lists = [
        f"{plural(count, 'label was', 'labels were')} made with {_listed(names)}"
        for names, count in list(others.items())[:SHOWN]
    ]
    lists += [f"{len(others) - SHOWN} other lists are left out here"] if len(others) > SHOWN else []
    own = _listed((value, name) for name, value in model_values(session).items() if value)
    return f"{'; '.join(lists)}. The server has {own}, and each number will mean what it means there."


def _made_with(session: Session, entries: Iterable[Entry]) -> Counter[Names]:
    folder = session.labels.folder
    return Counter(tuple(sorted(segment_names(folder.info(entry)).items())) for entry in entries)


def _fits(names: Names, server: Iterable[Mapping[str, int]]) -> bool:
    """Whether one model has each name at its value."""
    return any(all(model.get(name) == value for value, name in names) for model in server)


def _listed(names: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{value} {name}" for value, name in sorted(names))
