"""Finds image files that are cut off. MONAI's reader fills the missing voxels, and models then label a part.

Runs before a batch inference, so it needs the standard library only.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from labeltui.domain.studies.headers import CUT, why_misread

EXTENSIONS = (".nii.gz", ".nii", ".nrrd")


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Check ``names`` in ``folder`` for at most ``seconds``. Returns the ``cut`` ones, and how many were ``checked``.

    A whole file of one gzip member costs its first and last bytes; only others are unpacked.
    """
    end, cut, checked = time.monotonic() + arguments["seconds"], [], 0
    for name in arguments["names"]:
        if time.monotonic() > end:
            break
        checked += 1
        extension = next((one for one in EXTENSIONS if name.endswith(one)), "")
        path = Path(arguments["folder"], name)
        try:
            with path.open("rb") as file:
                if extension and why_misread(extension, file, path.stat().st_size) == CUT:
                    cut.append(name)
        except (OSError, ValueError, ArithmeticError):
            continue  # MONAI Label names a file that it can't read
    return {"cut": cut, "checked": checked}
