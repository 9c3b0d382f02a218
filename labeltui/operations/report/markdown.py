"""Writes a report as Markdown (CommonMark with tables), with each chart as a row of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from labeltui.domain.literal import visible
from labeltui.operations.report.page import Chart, Section, Table

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|&~!$@^]|(?<=[^\W\d])\.(?=\w)|(?<!\d):(?=[/\w])")
"""Punctuation with a meaning in Markdown, and in what some renderers take for a link, such as ``www.example.org``."""
_BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 60


def markdown(sections: Sequence[Section]) -> str:
    """Return the page. Text from outside is shown literally: no link, image, HTML or format comes of it."""
    return "\n".join(line for at, section in enumerate(sections) for line in _section(section, first=at == 0))


def literal(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is. Control characters are written as escapes."""
    return _MARKUP.sub(r"\\\g<0>", visible(text))


def _section(section: Section, *, first: bool) -> Iterator[str]:
    yield f"{'#' if first else '##'} {literal(section.title)}"
    yield ""
    for line in section.lines:
        yield f"- {literal(line)}"
    if section.lines:
        yield ""
    for table in section.tables:
        yield from _table(table)
        yield ""
    for chart in section.charts:
        yield from _chart(chart)
        yield ""


def _table(table: Table) -> Iterator[str]:
    for row in (table.head, ("---",) * len(table.head), *table.rows):
        cells = row if row and row[0] == "---" and set(row) == {"---"} else [literal(cell) for cell in row]
        yield f"| {' | '.join(cells)} |"


def _chart(chart: Chart) -> Iterator[str]:
    yield f"### {literal(chart.title)}"
    yield ""
    for name, points in chart.series:
        values = [value for _at, value in points]
        low = min(0.0, *values) if chart.bars else min(values)
        yield f"- {literal(name)}: {_blocks(values, low, max(values))} ({values[0]:.3g} to {values[-1]:.3g})"


def _blocks(values: Sequence[float], low: float, high: float) -> str:
    """Return a block per value, or per equal part of the values if there are more than 60."""
    step = max(1.0, len(values) / MOST_BLOCKS)
    picked = [values[min(len(values) - 1, int(at * step))] for at in range(min(len(values), MOST_BLOCKS))]
    span = (high - low) or 1.0
    return "".join(_BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1))] for value in picked)
