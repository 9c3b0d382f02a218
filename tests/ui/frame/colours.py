"""Measures colours: contrast as WCAG 2 defines it, and how far apart they are, also to the colour-blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import Color

Matrix = Sequence[Sequence[float]]
SEEN_BY: Mapping[str, Matrix] = {
    "protanopia": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deuteranopia": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritanopia": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}
"""What is left of linear red, green and blue to the colour-blind (Machado, Oliveira, Fernandes 2009, severity 1)."""
XTERM = (
    "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5",
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
)
WINDOWS = (
    "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc",
    "767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
)
NAMES = "black red green yellow blue magenta cyan white"


def palette(normal: str, bright: str) -> dict[str, str]:
    """The 16 colours of a terminal, by Textual's names."""
    names = [f"ansi_{prefix}{name}" for prefix in ("", "bright_") for name in NAMES.split()]
    return {
        name: f"#{colour}" for name, colour in zip(names, [*normal.split(), *bright.split()], strict=True)
    }


def linear(colour: str) -> list[float]:
    return [
        v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in Color.parse(colour).normalized
    ]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, from 1 to 21."""
    dark, light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(one), linear(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: Sequence[float]) -> list[float]:
    """Linear red, green and blue in CIE L*a*b*, where distances are as large as they are to the eye."""
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1804 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9503 * blue) / 1.0888
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def distance(one: str, other: str, seen_by: str) -> float:
    """How far apart two colours are to someone with that colour blindness: 2 is just visible, black to white 100."""
    first, second = (
        lab([sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in SEEN_BY[seen_by]])
        for colour in (one, other)
    )
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
