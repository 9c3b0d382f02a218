"""The one table of glyphs: what each character that labeltui draws becomes on a terminal that has only ASCII."""

from __future__ import annotations

import unicodedata

_STATES = {
    "●": "*", "○": "o", "◐": "%", "◌": "~", "✓": "+", "✗": "x", "✕": "x", "▲": "!", "▼": "v", "■": "#",
    "▶": ">", "▸": ">", "◂": "<", "•": "*",
}  # fmt: skip
_TEXT = {
    "·": "-", "…": "~", "‹": "<", "›": ">", "←": "<", "→": ">", "↑": "^", "↓": "v", "⏎": ">", "×": "x", "°": "'",
    "“": '"', "”": '"', "‘": "'", "’": "'", "‐": "-", "–": "-", "—": "-", "−": "-", "\u00a0": " ", "🔎": "? ",
}  # fmt: skip
_BLOCKS = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
    **dict.fromkeys("▉▊▋▌▍▎▏▐▕", "|"), **dict.fromkeys("▖▗▘▙▚▛▜▝▞▟", "#"),
    "▀": '"', "▔": "-", "░": ".", "▒": ":", "▓": "%",
}  # fmt: skip
_LINES = {
    **{chr(code): "+" for code in range(0x2500, 0x2580)},
    **dict.fromkeys("─┄┈╌╴╶", "-"), **dict.fromkeys("━┅┉╍═╸╺╼╾", "="),
    **dict.fromkeys("│┃┆┇┊┋╎╏║╵╷╹╻╽╿", "|"), "╱": "/", "╲": "\\", "╳": "X",
}  # fmt: skip
_DOTS = (0x09, 0x12, 0x24, 0xC0)
"""The bits of each row of dots in a braille pattern, from the top."""
_ROWS = {
    (): " ", (0,): "'", (1,): "-", (2,): "-", (3,): "_", (0, 1): "'", (1, 2): "-", (2, 3): ".",
}  # fmt: skip
"""What shows a line through these rows of dots; ``|`` shows one through others."""


def _braille() -> dict[str, str]:
    found = {}
    for bits in range(256):
        rows = tuple(row for row, dots in enumerate(_DOTS) if bits & dots)
        found[chr(0x2800 + bits)] = _ROWS.get(rows, "|")
    return found


ASCII = {**_LINES, **_BLOCKS, **_braille(), **_STATES, **_TEXT}
"""What is drawn in place of each glyph, in as many terminal columns."""


class _Ascii(dict[int, str]):
    """The table for ``str.translate``, in which a character that is no glyph of labeltui is question marks."""

    def __missing__(self, code: int) -> str:
        """Return as many question marks as the character has columns."""
        char = chr(code)
        if code < 0x80:
            shown = char
        elif unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
            shown = ""
        else:
            shown = "??" if unicodedata.east_asian_width(char) in "WF" else "?"
        self[code] = shown
        return shown


_TABLE = _Ascii({ord(glyph): shown for glyph, shown in ASCII.items()})
_KNOWN = {ord(glyph): shown for glyph, shown in ASCII.items()}


def in_ascii(text: str) -> str:
    """Return ``text`` in ASCII: a glyph as the table has it, any other character as question marks."""
    return text if text.isascii() else _joined(text).translate(_TABLE)


def glyphs_in_ascii(text: str) -> str:
    """Return ``text`` with labeltui's glyphs in ASCII and any other character unchanged, such as those of names."""
    return text if text.isascii() else _joined(text).translate(_KNOWN)


def _joined(text: str) -> str:
    """Draw what depends on the text around it: an ellipsis after a space, and a dot between two facts."""
    return text.replace(" …", "..").replace(" · ", " | ")
