"""Text from outside, made safe to show inside a message."""

from __future__ import annotations


def one_line(text: str, longest: int = 200) -> str:
    """Return ``text`` on one line, without control characters, cut to ``longest`` characters with an ellipsis."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 2 * longest])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
