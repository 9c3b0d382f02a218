"""Compares the files of this machine with the host's, before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.actions.studies import StudiesUploadParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.states import ServerState
from labeltui.domain.studies.image_files import image_of_label, names_of_study
from labeltui.domain.text import one_line
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.studies import OnHost, Version
from labeltui.hosts.transfer import local_sum
from labeltui.hosts.uploading import Outgoing
from labeltui.operations.studies.upload.conversion import convert
from labeltui.operations.studies.upload.files import Finder, FoundFile, LeftOut, checked, label_of
from labeltui.operations.studies.upload.progress import files_text, size_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

NS = 10**9
SPARE = 64 << 20  # bytes that stay free on the host's disk


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of an upload: ``new`` studies, those that differ from the host's, those that it has, and the rest."""

    folder: str
    new: tuple[FoundFile, ...]
    differs: tuple[FoundFile, ...]
    same: tuple[FoundFile, ...]
    left: tuple[LeftOut, ...]
    free: int
    parts: int  # bytes that earlier uploads left of the files
    leftovers: tuple[Version, ...] = ()  # studies that the host has, and of which it has a part too

    def outgoing(self, *, replace: bool) -> list[Outgoing]:
        """The files to send. Files that differ are included only if they replace the host's."""
        chosen = [(file, False) for file in self.new] + [(file, True) for file in self.differs if replace]
        return [Outgoing(one.path, one.name, one.size, one.mtime_ns, over) for one, over in chosen]

    def check_space(self, files: Sequence[Outgoing]) -> None:
        """Raise Failed ``disk_full`` if the host's disk has no room for the files."""
        needed = sum(file.size for file in files) - self.parts
        if needed + SPARE > self.free:
            raise Failed(
                Code.DISK_FULL,
                f"The studies need {size_text(needed)}, and the disk of {self.folder} has {size_text(self.free)} free.",
                "Delete files there that are not needed, or upload fewer studies.",
            )


def served_studies(session: Session) -> str:
    """Return the folder or DICOMweb URL of the running server, or the profile's if no server runs."""
    server = session.store.state.server.value
    ended = server is None or server.state in (ServerState.STOPPED, ServerState.CRASHED)
    return (None if server is None or ended else server.studies) or session.profile.server.studies


async def plan_upload(session: Session, params: StudiesUploadParams, work: Path, report: Report) -> Plan:
    """Find the files, convert them into ``work``, and compare them with the host's. Sends nothing."""
    report.progress("Reading the headers of the files")
    finder = Finder(work)
    await asyncio.to_thread(finder.find, params.paths)
    folder = served_studies(session)
    made, left = await convert(finder.sources, work, report)
    left = [replace(one, path=finder.given(one.path)) for one in (*finder.left, *left)]
    found = checked([replace(one, source=finder.given(one.shown)) for one in (*finder.found, *made)])
    agent = await session.link.ready()
    left += [LeftOut(file.shown, file.clash) for file in found if file.clash]
    left += [
        LeftOut(file.shown, file.misread, misread=True)
        for file in found
        if _doubtful(file) and not params.anyway
    ]
    files = [file for file in found if not file.clash and (params.anyway or not _doubtful(file))]
    report.progress(
        f"Comparing {files_text(len(files))} with {one_line(folder)} on {session.link.host.address}"
    )
    names = [
        name
        for file in files
        for study in filter(None, (file.study, image_of_label(file.study)))
        for name in {file.name, *names_of_study(study)}
    ]
    host = await agent.compare_upload(folder, names, [one.version for one in files])
    parts = {one.name: part for one, part in zip(files, host.parts, strict=True)}
    left += [LeftOut(one.shown, why) for one in files if (why := _other_name(one, host))]
    files = [file for file in files if not _other_name(file, host)]
    images = {} if params.anyway else {file.name: _image_there(file, host) for file in files}
    left += [
        LeftOut(one.shown, label_of(image), misread=True) for one in files if (image := images.get(one.name))
    ]
    files = [file for file in files if not images.get(file.name)]
    same = await equal_files(agent, folder, files, host, checksum=params.checksum)
    equal = {file.name for file in same}
    missing = [file for file in files if file.name not in host.there]
    return Plan(
        folder,
        tuple(missing),
        tuple(file for file in files if file.name in host.there and file.name not in equal),
        tuple(same),
        tuple(left),
        host.free,
        sum(host.parts),
        tuple(file.version for file in same if parts[file.name]),
    )


def _doubtful(file: FoundFile) -> bool:
    return bool(file.misread) and not file.clash


def _other_name(file: FoundFile, host: OnHost) -> str:
    """Return why this file can't be sent if the host has another file with the same study id; else empty."""
    other = next(
        (name for name in names_of_study(file.study) if name != file.name and name in host.there), ""
    )
    return f"the host has {one_line(other)}, which has the same study id" if other else ""


def _image_there(file: FoundFile, host: OnHost) -> str:
    """Return the id of the host's image whose label the file seems to be; empty if there is none."""
    image = image_of_label(file.study)
    return image if image and any(name in host.there for name in names_of_study(image)) else ""


async def equal_files(
    agent: AgentClient, folder: str, files: Sequence[FoundFile], host: OnHost, *, checksum: bool
) -> list[FoundFile]:
    """Return the files that the host has. Equal sizes with other times of change are compared by checksum."""
    same = []
    for file in files:
        size, mtime_ns = host.there.get(file.name, (-1, 0))
        if size != file.size:
            continue
        if checksum or mtime_ns // NS != file.mtime_ns // NS:
            here, there = await asyncio.gather(
                asyncio.to_thread(local_sum, file.path, None),
                agent.sha256(f"{folder.rstrip('/')}/{file.name}"),
            )
            if here != there:
                continue
        same.append(file)
    return same
