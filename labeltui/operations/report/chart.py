"""Draws a chart as inline SVG without a script: stacked bars, or a line per series."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from labeltui.domain.literal import visible
from labeltui.operations.report.page import Chart

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""The palette of Okabe and Ito, which people with any colour vision can tell apart."""
WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 10, 40
LINE_HEIGHT = 18
MOST_TICKS = 8


def svg(chart: Chart) -> str:
    """Return the chart as an ``svg`` element: axes with their limits, the series, and a line per series' name."""
    low, high = _limits(chart)
    xs = [x for _name, points in chart.series for x, _y in points]
    first, last = (min(xs) - 0.5, max(xs) + 0.5) if chart.bars else (min(xs), max(xs))
    frame = _Frame(first, last, low, high)
    height = HEIGHT + LINE_HEIGHT * len(chart.series)
    parts = [
        *_axes(chart, frame),
        *(_bars(chart, frame) if chart.bars else _lines(chart, frame)),
        *_names(chart),
    ]
    head = f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    return "\n".join([head, f"<title>{_text(chart.title)}</title>", *parts, "</svg>"])


class _Frame:
    """Maps values to pixels."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, value: float) -> float:
        return LEFT + (value - self.first) / ((self.last - self.first) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return (
            HEIGHT - BOTTOM - (value - self.low) / ((self.high - self.low) or 1.0) * (HEIGHT - BOTTOM - TOP)
        )


def _limits(chart: Chart) -> tuple[float, float]:
    """The lowest and the highest value of the y axis. Bars are stacked, and begin at 0."""
    if chart.bars:
        heights: dict[float, float] = {}
        for _name, points in chart.series:
            for x, y in points:
                heights[x] = heights.get(x, 0.0) + y
        return 0.0, max(heights.values())
    values = [y for _name, points in chart.series for _x, y in points]
    return min(values), max(values)


def _text(of: str) -> str:
    return escape(visible(of))


def _axes(chart: Chart, frame: _Frame) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="currentColor"/>'
    yield f'<text x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{frame.high:.3g}</text>'
    yield f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">{frame.low:.3g}</text>'
    yield f'<text x="{right}" y="{bottom + 32}" text-anchor="end">{_text(chart.x_title)}</text>'
    marks = {float(at): name for at, name in enumerate(chart.ticks)} if chart.bars else {
        frame.first: f"{frame.first:g}", frame.last: f"{frame.last:g}"
    }  # fmt: skip
    step = max(1, -(-len(marks) // MOST_TICKS))
    for at, name in list(marks.items())[::step]:
        yield f'<text x="{frame.x(at):.1f}" y="{bottom + 16}" text-anchor="middle">{_text(name)}</text>'


def _bars(chart: Chart, frame: _Frame) -> Iterator[str]:
    width = max(1.0, (frame.x(1) - frame.x(0)) * 0.7)
    stacked: dict[float, float] = {}
    for at, (_name, points) in enumerate(chart.series):
        for x, y in points:
            base = stacked.get(x, 0.0)
            stacked[x] = base + y
            if y:
                tall = frame.y(base) - frame.y(base + y)
                yield (
                    f'<rect x="{frame.x(x) - width / 2:.1f}" y="{frame.y(base + y):.1f}" width="{width:.1f}"'
                    f' height="{tall:.1f}" fill="{COLOURS[at % len(COLOURS)]}"/>'
                )


def _lines(chart: Chart, frame: _Frame) -> Iterator[str]:
    for at, (_name, points) in enumerate(chart.series):
        colour = COLOURS[at % len(COLOURS)]
        drawn = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>'
        x, y = points[-1]
        yield f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3" fill="{colour}"/>'


def _names(chart: Chart) -> Iterator[str]:
    for at, (name, _points) in enumerate(chart.series):
        y = HEIGHT + LINE_HEIGHT * at
        yield f'<rect x="{LEFT}" y="{y - 9}" width="10" height="10" fill="{COLOURS[at % len(COLOURS)]}"/>'
        yield f'<text x="{LEFT + 16}" y="{y}">{_text(name)}</text>'
