"""The rows that benchmarks return, as JSON and as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of ours and one of the peer's. A figure is None where it can't be measured; ``note`` says why."""

    bench: str
    what: str
    unit: str
    figure: float | None
    peer: str
    peer_figure: float | None
    limit: str = ""  # the target, in words
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Our figure divided by the peer's. None when either is missing."""
        if self.figure is None or not self.peer_figure:
            return None
        return self.figure / self.peer_figure


def as_document(row: Row) -> dict[str, Any]:
    """The row for ``--json``."""
    return {**asdict(row), "ratio": row.ratio}


def as_text(rows: Sequence[Row]) -> str:
    """A table with the ratio in the last column."""
    lines = [("bench", "what", "labeltui", "peer", "", "target", "ratio")]
    for row in rows:
        note = f"{row.limit} {row.note}".strip()
        lines.append((row.bench, row.what, *figures(row), note, shown(row.ratio, "")))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ([text.ljust(w) for text, w in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def figures(row: Row) -> tuple[str, str, str]:
    """Our figure, the peer's name and its figure."""
    return shown(row.figure, row.unit), row.peer, shown(row.peer_figure, row.unit)


def shown(value: float | None, unit: str) -> str:
    """A number with three significant digits."""
    if value is None:
        return "-"
    digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f} {unit}".rstrip()
