"""One line of a log as a strip: its colours kept, its level marked, everything else of it visible text."""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from labeltui.ui.text import safe

LONGEST = 20_000
"""Bytes of one line that are drawn; the store holds the rest."""

LEVEL = re.compile(rb"^[^\n]*?\] \[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\] \(")
ERROR = re.compile(rb"\] \[(?:ERROR|CRITICAL)\] \(|Traceback \(most recent call last\)")
_SGR = re.compile("\x1b\\[([0-9;]*)m")
_ATTRIBUTES: dict[int, dict[str, bool]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    29: {"strike": False},
}
_TONES = {
    b"ERROR": Style(color="red", bold=True),
    b"CRITICAL": Style(color="red", bold=True, reverse=True),
    b"WARNING": Style(color="yellow"),
    b"DEBUG": Style(dim=True),
}


def shown_bytes(raw: bytes) -> bytes:
    """What a terminal would be left with: of a line redrawn by carriage returns, its last drawing."""
    parts = raw[-LONGEST:].rstrip(b"\r").rsplit(b"\r", 1)
    return parts[-1][:LONGEST]


def _coloured(codes: list[int], at: int) -> tuple[Color | None, int]:
    if codes[at + 1 : at + 2] == [5] and len(codes) > at + 2 and codes[at + 2] < 256:
        return Color.from_ansi(codes[at + 2]), at + 3
    rgb = codes[at + 2 : at + 5]
    if codes[at + 1 : at + 2] == [2] and len(rgb) == 3 and max(rgb) < 256:
        return Color.from_rgb(*rgb), at + 5
    return None, len(codes)


def _simple_colour(code: int) -> Style | None:
    for first, offset in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return Style.from_color(Color.from_ansi(code - first + offset))
        if first + 10 <= code < first + 18:
            return Style.from_color(None, Color.from_ansi(code - first - 10 + offset))
    if code == 39:
        return Style.from_color(Color.default())
    return Style.from_color(None, Color.default()) if code == 49 else None


@lru_cache(maxsize=1024)
def styled(before: Style, parameters: str) -> Style:
    """The style after one SGR sequence with these parameters."""
    codes = [int(code[:6] or 0) for code in parameters.split(";")]
    style, at = before, 0
    while at < len(codes):
        code = codes[at]
        if code == 0:
            style = Style.null()
        elif code in (38, 48):
            colour, at = _coloured(codes, at)
            if colour is not None:
                style += Style.from_color(colour) if code == 38 else Style.from_color(None, colour)
            continue
        elif code in _ATTRIBUTES:
            style += Style(**_ATTRIBUTES[code])  # type: ignore[arg-type]
        else:
            style += _simple_colour(code) or Style.null()
        at += 1
    return style


def line_strip(raw: bytes) -> Strip:
    """The whole line, unwrapped. No byte of it reaches the terminal as anything but text."""
    raw = shown_bytes(raw)
    level = LEVEL.match(raw)
    style = _TONES.get(level.group(1), Style.null()) if level else Style.null()
    text = raw.decode("utf-8", "replace").expandtabs(8)
    segments, at = [], 0
    for found in _SGR.finditer(text):
        if found.start() > at:
            segments.append(Segment(safe(text[at : found.start()]), style))
        style, at = styled(style, found.group(1)), found.end()
    if at < len(text):
        segments.append(Segment(safe(text[at:]), style))
    return Strip(segments, sum(cell_len(segment.text) for segment in segments))
