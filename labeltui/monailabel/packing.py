"""Builds the zip file of the modules that run inside a MONAI Label server.

The package in it is not called labeltui, so that it can't hide a labeltui that is installed there. The same
sources give the same bytes; the digest is the version.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent / "serving"
HERE, THERE = "labeltui.monailabel.serving", "labeltui_serving"
WEB_APP = f"{THERE}.web:app"
EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Serving:
    """The zip file, and its name on the host."""

    source: bytes
    name: str


@cache
def serving() -> Serving:
    """Read the modules and pack them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(SOURCES.glob("*.py")):
            text = path.read_text(encoding="utf-8").replace(HERE, THERE)
            archive.writestr(zipfile.ZipInfo(f"{THERE}/{path.name}", EPOCH), text, zipfile.ZIP_DEFLATED)
    source = target.getvalue()
    return Serving(source, f"serving-{hashlib.sha256(source).hexdigest()[:12]}.zip")
