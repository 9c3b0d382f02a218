"""Lays out one log line: columns for its parts, its own colours, and all other bytes as visible text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from labeltui.domain.log.lines import LineKind, parse_line
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import plural, size
from labeltui.ui.widgets.log.columns import Columns, Tones, head_of, tone_of

LONGEST = 16_384
"""The most bytes of one line that are drawn."""

_SGR = re.compile("\x1b\\[([0-9;:]{0,64})m")
_ATTRIBUTES = {
    1: Style(bold=True), 2: Style(dim=True), 3: Style(italic=True), 4: Style(underline=True),
    7: Style(reverse=True), 9: Style(strike=True), 22: Style(bold=False, dim=False), 23: Style(italic=False),
    24: Style(underline=False), 27: Style(reverse=False), 29: Style(strike=False),
    39: Style(color="default"), 49: Style(bgcolor="default"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Laid:
    """A line that is laid out.

    ``head`` stays in place when the message scrolls sideways, and its width indents wrapped rows. The parts are
    segments, because creating strips would take twice as long, and each new line is laid out.
    """

    head: list[Segment]
    indent: int  # cells of the head
    body: list[Segment]
    cells: int  # of the body
    tail: tuple[Segment, ...] = ()
    """Text after the message, which stays visible when the message scrolls."""

    @property
    def text(self) -> str:
        """The message as it is drawn."""
        return "".join(segment.text for segment in self.body)


def lay(
    raw: bytes, total: int, columns: Columns, tones: Tones, source: str = "", *, error: bool = False
) -> Laid:
    """Lay out a line.

    ``raw`` is the part to draw, ``total`` the line's size in bytes, ``source`` its source. ``error`` is True if
    the line begins an error.
    """
    text = raw.decode("utf-8", "replace")
    if "\x1b" in text:
        pieces = list(_coloured(text))
        record = parse_line("".join(piece for piece, _ in pieces))
        if not columns.raw:
            pieces = list(_without(pieces, sum(len(piece) for piece, _ in pieces) - len(record.message)))
    else:
        record = parse_line(text)
        pieces = [(text[len(text) - len(record.message) :] if not columns.raw else text, Style.null())]
    tone = tone_of(record, tones, error=error)
    body = list(_printed(pieces, tone))
    if total > len(raw):
        body.append(Segment(f" … {size(total - len(raw))} more", tones.gap))
    if columns.raw:
        return Laid([], 0, body, cells_of(body))
    indent = columns.bare if record.kind is LineKind.BARE else columns.width
    return Laid(head_of(record, source, columns, tones, tone), indent, body, cells_of(body))


def folded(laid: Laid, hidden: int, matches: int, tones: Tones) -> Laid:
    """Return a line that represents ``hidden`` folded lines, with the number of matches in all of them."""
    text = f" … (+{plural(hidden, 'line')}"
    if not matches:
        return replace(laid, tail=(Segment(f"{text} ⏎)", tones.fold),))
    found = Segment(plural(matches, "match", "matches"), tones.match)
    return replace(laid, tail=(Segment(f"{text}, ", tones.fold), found, Segment(" ⏎)", tones.fold)))


def cells_of(segments: list[Segment]) -> int:
    """Return the width of a text in cells. Control characters must be replaced already. Fast for ASCII."""
    return sum(len(text) if text.isascii() else cell_len(text) for text, _, _ in segments)


def _without(pieces: Iterable[tuple[str, Style]], count: int) -> Iterator[tuple[str, Style]]:
    """The segments without their first ``count`` characters."""
    for text, style in pieces:
        if count < len(text):
            yield text[max(0, count) :], style
        count -= len(text)


def _printed(pieces: Iterable[tuple[str, Style]], tone: Style) -> Iterator[Segment]:
    """Return the segments with control characters made visible. Tabs go to the next multiple of eight cells."""
    column = 0
    for text, style in pieces:
        if "\t" not in text:
            shown = safe(text)
        else:
            first, *tabbed = text.split("\t")
            shown = safe(first)
            for part in tabbed:
                shown += " " * (8 - (column + cell_len(shown)) % 8) + safe(part)
        column += len(shown) if shown.isascii() else cell_len(shown)
        yield Segment(shown, tone + style if style else tone)


def _coloured(text: str) -> Iterator[tuple[str, Style]]:
    """The text between colour sequences, with its style. Other sequences stay in the text."""
    style, at = Style.null(), 0
    for found in _SGR.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], style
        style, at = sgr(style, found.group(1)), found.end()
    if at < len(text):
        yield text[at:], style


@lru_cache(maxsize=1024)
def sgr(before: Style, parameters: str) -> Style:
    """The style after a colour sequence. Unknown parameters, and those that hide text, are ignored."""
    style = before
    codes = [_numbers(part) for part in parameters.split(";")]
    while codes:
        code, *rest = codes.pop(0)
        if code in (38, 48):
            if not rest:  # 38;5;n and 38;2;r;g;b: the numbers follow as separate parameters
                count = 2 if codes[:1] == [[5]] else 4
                rest = [part[0] for part in codes[:count]]
                del codes[:count]
            colour = _colour(rest)
            style += Style.from_color(colour) if code == 38 else Style.from_color(None, colour)
        elif code == 0:
            style = Style.null()
        elif code == 4 and rest == [0]:
            style += _ATTRIBUTES[24]
        else:
            style += _ATTRIBUTES.get(code) or _basic(code)
    return style


def _numbers(part: str) -> list[int]:
    return [int(number[:5] or 0) for number in part.split(":")]


def _colour(numbers: list[int]) -> Color | None:
    if numbers[:1] == [5] and len(numbers) > 1 and numbers[1] < 256:
        return Color.from_ansi(numbers[1])
    red_green_blue = numbers[-3:]
    if numbers[:1] == [2] and len(numbers) > 3 and max(red_green_blue) < 256:
        return Color.from_rgb(*red_green_blue)
    return None


def _basic(code: int) -> Style:
    for first, offset in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return Style.from_color(Color.from_ansi(code - first + offset))
        if first + 10 <= code < first + 18:
            return Style.from_color(None, Color.from_ansi(code - first - 10 + offset))
    return Style.null()


def lit(
    segments: list[Segment], patterns: Iterable[re.Pattern[str]], style: Style, but: Style | None = None
) -> list[Segment]:
    """Return the segments with every match in ``style``.

    Segments in the style ``but`` are not searched, because they are not text of the log.
    """
    text = "".join(segment.text for segment in segments)
    marked = bytearray(len(text))
    for pattern in patterns:
        for found in pattern.finditer(text):
            first, last = found.span()
            marked[first:last] = b"\1" * (last - first)
    if 1 not in marked:
        return segments
    lit_segments, start = [], 0
    for piece, before, _ in segments:
        at, end = start, start + len(piece)
        if but is not None and before is but:
            marked[at:end] = bytes(len(piece))
        while at < end:
            stop = marked.find(b"\0" if marked[at] else b"\1", at, end)
            stop = end if stop < 0 else stop
            base = before or Style.null()
            lit_segments.append(Segment(text[at:stop], base + style if marked[at] else base))
            at = stop
        start = end
    return lit_segments


def wrapped(segments: list[Segment], width: int) -> list[Strip]:
    """The segments in pieces of at most ``width`` cells; wide characters are not split."""
    strip = Strip(segments)
    if strip.cell_length <= width:
        return [strip]
    text, cuts, cells = strip.text, [], 0
    if strip.cell_length == len(text) and text.isascii():
        cuts = list(range(width, strip.cell_length, width))
    else:
        last = 0
        for letter in text:
            wide = get_character_cell_size(letter)
            if cells + wide - last > width:
                cuts.append(cells)
                last = cells
            cells += wide
    return list(strip.divide([*cuts, strip.cell_length]))
