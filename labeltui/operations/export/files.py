"""Writes labels into a folder or a zip file. Each copy is compared with its checksum while it is read."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.domain.documents.documents import moment
from labeltui.operations.export.place import CONTENTS, MADE_BY
from labeltui.operations.export.selection import Chosen
from labeltui.support.atomic import PRIVATE, write_file
from labeltui.support.desk import make_private

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

BLOCK = 1 << 20
OLDEST = 1980  # the first year that a zip file can name


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A label that is not exported, and why. ``hint`` says what helps; empty if that depends on the label."""

    label: Chosen
    why: str
    hint: str = ""

    @property
    def shown(self) -> str:
        """The label's file, as messages name it."""
        return self.label.file

    @property
    def row(self) -> dict[str, Any]:
        """The label as a row of the export's document."""
        entry = self.label.entry
        return {"study": entry.study, "tag": entry.tag, "sha256": entry.sha256, "why": self.why}


class WrongCopyError(Exception):
    """Raised for a copy on this machine whose content differs from the label that was copied."""


VERIFY = "`labeltui labels verify` compares the copies with the host's labels."
Written = tuple[list[Chosen], list[LeftOut]]


async def write_folder(session: Session, chosen: Sequence[Chosen], made: Path, report: Report) -> Written:
    """Write ``TAG/FILE``, older versions below ``versions/``, and ``labels.json``. Raises OSError."""

    def write(one: Chosen, source: Path) -> None:
        target = made / one.file
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with target.open("xb") as file:
                _copy(source, one, file)
                file.flush()
                os.fsync(file.fileno())
        except WrongCopyError:
            target.unlink()
            raise
        os.utime(target, ns=(one.entry.mtime_ns, one.entry.mtime_ns))

    await asyncio.to_thread(made.mkdir, mode=0o700)
    exported, left = await _write_all(session, chosen, write, report)
    await asyncio.to_thread(write_file, made / CONTENTS, contents(session, exported), durable=True)
    return exported, left


async def write_zip(session: Session, chosen: Sequence[Chosen], made: Path, report: Report) -> Written:
    """Write a zip file with the files of :func:`write_folder`. Raises OSError."""
    with await asyncio.to_thread(made.open, "xb") as file:
        with zipfile.ZipFile(file, "w", allowZip64=True) as packed:

            def write(one: Chosen, source: Path) -> None:
                _check(source, one)
                with packed.open(_zip_entry(one.file, one.entry.saved_at), "w", force_zip64=True) as target:
                    try:
                        _copy(source, one, target)
                    except WrongCopyError as error:
                        raise OSError(errno.EBUSY, str(error), str(source)) from None

            exported, left = await _write_all(session, chosen, write, report)
            packed.writestr(_zip_entry(CONTENTS, session.clock()), contents(session, exported))
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
        make_private(file.fileno(), PRIVATE)
    return exported, left


async def _write_all(
    session: Session, chosen: Sequence[Chosen], write: Callable[[Chosen, Path], None], report: Report
) -> Written:
    exported, left = list[Chosen](), list[LeftOut]()
    root = session.labels.folder.root
    for number, one in enumerate(chosen, 1):
        report.progress(f"Writing label {number} of {len(chosen)}")
        if one.entry.damage:
            left.append(LeftOut(one, f"it is damaged: {one.entry.damage}", VERIFY))
            continue
        try:
            await asyncio.to_thread(write, one, root / one.file)
        except WrongCopyError as error:
            left.append(LeftOut(one, str(error), VERIFY))
        else:
            exported.append(one)
    return exported, left


def contents(session: Session, exported: Sequence[Chosen]) -> str:
    """Return ``labels.json``: the labels of the export, with annotator, time, review and checksum."""
    document = {
        "made_by": MADE_BY,
        "as_of": moment(session.clock()),
        "profile": session.name,
        "labels": [one.row for one in exported],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _blocks(source: Path) -> Iterator[bytes]:
    try:
        file = source.open("rb")
    except OSError:
        raise WrongCopyError("its copy is missing on this machine") from None
    with file:
        while block := file.read(BLOCK):
            yield block


def _copy(source: Path, one: Chosen, target: Any) -> None:
    """Copy a file. Raises WrongCopyError if its checksum is not the expected one."""
    digest = hashlib.sha256()
    for block in _blocks(source):
        digest.update(block)
        target.write(block)
    if digest.hexdigest() != one.entry.sha256:
        raise WrongCopyError("its copy was changed on this machine")


class _Nowhere:
    def write(self, _block: bytes) -> None:
        """Drop the bytes."""


def _check(source: Path, one: Chosen) -> None:
    """Raise WrongCopyError as :func:`_copy` does, but before writing: a zip file's entry can't be removed."""
    _copy(source, one, _Nowhere())


def _zip_entry(name: str, at: datetime) -> zipfile.ZipInfo:
    local = at.astimezone()
    entry = zipfile.ZipInfo(name, (max(OLDEST, local.year), *local.timetuple()[1:6]))
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".gz") else zipfile.ZIP_DEFLATED
    entry.external_attr = PRIVATE << 16
    return entry
