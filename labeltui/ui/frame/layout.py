"""Computes the region of each pane. Pure: sizes in cells, regions as (x, y, width, height)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PANES = ("pod", "shell", "log", "queue", "training")
"""The numbered panes, in the order of their numbers."""
EXTRAS = ("tunnels", "cost", "alerts")
"""Panes that only a wide screen shows."""

MIN_COLUMNS, MIN_ROWS = 60, 18
STANDARD_COLUMNS, WIDE_COLUMNS = 100, 180
PORTRAIT_ROWS = 50  # with fewer rows, five panes below one another show too little
SHELL_COLUMNS = 82  # 80 columns for the terminal, and the border
LEFT_COLUMNS = 36  # the narrowest column with room for a study id and its state

Region = tuple[int, int, int, int]


class Shape(StrEnum):
    """A division of the screen."""

    SMALL = "small"
    COMPACT = "compact"
    PORTRAIT = "portrait"
    STANDARD = "standard"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class Plan:
    """The visible panes and their regions within the body."""

    shape: Shape
    regions: Mapping[str, Region]
    single: bool  # one pane fills the body; the tabs name the others


def shape_of(columns: int, rows: int) -> Shape:
    """Return the division for a terminal of ``columns`` by ``rows`` cells."""
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        return Shape.SMALL
    if columns < STANDARD_COLUMNS:
        return Shape.COMPACT if rows < PORTRAIT_ROWS else Shape.PORTRAIT
    return Shape.STANDARD if columns < WIDE_COLUMNS else Shape.WIDE


def plan(shape: Shape, width: int, height: int, current: str, zoomed: bool) -> Plan:
    """Divide a body of ``width`` by ``height`` cells; ``current`` is the pane that has the focus."""
    if shape is Shape.SMALL:
        return Plan(shape, {}, False)
    if shape is Shape.COMPACT or zoomed:
        return Plan(shape, {current: (0, 0, width, height)}, True)
    if shape is Shape.PORTRAIT:
        shares = {"pod": 20, "training": 19, "queue": 21, "log": 23, "shell": 17}
        return Plan(shape, _stack(0, width, 0, height, shares), False)
    if shape is Shape.WIDE:
        return Plan(shape, _wide(width, height), False)
    if width - SHELL_COLUMNS >= LEFT_COLUMNS:
        return Plan(shape, _two_columns(width, height), False)
    return Plan(shape, _shell_below(width, height), False)


def _stack(x: int, width: int, y: int, height: int, shares: Mapping[str, int]) -> dict[str, Region]:
    """Stack panes with heights in proportion to ``shares``; the last pane gets the remaining rows."""
    total = sum(shares.values())
    regions: dict[str, Region] = {}
    top = y
    names = list(shares)
    for name in names:
        share = height * shares[name] // total if name != names[-1] else y + height - top
        regions[name] = (x, top, width, share)
        top += share
    return regions


def _two_columns(width: int, height: int) -> dict[str, Region]:
    left = min(width - SHELL_COLUMNS, max(LEFT_COLUMNS + 2, width * 36 // 100))
    pod = {"pod": 31, "training": 37, "queue": 32}
    return _stack(0, left, 0, height, pod) | _stack(left, width - left, 0, height, {"log": 60, "shell": 40})


def _shell_below(width: int, height: int) -> dict[str, Region]:
    """Place the shell below the other panes, since 80 columns don't fit beside them."""
    left, top = width * 42 // 100, height * 66 // 100
    return (
        _stack(0, left, 0, top, {"pod": 45, "queue": 55})
        | _stack(left, width - left, 0, top, {"log": 52, "training": 48})
        | {"shell": (0, top, width, height - top)}
    )


def _wide(width: int, height: int) -> dict[str, Region]:
    left, right = 44, 50
    return (
        _stack(0, left, 0, height, {"pod": 33, "tunnels": 21, "cost": 20, "alerts": 26})
        | _stack(left, width - left - right, 0, height, {"log": 62, "shell": 38})
        | _stack(width - right, right, 0, height, {"queue": 56, "training": 44})
    )
