"""Finds the files of studies on this machine, and those that MONAI Label would misread."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.studies.headers import why_misread
from labeltui.domain.studies.image_files import LABEL_FOLDERS, image_of_label, name_on_host, split_image
from labeltui.hosts.agent.studies import Version

DICOM_MARK = 128
SPARE = 1 << 30  # bytes that stay free on this machine's disk
DAMAGED = (
    zipfile.BadZipFile,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    EOFError,
    zlib.error,
)
"""The exceptions for a zip file that is damaged or needs a password."""
OF_LABELS = "it is a folder of labels"
LONGEST_NAME = 200  # bytes; file systems allow 255, and the server's label folders have the same names


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, and its name on the host.

    ``misread`` is why MONAI Label would misread it, ``clash`` why it can't be sent; else empty. ``source`` is the file
    or folder that it was converted from.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int
    misread: str = ""
    clash: str = ""
    source: Path | None = None

    @property
    def version(self) -> Version:
        """The version of the file that is sent."""
        return (self.name, self.size, self.mtime_ns)

    @property
    def shown(self) -> Path:
        """The path of the file that the operator gave: the source of a converted file, else the file itself."""
        return self.source or self.path

    @property
    def study(self) -> str:
        """The study's id in MONAI Label."""
        return split_image(self.name)[0]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not sent, and why.

    ``misread`` is True if the only reason is that MONAI Label would misread it.
    """

    path: Path
    why: str
    misread: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file to convert. ``study`` is its study's id, which for a DICOM file is the name of its folder."""

    path: Path
    study: str
    dicom: bool


class Finder:
    """Sorts files and folders: ``found`` can be sent, ``sources`` must be converted first, ``left`` stays here.

    Zip files are unpacked into ``work``.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._archives: dict[Path, Path] = {}  # the zip file of each folder into which one was unpacked
        self.found: list[FoundFile] = []
        self.sources: list[Source] = []
        self.left: list[LeftOut] = []

    def find(self, paths: Sequence[str]) -> None:
        """Add the files of these paths. Raises Misused ``no_file`` for a path that does not exist."""
        for text in paths:
            top = Path(text).expanduser()
            if not top.exists():
                raise Misused(Code.NO_FILE, f"There is no {text!r} on this machine.", "Check the path.")
            if top.is_dir() and top.absolute().name.lower() in LABEL_FOLDERS:
                self.left.append(LeftOut(top, OF_LABELS))
            else:
                self._walk(top, (), top.absolute().name)

    def given(self, path: Path) -> Path:
        """Return the path as the operator knows it: ``scans.zip/name`` instead of the unpacked copy."""
        for folder, archive in self._archives.items():
            if path.is_relative_to(folder):
                return self.given(archive / path.relative_to(folder))
        return path

    def _walk(self, top: Path, before: tuple[str, ...], name: str) -> None:
        """Sort a file, or all files below a folder.

        Their names on the host begin with ``before``. ``name`` is the folder's name.
        """
        if not top.is_dir():
            self._sort_out(top, before, split_image(top.name)[0])
            return
        for folder, folders, names in os.walk(top):
            here = Path(folder)
            labels = [one for one in folders if one.lower() in LABEL_FOLDERS]
            self.left += [LeftOut(here / one, OF_LABELS) for one in sorted(labels)]
            folders[:] = sorted(one for one in folders if one not in labels and one[0] != ".")
            parts = (*before, *here.relative_to(top).parts)
            for one in sorted(names):
                self._sort_out(here / one, parts, "_".join(parts) or name)

    def _sort_out(self, path: Path, parts: Sequence[str], folder: str) -> None:
        """Sort one file. Hidden files are ignored, because they are not studies."""
        low = path.name.lower()
        try:
            if path.name.startswith(".") or low == "dicomdir":
                return
            if not path.is_file():  # opening a pipe would wait for its other end
                self.left.append(LeftOut(path, "it is no file"))
            elif split_image(path.name)[1]:
                self._volume(path, name_on_host((*parts, path.name)))
            elif low.endswith((".mha", ".mhd")):
                self.sources.append(Source(path, "_".join((*parts, path.stem)), dicom=False))
            elif low.endswith(".zip"):
                self._unpack(path, (*parts, path.stem))
            elif is_dicom(path):
                self.sources.append(Source(path, folder, dicom=True))
            elif not low.endswith((".raw", ".zraw")):  # voxels of a MetaImage file
                self.left.append(LeftOut(path, "it is no volume that labeltui knows"))
        except OSError as error:
            self.left.append(LeftOut(path, f"it can't be read: {error.strerror}"))

    def _volume(self, path: Path, name: str) -> None:
        stat = path.stat()
        if why := unfit(name):
            self.left.append(LeftOut(path, why))
            return
        with path.open("rb") as file:
            why = why_misread(split_image(path.name)[1], file, stat.st_size)
        self.found.append(FoundFile(path, name, stat.st_size, stat.st_mtime_ns, why))

    def _unpack(self, path: Path, parts: tuple[str, ...]) -> None:
        target = Path(tempfile.mkdtemp(prefix="zip-", dir=self._work))
        self._archives[target] = path
        if why := unpack(path, target):
            self.left.append(LeftOut(path, why))
        else:
            self._walk(target, parts, "_".join(parts))


def is_dicom(path: Path) -> bool:
    """Whether a file has DICOM's mark after its preamble. Raises OSError."""
    with path.open("rb") as file:
        return file.read(DICOM_MARK + 4)[DICOM_MARK:] == b"DICM"


def unpack(path: Path, target: Path) -> str:
    """Unpack a zip file, and keep the times of its files. Returns the reason if that fails, else an empty text."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if sum(one.file_size for one in members) > shutil.disk_usage(target).free - SPARE:
                return "its content does not fit on the disk of this machine"
            for one in members:
                unpacked = archive.extract(one, target)  # never outside the target
                at = time.mktime((*one.date_time, 0, 0, -1))
                os.utime(unpacked, (at, at))
    except DAMAGED as error:
        return f"it can't be unpacked: {error}"
    return ""


def unfit(name: str) -> str:
    """Say why a file can't have this name on the host. Empty if it can."""
    if not name.isprintable():
        return "its name has characters that can't be printed"
    if len(os.fsencode(name)) > LONGEST_NAME:
        return f"its name on the host would be longer than {LONGEST_NAME} bytes"
    return ""


def checked(files: Iterable[FoundFile]) -> list[FoundFile]:
    """Drop repeated files, and mark files that MONAI Label would take for the same study."""
    once = {(os.path.realpath(file.path), file.name): file for file in files}.values()
    return _labels_beside(_clashes(list(once)))


def _clashes(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Mark files that would be one study in MONAI Label, such as case.nii and case.nii.gz."""
    by_study: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        by_study[file.study].append(file)

    def marked(file: FoundFile) -> FoundFile:
        other = next((one for one in by_study[file.study] if one is not file), None)
        return replace(file, clash=f"{other.shown} has the same study id" if other is not None else "")

    return [marked(file) for file in files]


def label_of(image: str) -> str:
    """Say why a file that seems to be the label of an image is no study."""
    return f"it seems to be the label of {image}, and would be listed as a study"


def _labels_beside(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Mark labels that lie beside their images, such as case_seg.nii.gz beside case.nii.gz."""
    ids = {file.study for file in files}

    def marked(file: FoundFile) -> FoundFile:
        image = image_of_label(file.study)
        why = label_of(image) if image in ids else ""
        return replace(file, misread=file.misread or why) if image else file

    return [marked(file) for file in files]
