"""Splits the multipart answer of a DICOMweb server into its files while it arrives."""

from __future__ import annotations

import re
from typing import Iterator


class Broken(ValueError):
    """Raised for an answer that is no series of DICOM files. The message is a clause after "because"."""


class Multipart:
    """Yields whole files. ``kind`` is the answer's Content-Type, ``most`` the bytes that a file may have."""

    def __init__(self, kind: str, most: int) -> None:
        """Raise Broken for an answer of another type."""
        boundary = re.search(r'boundary="?([^";]+)', kind)
        if boundary is None and not kind.startswith("application/dicom"):
            raise Broken("the DICOM server's answer has no DICOM files")
        self._delimiter = b"\r\n--" + boundary[1].strip().encode("latin-1") if boundary else b""
        self._most, self._pending = most, bytearray(b"\r\n" if boundary else b"")
        self._start, self._first = 0, True

    def feed(self, chunk: bytes) -> Iterator[bytes | bytearray]:
        """Add bytes that have arrived. Raises Broken for a file that is too long."""
        pending, delimiter = self._pending, self._delimiter
        pending += chunk
        while delimiter and (at := pending.find(delimiter, self._start)) >= 0:
            body = pending.find(b"\r\n\r\n", 0, at) + 4
            if body > 3 and not self._first:
                yield pending[body:at]
            del pending[: at + len(delimiter)]
            self._start, self._first = 0, False
        self._start = max(0, len(pending) - len(delimiter))
        if len(pending) > self._most:
            raise Broken(f"one of its files has more than {self._most >> 30} GB")

    def end(self) -> Iterator[bytes | bytearray]:
        """Finish. Raises Broken for an answer that is not complete."""
        if not self._delimiter:
            yield self._pending  # some servers send a single file so
        elif not self._pending.startswith(b"--"):
            raise Broken("the DICOM server's answer ended early")
