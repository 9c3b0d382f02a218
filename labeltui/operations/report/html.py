"""Writes a report as one HTML file that needs nothing else: no script, no image, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from labeltui.domain.literal import visible
from labeltui.operations.report.chart import svg
from labeltui.operations.report.page import Section, Table

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="labeltui">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ border-bottom: 1px solid #8888; padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
svg {{ max-width: 100%; height: auto; }}
svg text {{ fill: currentColor; font-size: 12px; }}
</style>
</head>
<body>
"""


def html(sections: Sequence[Section]) -> str:
    """Return the page. Text from outside is shown literally: no element and no attribute comes of it."""
    title = text(sections[0].title)
    lines = [line for at, section in enumerate(sections) for line in _section(section, first=at == 0)]
    return _HEAD.format(title=title) + "\n".join(lines) + "\n</body>\n</html>\n"


def text(of: str) -> str:
    """Escape a text for HTML. Control characters are written as escapes."""
    return escape(visible(of))


def _section(section: Section, *, first: bool) -> Iterator[str]:
    level = "h1" if first else "h2"
    yield f"<{level}>{text(section.title)}</{level}>"
    if section.lines:
        yield "<ul>"
        yield from (f"<li>{text(line)}</li>" for line in section.lines)
        yield "</ul>"
    for chart in section.charts:
        yield f"<h3>{text(chart.title)}</h3>"
        yield svg(chart)
    for table in section.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield "<table>"
    if any(table.head):
        yield f"<tr>{''.join(f'<th>{text(cell)}</th>' for cell in table.head)}</tr>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"
