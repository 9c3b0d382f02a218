"""File names for copies of labels. A copy stays inside its folder whatever the study is called."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container
from datetime import UTC, datetime

EXTENSIONS = (
    ".nii.gz",
    ".seg.nrrd",
    ".nrrd",
    ".nii",
    ".jpg",
    ".png",
    ".tif",
    ".svs",
    ".xml",
    ".json",
    ".dcm",
)
VERSIONS = "versions"  # folder of replaced versions
INFO = "info"  # folder of the server's documents
DELETED = "deleted"  # folder of deleted studies
OWN_NAMES = frozenset({VERSIONS, INFO, DELETED, "index.jsonl", "incoming"})
LONGEST_BYTES = 150  # longer names are cut and get a hash; file systems allow 255

SEG_TAG = "dicom-seg"
"""The tag under which labeltui lists DICOM SEG files. MONAI Label has no tag for them."""
_SEG = re.compile(r"\.seg\.[0-9.]+\.dcm$", re.IGNORECASE)

_PLAIN = frozenset("-_.+=,@() ")
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
)


def split_label(filename: str) -> tuple[str, str]:
    """Split a label's file name into study and extension. An unknown extension stays part of the study.

    The name of a DICOM SEG has the id of its file as part of the extension.
    """
    if (seg := _SEG.search(filename)) and seg.start():
        return filename[: seg.start()], seg[0]
    low = filename.lower()
    extension = next((known for known in EXTENSIONS if low.endswith(known) and len(low) > len(known)), "")
    cut = len(filename) - len(extension)
    return filename[:cut], filename[cut:]


def file_name(name: str) -> str:
    """Return ``name`` as a file name that every system accepts. Different names stay different, except for case.

    Characters other than letters, digits and plain punctuation become ``%XX``.
    """
    pieces = [piece if _is_plain(piece) else _escaped(piece) for piece in name]
    if pieces and pieces[0] in (".", " ", "-"):
        pieces[0] = _escaped(pieces[0])
    if len(pieces) > 1 and pieces[-1] in (".", " "):
        pieces[-1] = _escaped(pieces[-1])
    result = "".join(pieces)
    if not result:
        return "%"
    if result.casefold() in OWN_NAMES or result.casefold().partition(".")[0].rstrip() in _DEVICES:
        result = "".join((_escaped(pieces[0]), *pieces[1:]))
    if len(result.encode()) <= LONGEST_BYTES:
        return result
    return _cut(pieces) + "~" + _digest(name) + _tame_extension(name)


def label_path(tag: str, filename: str, taken: Container[str] = ()) -> str:
    """``TAG/FILE`` below the folder of copies.

    ``taken`` holds the case-folded paths of other labels, for file systems that ignore case.
    """
    study, extension = split_label(filename)
    path = f"{file_name(tag)}/{file_name(filename)}"
    if path.casefold() in taken:
        path = (
            f"{file_name(tag)}/{file_name(study)}~{_digest(filename)}{extension if _tame(extension) else ''}"
        )
    return path


def version_path(path: str, saved_at: datetime, sha256: str) -> str:
    """The path of a copy after a newer version of the label has replaced it."""
    folder, _, name = path.rpartition("/")
    stem, extension = split_label(name)
    at = saved_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{VERSIONS}/{folder}/{stem}.{at}-{sha256[:12]}{extension}"


def is_inside(path: str) -> bool:
    """True when a relative path that was read from an index of copies does not leave the folder."""
    parts = path.split("/")
    return (
        bool(path)
        and not path.startswith("/")
        and all(p not in ("", ".", "..") and "\0" not in p for p in parts)
    )


def _is_plain(piece: str) -> bool:
    if piece in _PLAIN:
        return True
    return piece.isalnum() and unicodedata.normalize("NFC", piece) == piece and piece.isprintable()


def _escaped(piece: str) -> str:
    return "".join(f"%{byte:02X}" for byte in _bytes(piece))


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # for bytes of a file name that are not UTF-8
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _digest(name: str) -> str:
    return hashlib.sha256(_bytes(name)).hexdigest()[:12]


def _cut(pieces: list[str]) -> str:
    fitting: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece.encode())
        if size > LONGEST_BYTES - 40:
            break
        fitting.append(piece)
    return "".join(fitting)


def _tame_extension(name: str) -> str:
    extension = split_label(name)[1]
    return extension if _tame(extension) else ""


def _tame(extension: str) -> bool:
    return all(_is_plain(piece) for piece in extension)
