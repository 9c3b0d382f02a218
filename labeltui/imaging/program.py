"""The program that converts: one JSON request on stdin, JSON lines on stdout.

Request  ``{"work": folder, "images": [{path, name}], "dicom": [{path, name}]}``. ``name`` is the study's id.
  For DICOM files it is the name of their folder, with the series number if the folder has several series.
Answers  ``{"progress": text}``; ``{"made": file, name, source, mtime_ns}``; ``{"left": path, why}``
With ``"instances": true`` the DICOM files stay DICOM; a ``"secret"`` lets them be cleaned into ``work``. Answers then
         ``{"instance": file, source, size, study, series, sop}`` and last ``{"summary": {...}}``; see ``instances.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import SimpleITK

from labeltui.imaging.instances import prepare
from labeltui.imaging.series import NotAVolume, Slice, named, read_series, series_number, volume_of

HEAD = 1 << 14


def say(**message: Any) -> None:
    """Print one answer."""
    print(json.dumps(message), flush=True)


class Converter:
    """Writes one NIfTI file per volume into ``work``. No metadata of the source gets into it."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._count = 0
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)

    def image(self, path: Path, name: str) -> None:
        """Convert a MetaImage file."""
        try:
            check_meta_image(path)
            self._write(SimpleITK.ReadImage(str(path)), [path], name, path)
        except NotAVolume as error:
            say(left=str(path), why=str(error))
        except (RuntimeError, OSError) as error:
            say(left=str(path), why=_reason(error))

    def dicom(self, paths: Sequence[Path], names: Mapping[Path, str]) -> None:
        """Convert every series of these files."""
        series, left = read_series(paths)
        for path, why in left:
            say(left=str(path), why=why)
        for number, (name, slices) in enumerate(named(series.values(), names), 1):
            say(progress=f"Converting series {number} of {len(series)}")
            self._series(slices, name)

    def _series(self, slices: Sequence[Slice], name: str) -> None:
        source = slices[0].path if len(slices) == 1 else slices[0].path.parent
        try:
            files = volume_of(slices)
            if len(files) == 1:
                image = SimpleITK.ReadImage(str(files[0]))
            else:
                reader = SimpleITK.ImageSeriesReader()
                reader.SetFileNames([str(path) for path in files])
                image = reader.Execute()
            self._write(image, files, name, source)
        except NotAVolume as error:
            say(left=str(source), why=f"series {series_number(slices)}: {error}")
        except (RuntimeError, OSError) as error:
            say(left=str(source), why=f"series {series_number(slices)}: {_reason(error)}")

    def _write(self, image: Any, files: Sequence[Path], name: str, source: Path) -> None:
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            shape = "x".join(map(str, image.GetSize()))
            raise NotAVolume(f"it is no volume of single values ({shape})")
        if image.GetSize()[2] < 2:
            raise NotAVolume("it has a single slice")
        for key in image.GetMetaDataKeys():
            image.EraseMetaData(key)
        if image.GetPixelID() == SimpleITK.sitkFloat64:
            image = SimpleITK.Cast(image, SimpleITK.sitkFloat32)
        self._count += 1
        target = self._work / f"{self._count}.nii.gz"
        SimpleITK.WriteImage(image, str(target), True)
        newest = max(path.stat().st_mtime_ns for path in files)
        say(made=str(target), name=name, source=str(source), mtime_ns=newest)


def check_meta_image(path: Path) -> None:
    """Raise NotAVolume if a MetaImage has no spacing, or takes its voxels from a file outside its folder."""
    with path.open("rb") as file:
        text = file.read(HEAD).decode("latin-1")
    fields = {
        name.strip().lower(): value.strip()
        for name, found, value in (line.partition("=") for line in text.splitlines()[:100])
        if found
    }
    if "ndims" not in fields:
        raise NotAVolume("it is no MetaImage file")
    if "elementspacing" not in fields and "elementsize" not in fields:
        raise NotAVolume("it has no spacing")
    voxels = fields.get("elementdatafile", "")
    if voxels.upper() != "LOCAL" and ("/" in voxels or "\\" in voxels or len(voxels.split()) != 1):
        raise NotAVolume("its voxels are in files of another folder")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it can't be converted: {lines[-1][:200] if lines else type(error).__name__}"


def main() -> None:
    """Convert the files that the request names."""
    request = json.load(sys.stdin)
    if request.get("instances"):
        paths = [Path(one["path"]) for one in request["dicom"]]
        prepare(paths, Path(request["work"]), request.get("secret") or "", say)
        return
    converter = Converter(Path(request["work"]))
    for number, one in enumerate(request["images"], 1):
        say(progress=f"Converting image {number} of {len(request['images'])}")
        converter.image(Path(one["path"]), one["name"])
    names = {Path(one["path"]): str(one["name"]) for one in request["dicom"]}
    if names:
        say(progress=f"Reading the headers of {len(names)} DICOM files")
        converter.dicom(list(names), names)


if __name__ == "__main__":
    main()
