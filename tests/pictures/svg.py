"""Draws frames of a screen as one SVG: a still picture, or an animation by CSS alone.

GitHub shows an SVG without scripts and without fonts from elsewhere. A row that is the same in several frames is drawn
once, and shown for as long as they last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import blend_rgb
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

from tests.pictures.glyphs import HEIGHT, WIDTH, is_drawn, path_of

MARGIN = 14
_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
_BASELINE = 15
_GAP = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True)
class Frame:
    """One screen, shown for some seconds."""

    rows: tuple[Strip, ...]
    seconds: float


@dataclass
class _Palette:
    """A class for each colour, in the order in which they are used."""

    back: str
    classes: dict[str, str] = field(default_factory=dict)

    def of(self, colour: str) -> str:
        return self.classes.setdefault(colour, f"c{len(self.classes)}")

    def rules(self) -> str:
        return "".join(f".{name}{{fill:{colour}}}" for colour, name in self.classes.items())


def draw(frames: Sequence[Frame], title: str) -> str:
    """Draw frames of the same size. Where nothing moves, the last frame is shown."""
    width, height = frames[0].rows[0].cell_length * WIDTH, len(frames[0].rows) * HEIGHT
    palette = _Palette(_background(frames[0]))
    body: list[str] = []
    intervals: dict[tuple[int, int], None] = {}
    for number in range(len(frames[0].rows)):
        drawn = ["".join(_row(frame.rows[number], number * HEIGHT, palette)) for frame in frames]
        for begin, end in _same(drawn):
            if end - begin == len(frames):
                body.append(drawn[begin])
            elif drawn[begin]:
                intervals[begin, end] = None
                body.append(f'<g class="f{begin}-{end}">{drawn[begin]}</g>')
    full = f"{-MARGIN} {-MARGIN} {width + 2 * MARGIN} {height + 2 * MARGIN}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{full}" role="img" xml:space="preserve">'
        f"<title>{escape(title)}</title><style>"
        f"text{{font:16.5px {_FONT};white-space:pre}}.b{{font-weight:700}}.i{{font-style:italic}}"
        f"{palette.rules()}{_animation(frames, tuple(intervals))}</style>"
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{width + 2 * MARGIN}" height="{height + 2 * MARGIN}" rx="10"'
        f' fill="{palette.back}"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _same(drawn: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The ranges of frames in which a row stays the same."""
    begin = 0
    for _, group in groupby(drawn):
        count = len(list(group))
        yield begin, begin + count
        begin += count


def _animation(frames: Sequence[Frame], intervals: Sequence[tuple[int, int]]) -> str:
    """The rules that show a row during its interval. Whoever wants no motion sees the last frame."""
    if not intervals:
        return ""
    ends = [0.0]
    for frame in frames:
        ends.append(ends[-1] + frame.seconds)
    rules = [
        f"g{{visibility:hidden;animation:{ends[-1]:g}s step-end infinite}}",
        "@media(prefers-reduced-motion:reduce){g{animation:none!important}}",
    ]
    for begin, end in intervals:
        name = f"f{begin}-{end}"
        shown = ";visibility:visible" if end == len(frames) else ""
        first = "" if begin == 0 else "0%{visibility:hidden}"
        last = "" if end == len(frames) else f"{100 * ends[end] / ends[-1]:.4g}%{{visibility:hidden}}"
        steps = f"{first}{100 * ends[begin] / ends[-1]:.4g}%{{visibility:visible}}{last}"
        rules.append(f".{name}{{animation-name:{name}{shown}}}@keyframes {name}{{{steps}}}")
    return "".join(rules)


def _row(row: Strip, top: int, palette: _Palette) -> Iterator[str]:
    """The elements of a row: its backgrounds, then its lines and text."""
    left = 0
    above: list[str] = []
    for style, segments in groupby(row, key=lambda segment: segment.style or Style.null()):
        text = "".join(segment.text for segment in segments if not segment.control)
        width = cell_len(text) * WIDTH
        fore, back = _colours(style, palette.back)
        if back != palette.back and width:
            yield f'<rect class="{palette.of(back)}" x="{left}" y="{top}" width="{width}" height="{HEIGHT}"/>'
        above += _text(
            text, left, top, f"{palette.of(fore)}{' b' if style.bold else ''}{' i' if style.italic else ''}"
        )
        if style.underline:
            line = f"M{left} {top + HEIGHT - 2}h{width}v1h-{width}z"
            above.append(f'<path class="{palette.of(fore)}" d="{line}"/>')
        left += width
    yield from above


def _text(text: str, left: int, top: int, classes: str) -> Iterator[str]:
    """Words as text of the exact width, so that no font moves them; lines and blocks as a path."""
    path = ""
    at = 0
    for drawn, run in groupby(text, key=lambda character: character if is_drawn(character) else ""):
        part = "".join(run)
        place = left + cell_len(text[:at]) * WIDTH
        if drawn:
            path += path_of(part, place, top)
        else:
            for word in _GAP.finditer(part):
                x = place + cell_len(part[: word.start()]) * WIDTH
                place_of = f'x="{x}" y="{top + _BASELINE}" textLength="{cell_len(word[0]) * WIDTH}"'
                yield f'<text class="{classes}" {place_of}>{escape(word[0])}</text>'
        at += len(part)
    if path:
        yield f'<path class="{classes.split(maxsplit=1)[0]}" d="{path}"/>'


def _colours(style: Style, back: str) -> tuple[str, str]:
    """Foreground and background of a style as ``#rrggbb``."""
    theme = DIMMED_MONOKAI
    fore_colour = style.color.get_truecolor(theme) if style.color and not style.color.is_default else None
    back_colour = (
        style.bgcolor.get_truecolor(theme) if style.bgcolor and not style.bgcolor.is_default else None
    )
    behind = back if back_colour is None else back_colour.hex
    before = "#d9e0ea" if fore_colour is None else fore_colour.hex
    if style.reverse:
        before, behind = behind, before
    if style.dim and fore_colour is not None and back_colour is not None:
        before = blend_rgb(back_colour, fore_colour, 0.6).hex
    return before, behind


def _background(frame: Frame) -> str:
    """The colour behind most cells."""
    counts: dict[str, int] = {}
    for row in frame.rows:
        for segment in row:
            colour = segment.style.bgcolor if segment.style else None
            if colour is not None and not colour.is_default:
                name = colour.get_truecolor(DIMMED_MONOKAI).hex
                counts[name] = counts.get(name, 0) + len(segment.text)
    return max(counts, key=lambda name: counts[name])
