"""The place of an export: written beside it under another name, and renamed when it is complete."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.text import one_line
from labeltui.support.atomic import PREFIX, sync_folder
from labeltui.support.file_errors import advice, reason

CONTENTS = "labels.json"
MADE_BY = "labeltui"


def check_place(dest: Path, *, replace: bool) -> None:
    """Raise if an export can't be written to ``dest``.

    Raises Refused ``exists`` for an earlier export without ``replace``. Raises Failed ``not_written`` for any
    other file or folder, because labeltui replaces only its own exports.
    """
    if not dest.parent.is_dir():
        raise Failed(
            Code.NOT_WRITTEN, f"There is no folder {one_line(str(dest.parent))}.", "Create it first."
        )
    if not dest.exists() and not dest.is_symlink():
        return
    if not is_export(dest):
        raise Failed(
            Code.NOT_WRITTEN, f"{one_line(str(dest))} exists, and is no export of labeltui.",
            "Name another folder or file, which labeltui then creates.",
        )  # fmt: skip
    if not replace:
        raise Refused(
            Code.EXISTS, f"{one_line(str(dest))} is an earlier export.",
            "Replace it (--replace), or name another place.",
            offers=("export.replace",),
        )  # fmt: skip


def is_export(dest: Path) -> bool:
    """Whether this folder or zip file is an export of labeltui, which contains a list of its labels."""
    try:
        if dest.is_symlink():
            return False
        if dest.is_dir():
            text = (dest / CONTENTS).read_bytes()
        else:
            with zipfile.ZipFile(dest) as packed:
                text = packed.read(CONTENTS)
        document = json.loads(text)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False
    return isinstance(document, dict) and document.get("made_by") == MADE_BY


@contextmanager
def beside(dest: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``dest``, which is removed at the end. Only its owner can read it.

    Raises Failed ``not_written`` if a file can't be written.
    """
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=dest.parent))
        yield folder
    except OSError as error:
        path = Path(error.filename) if isinstance(error.filename, str) else dest
        raise Failed(
            Code.NOT_WRITTEN, f"{one_line(str(dest))} can't be written: {reason(error, path)}.", advice(error, path)
        ) from None  # fmt: skip
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def put(made: Path, dest: Path, *, replace: bool) -> None:
    """Give a complete export its name. An earlier export is removed after that. Raises OSError."""
    check_place(dest, replace=replace)
    aside: Path | None = None
    if dest.exists():
        aside = made.with_name("earlier")
        dest.rename(aside)
    try:
        made.rename(dest)
    except OSError:
        if aside is not None:
            aside.rename(dest)
        raise
    sync_folder(dest.parent)
