"""File names of studies, as MONAI Label reads them from a folder.

It lists the files directly in the folder whose names end in one of these extensions, in lower case. The rest of
the name is the study's id. (It lists pictures too, which labeltui does not upload.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LISTED = (".nii.gz", ".nii", ".nrrd")
OTHERS = (".jpg", ".png", ".tif", ".svs", ".xml")
"""Further extensions of files that MONAI Label lists and labeltui does not upload."""
LABEL_FOLDERS = frozenset({"labels", "labelstr", "labelsts", "segmentations"})
_LABEL_NAME = re.compile(r"[-_. ](?:seg|segmentation|label|labels|labelmap|mask|gt)\Z", re.IGNORECASE)


def split_image(name: str) -> tuple[str, str]:
    """Split a file name into the study's id and the extension in lower case; empty if the extension is another."""
    low = name.lower()
    extension = next((known for known in LISTED if low.endswith(known) and len(low) > len(known)), "")
    return (name[: -len(extension)], extension) if extension else (name, "")


def name_on_host(parts: Sequence[str]) -> str:
    """Return the name on the host for a file below an uploaded folder.

    It begins with the names of the sub-folders. The extension is in lower case. In the rest of the name an
    underscore replaces it, because MONAI Label would remove it there too.
    """
    study, extension = split_image("_".join(parts))
    while extension in study.lower():
        at = study.lower().index(extension)
        study = f"{study[:at]}_{study[at + len(extension) :]}"
    return study + extension


def names_of_study(study: str) -> tuple[str, ...]:
    """Return every file name under which MONAI Label would list an image with this id."""
    return tuple(study + extension for extension in (*LISTED, *OTHERS))


def image_of_label(study: str) -> str:
    """Return the id of the image if the given id looks like a label's, such as ``case_seg``. Empty for other ids."""
    found = _LABEL_NAME.search(study)
    return study[: found.start()] if found else ""
