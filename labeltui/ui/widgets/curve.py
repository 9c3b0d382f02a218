"""Curves in braille and blocks. Pure Python, fast enough for a few hundred points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from textual.content import Content

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLOCKS = "▁▂▃▄▅▆▇█"
Point = tuple[float, float]


def braille(points: Sequence[Point], width: int, height: int, low: float, high: float) -> list[str]:
    """Draw a line through ``points`` on ``width`` x ``height`` cells; y runs from ``low`` up to ``high``.

    x is scaled to the first and last point. A point that is not finite leaves a gap in the line.
    """
    cells = [[0] * width for _ in range(height)]
    points = [(x, y) for x, y in points if math.isfinite(x)]
    good = [(x, y) for x, y in points if math.isfinite(y)]
    if good and width and height:
        columns, rows = 2 * width - 1, 4 * height - 1
        first, last = points[0][0], points[-1][0]
        spread, span = (last - first) or 1.0, (high - low) or 1.0

        def place(x: float, y: float) -> tuple[int, int]:
            down = 1.0 - min(1.0, max(0.0, (y - low) / span))
            return round((x - first) / spread * columns), round(down * rows)

        for point in good:
            _dot(cells, *place(*point))
        for start, end in pairwise(points):
            if math.isfinite(start[1]) and math.isfinite(end[1]):
                _line(cells, place(*start), place(*end))
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells]


def _dot(cells: list[list[int]], x: int, y: int) -> None:
    cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]


def _line(cells: list[list[int]], start: tuple[int, int], end: tuple[int, int]) -> None:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        _dot(
            cells,
            round(start[0] + (end[0] - start[0]) * step / steps),
            round(start[1] + (end[1] - start[1]) * step / steps),
        )


def bounds(values: Sequence[float], *, unit: bool) -> tuple[float, float]:
    """Return axis limits for ``values``. If ``unit``, they lie within 0..1 and at least 0.2 apart."""
    good = [min(1.0, max(0.0, value)) if unit else value for value in values if math.isfinite(value)]
    if not good:
        return 0.0, 1.0
    low, high = min(good), max(good)
    if unit:
        low, high = math.floor(low * 10) / 10, math.ceil(high * 10) / 10
        if high - low < 0.2:
            low = max(0.0, high - 0.2)
        return max(0.0, low), min(1.0, max(high, low + 0.2))
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def chart(points: Sequence[Point], width: int, height: int, tone: str, *, unit: bool) -> list[Content]:
    """Draw ``points`` with an axis on the left; the limits are written beside the top and bottom rows."""
    low, high = bounds([y for _, y in points], unit=unit)
    labels = [f"{high:.1f}" if unit else f"{high:.2f}", f"{low:.1f}" if unit else f"{low:.2f}"]
    margin = max(len(label) for label in labels)
    drawn = braille(points, max(2, width - margin - 1), height, low, high)
    lines = []
    for index, text in enumerate(drawn):
        label = labels[0] if index == 0 else labels[1] if index == height - 1 else ""
        edge = "┤" if label else "│"
        lines.append(
            Content.assemble((f"{label:>{margin}}", "$text-muted"), (edge, "$border-blurred"), (text, tone))
        )
    return lines


def spark(values: Sequence[float], width: int) -> str:
    """Draw the newest ``width`` values as blocks, from their minimum to their maximum; blank if not finite."""
    shown = values[-width:] if width else ()
    good = [value for value in shown if math.isfinite(value)]
    if not good:
        return ""
    low, span = min(good), (max(good) - min(good)) or 1.0
    return "".join(
        _BLOCKS[min(7, int((value - low) / span * 7.999))] if math.isfinite(value) else " " for value in shown
    )
