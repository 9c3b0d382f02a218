"""Fetches the images of studies from the host, by checksum. An interrupted fetch continues where it stopped."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.studies.image_files import LISTED
from labeltui.hosts.transfer import local_sum
from labeltui.monailabel.launch import expand
from labeltui.operations.copying import RECONNECT_S, until_copied
from labeltui.operations.studies.upload.plan import served_studies
from labeltui.operations.studies.upload.progress import UploadProgress

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

AT_ONCE = 4  # files that are fetched at the same time; one waits for its checksum while others are sent


@dataclass(frozen=True, slots=True)
class HostImage:
    """An image on the host, and its place on this machine."""

    study: str
    source: str
    size: int
    target: Path


async def find_images(session: Session, studies: Iterable[str], folder: Path) -> dict[str, HostImage]:
    """Find the images of studies in the host's folder, by study."""
    served, agent = served_studies(session), await session.link.ready()
    root = expand(served, agent.hello.home)
    names = {study + extension: study for study in studies for extension in LISTED}
    there = (await agent.compare_upload(root, list(names))).there
    return {
        names[name]: HostImage(names[name], f"{root}/{name}", size, folder / file_name(name))
        for name, (size, _mtime_ns) in there.items()
    }


async def fetch_images(
    session: Session, images: Mapping[str, HostImage], folder: Path, report: Report
) -> None:
    """Fetch the images. Raises Failed ``disk_full`` and the errors of a copy; what has arrived stays."""
    size = sum(image.size for image in images.values())
    here = await asyncio.to_thread(_here, folder)
    free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
    if size - here > free:
        raise Failed(
            Code.DISK_FULL, f"The images have {size / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB free.",
            "Free space, or choose fewer studies.",
        )  # fmt: skip
    progress = UploadProgress(report, len(images), size)
    pending = list(images.values())

    async def attempt() -> None:
        await session.link.ready(RECONNECT_S)
        await _fetch_all(session, pending, progress)

    while pending:
        await until_copied(
            attempt, lambda: (progress.sent, progress.files), report, "connects again and fetches the rest"
        )


async def _fetch_all(session: Session, pending: list[HostImage], progress: UploadProgress) -> None:
    """Fetch images, a few at once, and remove each from ``pending`` once it is here. An error ends all fetches."""
    images = iter(list(pending))

    async def fetch_next() -> None:
        for image in images:
            await _fetch(session, image, progress)
            pending.remove(image)
            progress.files += 1

    fetching = [asyncio.create_task(fetch_next()) for _ in range(min(AT_ONCE, len(pending)))]
    try:
        await asyncio.gather(*fetching)
    finally:
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)


async def _fetch(session: Session, image: HostImage, progress: UploadProgress) -> None:
    """Fetch one image, unless it is here with the host's checksum."""
    agent, host = await session.link.ready(), await session.link.connected()
    if await asyncio.to_thread(image.target.exists):
        there = await agent.sha256(image.source)
        if await asyncio.to_thread(local_sum, image.target, None) == there:
            progress.on_bytes(image.size)
            return
        await asyncio.to_thread(image.target.unlink)
    counted = 0

    def on_progress(done: int, _size: int) -> None:
        nonlocal counted
        if done > counted:
            progress.on_bytes(done - counted)
            counted = done

    try:
        await host.download(image.source, image.target, progress=on_progress)
    except (LabeltuiError, asyncio.CancelledError):
        progress.bytes -= counted
        raise


def _here(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
