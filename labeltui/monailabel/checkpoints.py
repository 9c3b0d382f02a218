"""Recognises files of weights that PyTorch can load, without unpickling them."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from pathlib import Path

_ZIP = b"PK\x03\x04"
_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")  # torch.serialization.MAGIC_NUMBER, pickled
_BEFORE_MAGIC = 11  # bytes of the pickle's protocol and frame
_DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError)


def why_unreadable(path: Path) -> str:
    """Say why torch.load and torch.jit.load would refuse a file. Empty if nothing shows a reason.

    Recognised are the zip of torch.save and TorchScript, and the older formats of torch.save: pickle and tar.
    Only the zip shows that it is cut off. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(_ZIP):
        return _zip(path)
    if head.startswith(b"\x80") and 0 < head.find(_MAGIC) <= _BEFORE_MAGIC:
        return ""
    if not head:
        return "it is empty"
    return "" if _is_tar(path) else "it is no file of PyTorch"


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            # PyTorch takes the folder of the first entry.
            data = f"{names[0].partition('/')[0]}/data.pkl" if names else ""
            if data not in names:
                return "it is a zip file without PyTorch's data.pkl"
            with archive.open(data) as pickle:
                pickle.read(1)
    except _DAMAGED:
        return "it is cut off or damaged"
    return ""


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:") as archive:
            return {"pickle", "storages", "tensors"} <= {Path(name).name for name in archive.getnames()}
    except (tarfile.TarError, *_DAMAGED):
        return False
