"""The part of a terminal that shows Kitty's images: it decodes what is written, and knows nothing of labeltui."""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64decode
from dataclasses import dataclass, field

COMMAND = re.compile(r"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")
Pixel = tuple[int, int, int]


@dataclass
class Image:
    """Rows of red, green and blue, and the columns and rows of cells that show them."""

    rows: list[list[Pixel]]
    columns: int
    lines: int


@dataclass
class KittyTerminal:
    """Reads output piece by piece. ``images`` has those that were sent and not removed, by number."""

    images: dict[int, Image] = field(default_factory=dict)
    sent: int = 0
    _rest: str = ""
    _keys: dict[str, str] = field(default_factory=dict)
    _data: str = ""

    def read(self, text: str) -> None:
        text = self._rest + text
        end = 0
        for found in COMMAND.finditer(text):
            end = found.end()
            self._obey(dict(part.split("=", 1) for part in found[1].split(",") if part), found[2] or "")
        self._rest = text[max(end, text.rfind("\x1b_G")) :] if text.rfind("\x1b_G") >= end else ""

    def _obey(self, keys: dict[str, str], content: str) -> None:
        if keys.get("a") == "d":
            assert keys["d"] == "I"
            self.images.pop(int(keys["i"]), None)
            return
        if keys.get("a") == "q":
            return
        self._keys, self._data = self._keys or keys, self._data + content
        if keys.get("m") == "1":
            return
        whole, data, self._keys, self._data = self._keys, b64decode(self._data), {}, ""
        if "i" in whole:
            assert (whole["a"], whole["U"], whole["f"], whole["q"]) == ("T", "1", "100", "2")
            self.images[int(whole["i"])] = Image(decoded(data), int(whole["c"]), int(whole["r"]))
            self.sent += 1


def decoded(data: bytes) -> list[list[Pixel]]:
    """Decode a PNG file with a palette."""
    at, parts = 8, dict[bytes, bytes]()
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + content)
        parts[kind], at = content, at + 12 + size
    width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, colours, rest) == (8, 3, [0, 0, 0])
    rows, palette = zlib.decompress(parts[b"IDAT"]), parts[b"PLTE"]
    assert len(rows) == (width + 1) * height
    lines = [rows[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert all(line[0] == 0 for line in lines)
    return [[(palette[3 * v], palette[3 * v + 1], palette[3 * v + 2]) for v in line[1:]] for line in lines]
