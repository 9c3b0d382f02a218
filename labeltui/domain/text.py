"""Text for people: quantities with their units, and text from outside made safe to show inside a message."""

from __future__ import annotations


def one_line(text: str, longest: int = 200) -> str:
    """Return ``text`` on one line, without control characters, cut to ``longest`` characters with an ellipsis."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 2 * longest])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def duration(seconds: float) -> str:
    """Format seconds as ``45s``, ``3m``, ``3h12`` or ``2d``."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}" if minutes else f"{hours}h"
    return f"{hours // 24}d"


def size(count: float | None) -> str:
    """Format bytes in binary units: ``14.2G``; ``?`` for None."""
    if count is None:
        return "?"
    value = float(count)
    for unit in ("B", "K", "M", "G", "T"):
        if value < 1024 or unit == "T":
            return f"{value:.1f}{unit}" if value < 100 and unit in "GT" else f"{value:.0f}{unit}"
        value /= 1024
    return "?"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Format a count: ``1 study``, ``3 studies``. ``many`` defaults to ``one`` plus ``s``."""
    return f"{count} {one if count == 1 else (many or one + 's')}"
