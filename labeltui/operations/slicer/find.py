"""Finds 3D Slicer on this desk, and the extension MONAILabel in it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from labeltui.operations.slicer.script import EXTENSION

_ON_LINUX = (
    "~",
    "~/Downloads",
    "~/Applications",
    "~/apps",
    "~/.local",
    "~/.local/opt",
    "~/opt",
    "/opt",
    "/usr/local",
)
_EXTENSIONS = (
    f"Extensions-*/{EXTENSION}",
    f"*/Extensions-*/{EXTENSION}",  # slicer.org/ or NA-MIC/, in the installation's folder
    f"Contents/Extensions-*/{EXTENSION}",  # in an application of macOS
    f"Slicer.app/Contents/Extensions-*/{EXTENSION}",
    f"lib/Slicer-*/qt-scripted-modules/{EXTENSION}.py",  # built in
)


def find_slicer(configured: str | None, platform: str = sys.platform) -> Path | None:
    """Return Slicer's program: the profile's, else the one on PATH, else the newest of the usual places.

    Returns None if there is none, or if the profile's does not exist.
    """
    if configured:
        path = Path(configured).expanduser()
        path = path / "Contents/MacOS/Slicer" if path.suffix == ".app" else path
        return path if path.is_file() else None
    for name in ("Slicer", "slicer"):
        if found := shutil.which(name):
            return Path(found)
    return max(_usual(platform, os.environ), key=_version, default=None)


def _usual(platform: str, environment: Mapping[str, str]) -> list[Path]:
    """The programs in the places where the installers and the usual habits put them."""
    if platform == "win32":
        local, programs = (
            Path(environment.get(name) or "/nowhere") for name in ("LOCALAPPDATA", "ProgramFiles")
        )
        roots = (
            local / "slicer.org",
            local / "NA-MIC",
            local / "Programs",
            programs,
            programs / "slicer.org",
        )
        return [path for root in roots for path in _matching(root, "*Slicer*/Slicer.exe")]
    if platform == "darwin":
        folders = (Path("/Applications"), Path("~/Applications").expanduser())
        return [path for root in folders for path in _matching(root, "*Slicer*.app/Contents/MacOS/Slicer")]
    return [path for root in _ON_LINUX for path in _matching(Path(root).expanduser(), "[Ss]licer*/Slicer")]


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return [path for path in folder.glob(pattern) if path.is_file()]
    except OSError:  # a folder that may not be read
        return []


def _version(path: Path) -> list[int]:
    """The numbers in the path, so that 5.10 is newer than 5.8."""
    return [int(number) for number in re.findall(r"\d+", str(path))]


def has_extension(program: Path, platform: str = sys.platform) -> bool:
    """Return whether the extension's folder is in Slicer's installation, or in its folder of settings."""
    program = program.resolve()
    homes = [program.parent]
    if platform == "darwin":
        homes.append(program.parent.parent)
    elif platform != "win32":
        homes += [Path(f"~/.config/{owner}").expanduser() for owner in ("slicer.org", "NA-MIC")]
    try:
        return any(any(home.glob(pattern)) for home in homes for pattern in _EXTENSIONS)
    except OSError:
        return False
