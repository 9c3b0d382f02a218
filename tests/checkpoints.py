"""Files of weights as torch.save writes them."""

from __future__ import annotations

import io
import zipfile


def checkpoint(weights: bytes = b"") -> bytes:
    """The zip of torch.save, with these bytes as its only storage. The same weights always give the same file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in (("data.pkl", b"\x80\x02}."), ("data/0", weights), ("version", b"3\n")):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    return packed.getvalue()
