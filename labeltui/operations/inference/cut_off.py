"""Leaves studies out of an inference whose image files are cut off on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.text import one_line, plural
from labeltui.session.studies.cut_off import read_cut_off
from labeltui.session.studies.folder import folder_of

if TYPE_CHECKING:
    from labeltui.domain.studies.study import Study
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

SHOWN = 5
HINT = "Upload the whole files again (`labeltui studies upload`), then infer these studies."


async def cut_off(session: Session, studies: Sequence[Study], report: Report) -> list[str]:
    """Return the ids of the studies whose image is cut off.

    Reads the files for at most 30 s, and reports how many were left unread. Studies on DICOMweb, and those of a
    server that labeltui did not start, are not checked.
    """
    found = await _read(session, studies)
    if found is None:
        report.progress("Whether images are cut off could not be checked")
        return []
    cut, checked, count = found
    if checked < count:
        report.progress(f"Whether images are cut off was checked for {checked} of {count} studies only")
    return cut


async def is_cut_off(session: Session, study: Study) -> bool | None:
    """Return whether the study's image is cut off; None if that is not known."""
    found = await _read(session, [study])
    return None if found is None or not found[1] else bool(found[0])


async def _read(session: Session, studies: Sequence[Study]) -> tuple[list[str], int, int] | None:
    """Return the ids of studies with cut-off images, how many were read, and of how many. None if reading failed."""
    folder = folder_of(session.store.state)
    files = [study for study in studies if study.extension]
    if folder is None or not files:
        return [], 0, 0
    try:
        agent = await session.link.ready()
        return *await read_cut_off(agent, session.profile.server, folder, files), len(files)
    except LabeltuiError:
        return None


def without(ids: Sequence[str], cut: Sequence[str], report: Report) -> list[str]:
    """Return the ids that are not cut off, and name the others. Raises Failed ``unreadable`` if none is left."""
    left = [one for one in ids if one not in set(cut)]
    more = f" and {len(cut) - SHOWN} more" if len(cut) > SHOWN else ""
    named = ", ".join(map(one_line, sorted(cut)[:SHOWN])) + more
    if not left:
        raise Failed(Code.UNREADABLE, f"The image file is cut off on the host: {named}.", HINT)
    if cut:
        report.progress(
            f"{plural(len(cut), 'study', 'studies')} left out, cut off on the host: {named}. {HINT}"
        )
    return left
