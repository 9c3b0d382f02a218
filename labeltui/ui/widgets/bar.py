"""A bar in one row of text."""

from __future__ import annotations

from textual.content import Content


def bar(percent: float | None, width: int, tone: str) -> Content:
    """Return a bar of ``width`` cells, filled to ``percent`` (0..100) in half cells; dots if ``percent`` is None."""
    if percent is None:
        return Content.styled("┄" * width, "$border-blurred")
    halves = round(max(0.0, min(100.0, percent)) * 2 * width / 100)
    if percent > 0 and halves == 0:
        halves = 1
    full, half = divmod(halves, 2)
    head = "━" * full + ("╸" if half else "")
    return Content.assemble((head, tone), ("─" * (width - full - half), "$border-blurred"))
