"""The doctor's checks of three disks: labeltui's folder and the studies on the host, and the copies on this machine."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.domain.checks import Check, Verdict
from labeltui.domain.host import HostMetrics
from labeltui.domain.pod.volume import cluster_volume
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.rules.volume import summed
from labeltui.monailabel.launch import is_dicomweb

if TYPE_CHECKING:
    from labeltui.session.session import Session

SCARCE_DISK = 2 * 2**30  # bytes


def host_disk(part: str, load: HostMetrics | None, hint: str, age: str = "") -> Check:
    """Check the free space in a sample of the host's load. ``age`` says how old the used space is."""
    if load is None or load.disk_total is None or load.disk_used is None:
        return Check(part, Verdict.UNKNOWN, "The free space of the disk is unknown.")
    return _room(part, load.disk_total - load.disk_used, load.disk_path + age, hint)


async def disk_checks(session: Session) -> tuple[Check, ...]:
    """Check the disks that hold labels. If the studies are on a DICOMweb server, there is no such disk on the host."""
    server = session.store.state.server.value
    studies = (server.studies if server is not None else None) or session.profile.server.studies
    copies = await asyncio.to_thread(_copies, session.labels.folder.root)
    return (copies,) if is_dicomweb(studies) else (await _studies(session, studies), copies)


async def _studies(session: Session, studies: str) -> Check:
    try:
        load = await (await session.link.ready()).metrics(studies)
    except LabeltuiError as error:
        why = error.problem.message.rstrip(".")
        return Check(
            "studies", Verdict.UNKNOWN, f"The free space of the disk of {studies} is unknown: {why}."
        )
    hint = "On a full disk the server saves incomplete labels: free some space there."
    state = session.store.state
    if cluster_volume(state.pod.value, load) is not None:
        return host_disk("studies", state.metrics.value, hint, summed(state))
    return host_disk("studies", load, hint)


def _copies(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        why = error.strerror or str(error)
        return Check("copies", Verdict.UNKNOWN, f"The free space of the disk of {folder} is unknown: {why}.")
    return _room(
        "copies", free, str(folder), "Free some space, or set another [profiles.NAME.labels] folder."
    )


def _room(part: str, free: int, place: str, hint: str) -> Check:
    size = f"{free / 2**30:.1f} GiB" if free >= 2**30 else f"{free / 2**20:.0f} MiB"
    text = f"{size} free at {place}."
    return Check(part, Verdict.WARNING, text, hint) if free < SCARCE_DISK else Check(part, Verdict.OK, text)
