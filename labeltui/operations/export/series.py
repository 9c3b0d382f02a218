"""Fetches images from a DICOMweb server, and converts them to NIfTI on this desk as an upload does.

An interrupted export continues: the images of a series never change, so a file that is named after them is whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name
from labeltui.domain.problems import Failed, Unreachable
from labeltui.operations.copying import until_copied
from labeltui.operations.studies.upload.conversion import INSTALL, convert, missing_extra
from labeltui.operations.studies.upload.dicomweb import opened_store
from labeltui.operations.studies.upload.files import Source
from labeltui.operations.studies.upload.progress import UploadProgress

if TYPE_CHECKING:
    from labeltui.monailabel.dicomweb import DicomWeb
    from labeltui.monailabel.stow import DicomStore
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

SPARE_BYTES = 256 << 20  # of the disk
UIDS = frozenset("0123456789.")


@dataclass(frozen=True, slots=True)
class Series:
    """A series on the server: its study, its number of images and their bytes without compression, and its file."""

    uid: str
    study: str
    images: int
    size: int
    target: Path


class NoImage(Exception):
    """Raised for a series that becomes no image. The text is the reason."""


async def fetch_series(
    session: Session, web: DicomWeb, studies: Iterable[str], folder: Path, report: Report
) -> tuple[dict[str, Path], dict[str, str]]:
    """Write the series into ``folder`` as NIfTI. Returns each file by its series, and why others have none.

    Raises Failed ``not_installed`` without the extra for DICOM, ``disk_full``, and the errors of the server.
    """
    if missing_extra():
        raise Failed(
            Code.NOT_INSTALLED, f"The images are DICOM, and {INSTALL}.", "Then repeat the export."
        )  # fmt: skip
    wanted, left, files = list(dict.fromkeys(studies)), dict[str, str](), dict[str, Path]()
    found: list[Series] | None = None
    progress = UploadProgress(report, len(wanted), 0)

    async def attempt() -> None:
        nonlocal found, progress
        async with opened_store(session, web.url) as store:
            store.qido, store.wado = web.qido or "", web.wado or ""
            if found is None:
                found = await _find(store, wanted, folder, left, files, report)
                await asyncio.to_thread(_need_space, found, folder)
                progress = UploadProgress(report, len(found), sum(one.size for one in found))
            await _fetch_all(store, found, folder, left, files, progress, report)

    await until_copied(attempt, lambda: found and len(found), report, "connects again and fetches the rest")
    return files, left


async def _find(
    store: DicomStore,
    wanted: Iterable[str],
    folder: Path,
    left: dict[str, str],
    files: dict[str, Path],
    report: Report,
) -> list[Series]:
    """Ask the server for the series, and return those that are not here yet."""
    pending = []
    for number, uid in enumerate(wanted, 1):
        report.progress(f"Asking the DICOM server for series {number}")
        study = await store.study_of(uid) if uid and set(uid) <= UIDS else ""
        images = await store.images(study, uid) if study else {}
        if not images:
            left[uid] = "the DICOM server has no such series"
            continue
        digest = hashlib.sha256("\n".join(sorted(images)).encode()).hexdigest()[:16]
        target = folder / f"{file_name(uid)}-{digest}.nii.gz"
        if await asyncio.to_thread(target.exists):
            files[uid] = target
        else:
            pending.append(Series(uid, study, len(images), sum(images.values()), target))
    return pending


def _need_space(series: list[Series], folder: Path) -> None:
    """Raise Failed ``disk_full`` unless the images fit, and the DICOM files of one series beside them."""
    needed = sum(one.size for one in series) + max((one.size for one in series), default=0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise _full(
            f"The images need up to {needed / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB free."
        )


def _full(text: str) -> Failed:
    return Failed(Code.DISK_FULL, text, "Free space, or choose fewer studies.")


async def _fetch_all(
    store: DicomStore,
    pending: list[Series],
    folder: Path,
    left: dict[str, str],
    files: dict[str, Path],
    progress: UploadProgress,
    report: Report,
) -> None:
    """Fetch and convert series, and remove each from ``pending`` once it is done."""
    work = folder / "dicom"
    while pending:
        one, before = pending[0], progress.bytes
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
        await asyncio.to_thread(work.mkdir, mode=0o700)
        try:
            await _fetch(store, one, work, progress)
            await _convert(one, work, report)
        except NoImage as error:
            left[one.uid] = str(error)
        except Unreachable:
            progress.bytes = before
            raise
        else:
            files[one.uid] = one.target
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
        pending.pop(0)
        progress.files += 1
        progress.bytes = before + one.size  # compressed files have fewer bytes


async def _fetch(store: DicomStore, series: Series, work: Path, progress: UploadProgress) -> None:
    """Write a series' DICOM files into ``work``. Raises NoImage if the server does not send all of them."""
    count = 0
    async with aclosing(store.fetch(series.study, series.uid)) as parts:
        async for part in parts:
            if (await asyncio.to_thread(shutil.disk_usage, work)).free < SPARE_BYTES + len(part):
                raise _full(f"{work.parent.parent} has no space left for the images.")
            count += 1
            await asyncio.to_thread((work / f"{count}.dcm").write_bytes, part)
            progress.on_bytes(len(part))
    if count < series.images:
        raise NoImage(f"the DICOM server sent {count} of its {series.images} images")


async def _convert(series: Series, work: Path, report: Report) -> None:
    """Convert the DICOM files in ``work``. Raises NoImage."""
    names = await asyncio.to_thread(lambda: sorted(work.iterdir()))
    made, left = await convert([Source(path, series.uid, dicom=True) for path in names], work, report)
    whys: Mapping[str, None] = dict.fromkeys(
        [*(one.why for one in left), *(one.misread for one in made if one.misread)]
    )
    if len(made) != 1 or whys:
        raise NoImage("; ".join(whys) or f"its files are {len(made)} series")
    await asyncio.to_thread(made[0].path.replace, series.target)
