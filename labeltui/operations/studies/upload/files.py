"""Finds the files of studies on this machine, and those that MONAI Label would misread."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.studies.headers import HEAD, why_misread
from labeltui.domain.studies.image_files import LABEL_FOLDERS, image_of_label, name_on_host, split_image

LONGEST_NAME = 200  # bytes; file systems allow 255, and the server's label folders have the same names


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, and its name on the host.

    ``misread`` is why MONAI Label would misread it, ``clash`` why it can't be sent; else empty.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int
    misread: str = ""
    clash: str = ""

    @property
    def study(self) -> str:
        """The study's id in MONAI Label."""
        return split_image(self.name)[0]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not sent, and why."""

    path: Path
    why: str


def find(paths: Sequence[str]) -> tuple[list[FoundFile], list[LeftOut]]:
    """Find the studies among files and below folders. Raises Misused ``no_file`` for a path that does not exist."""
    found: list[FoundFile] = []
    left: list[LeftOut] = []
    for text in paths:
        top = Path(text).expanduser()
        if not top.exists():
            raise Misused(Code.NO_FILE, f"There is no {text!r} on this machine.", "Check the path.")
        for path, parts in _files(top, left):
            _sort_out(path, parts, found, left)
    return _labels_beside(_clashes(_once(found))), left


def _files(top: Path, left: list[LeftOut]) -> Iterator[tuple[Path, Sequence[str]]]:
    """Yield each file with the names that lead to it from the given folder."""
    if not top.is_dir():
        yield top, (top.name,)
        return
    for folder, folders, names in os.walk(top):
        here = Path(folder)
        for name in sorted(folders):
            if name.lower() in LABEL_FOLDERS:
                left.append(LeftOut(here / name, "it is a folder of labels"))
        folders[:] = sorted(one for one in folders if one.lower() not in LABEL_FOLDERS and one[0] != ".")
        for name in sorted(names):
            yield here / name, (*here.relative_to(top).parts, name)


def _sort_out(path: Path, parts: Sequence[str], found: list[FoundFile], left: list[LeftOut]) -> None:
    """Append a file to one of the lists. Hidden files are ignored, because they are not studies."""
    if path.name.startswith("."):
        return
    extension = split_image(path.name)[1]
    if not extension:
        left.append(LeftOut(path, "MONAI Label lists .nii.gz, .nii and .nrrd only"))
        return
    name = name_on_host(parts)
    if not name.isprintable():
        left.append(LeftOut(path, "its name has characters that can't be printed"))
    elif len(os.fsencode(name)) > LONGEST_NAME:
        left.append(LeftOut(path, f"its name on the host would be longer than {LONGEST_NAME} bytes"))
    else:
        try:
            stat = path.stat()
            with path.open("rb") as file:
                why = why_misread(extension, file.read(HEAD), stat.st_size)
        except OSError as error:
            left.append(LeftOut(path, f"it can't be read: {error.strerror}"))
        else:
            found.append(FoundFile(path, name, stat.st_size, stat.st_mtime_ns, why))


def _once(files: Iterable[FoundFile]) -> list[FoundFile]:
    """Drop repeated files: two of the given paths may lead to one file."""
    return list({(os.path.realpath(file.path), file.name): file for file in files}.values())


def _clashes(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Mark files that would be one study in MONAI Label, such as case.nii and case.nii.gz."""
    by_study: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        by_study[file.study].append(file)

    def marked(file: FoundFile) -> FoundFile:
        other = next((one for one in by_study[file.study] if one is not file), None)
        return replace(file, clash=f"{other.path} has the same study id" if other is not None else "")

    return [marked(file) for file in files]


def _labels_beside(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Mark labels that lie beside their images, such as case_seg.nii.gz beside case.nii.gz."""
    ids = {file.study for file in files}

    def marked(file: FoundFile) -> FoundFile:
        image = image_of_label(file.study)
        why = f"it seems to be the label of {image}, and would be listed as a study" if image in ids else ""
        return replace(file, misread=file.misread or why) if image else file

    return [marked(file) for file in files]
