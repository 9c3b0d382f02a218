"""What a benchmark hands back, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside its peer's. None: it can't be measured here (``note`` says why)."""

    bench: str
    what: str
    unit: str
    figure: float | None
    peer: str
    peer_figure: float | None
    limit: str = ""  # what the issue asks for, in words
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        if self.figure is None or not self.peer_figure:
            return None
        return self.figure / self.peer_figure


def as_document(row: Row) -> dict[str, Any]:
    """The row for ``--json``."""
    return {**asdict(row), "ratio": row.ratio}


def as_text(rows: Sequence[Row]) -> str:
    """Rows under each other, the ratio last."""
    lines = [("bench", "what", "labeltui", "peer", "", "asked", "ratio")]
    for row in rows:
        note = f"{row.limit} {row.note}".strip()
        lines.append((row.bench, row.what, *figures(row), note, shown(row.ratio, "")))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ([text.ljust(w) for text, w in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def figures(row: Row) -> tuple[str, str, str]:
    """Ours, who the peer is, and the peer's."""
    return shown(row.figure, row.unit), row.peer, shown(row.peer_figure, row.unit)


def shown(value: float | None, unit: str) -> str:
    """A number with three figures that matter."""
    if value is None:
        return "-"
    digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f} {unit}".rstrip()
