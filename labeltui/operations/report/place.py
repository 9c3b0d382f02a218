"""The file of a report: its format and place, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from labeltui.actions.session import FORMATS, HTML, JSON, MARKDOWN, ReportParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.domain.text import one_line
from labeltui.operations.report.html import html
from labeltui.operations.report.markdown import markdown
from labeltui.operations.report.page import page
from labeltui.support.atomic import write_file
from labeltui.support.file_errors import advice, reason

SUFFIXES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".html": HTML, ".htm": HTML, ".json": JSON}


class Place(NamedTuple):
    """A file to write, and its format."""

    path: Path
    format: str


def default_name(profile: str, now: datetime, suffix: str) -> str:
    """Return the name of a report's file, without a folder."""
    return file_name(f"labeltui-{profile}-{now.astimezone():%Y-%m-%d-%H%M}{suffix}")


def place(params: ReportParams, profile: str, now: datetime) -> Place | None:
    """Return where to write the report; None if it is only printed. Checks the place before anything is read.

    Without ``file``, the file is in the current folder. Raises Misused ``bad_parameter``, Refused ``exists``, and
    Failed ``not_written`` if there is no such folder.
    """
    if params.file is None and params.format is None:
        return None
    if params.file is None:
        suffix = next(suffix for suffix, kind in SUFFIXES.items() if kind == params.format)
        path = Path(default_name(profile, now, suffix))
    else:
        path = Path(params.file).expanduser()
    kind = params.format or SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(path.name)} says no format.",
            f"End the name in .md, .html or .json, or add --format {'|'.join(FORMATS)}.",
        )  # fmt: skip
    path = path.absolute()
    if not path.parent.is_dir():
        raise Failed(
            Code.NOT_WRITTEN, f"There is no folder {one_line(str(path.parent))}.", "Create it first."
        )
    _check(path, replace=params.replace)
    return Place(path, kind)


def _check(path: Path, *, replace: bool) -> None:
    if path.is_dir():
        raise Failed(Code.NOT_WRITTEN, f"{one_line(str(path))} is a folder.", "Name a file.")
    if path.exists() and not replace:
        raise Refused(
            Code.EXISTS, f"{one_line(str(path))} exists.", "Replace it (--replace), or name another file.",
            offers=("report.replace",),
        )  # fmt: skip


def write(document: Mapping[str, Any], dest: Place, *, replace: bool) -> None:
    """Write the report, completely or not at all. Raises Failed ``not_written``, and Refused ``exists``."""
    _check(dest.path, replace=replace)
    if dest.format == JSON:
        text = json.dumps(document, allow_nan=False, indent=2) + "\n"
    else:
        text = (html if dest.format == HTML else markdown)(page(document))
    try:
        write_file(dest.path, text)
    except OSError as error:
        message = f"{one_line(str(dest.path))} can't be written: {reason(error, dest.path)}."
        raise Failed(Code.NOT_WRITTEN, message, advice(error, dest.path)) from None
