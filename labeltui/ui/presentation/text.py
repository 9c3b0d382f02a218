"""Makes hostile text safe to show: literal, visible, and on one line."""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size

_HIDDEN = (
    *range(0x80, 0xA0),  # C1 controls, which some terminals obey
    0x00AD,
    0x061C,
    *range(0x200B, 0x2010),  # zero-width characters and direction marks
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xD800, 0xE000),  # lone surrogates, which can't be written to a terminal
    *range(0xFFF9, 0xFFFC),
)
_VISIBLE = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "␡",
    **{code: f"\\u{code:04x}" for code in _HIDDEN},
}
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb]"
)
ELLIPSIS = "…"
GAP = " · "
"""Stands between the hints of a border."""


def safe(text: str) -> str:
    """Replace control characters in ``text`` by pictures (``␛``), invisible ones by escapes (``\\u202e``).

    The result is one line of literal text: pass it to ``Content``, never to ``Content.from_markup``.
    """
    return text.translate(_VISIBLE) if _UNSAFE.search(text) else text


def safe_lines(text: str) -> list[str]:
    """Split ``text`` into lines, each made safe by :func:`safe`; tabs become spaces."""
    return [safe(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n")]


def elide(text: str, width: int) -> str:
    """Cut ``text`` to at most ``width`` cells; a cut text ends with an ellipsis."""
    if cell_len(text) <= width:
        return text
    return "" if width <= 0 else set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def fit_hints(text: str, width: int) -> str:
    """Return the hints of ``text`` that fit in ``width`` cells. The last one closes the box, so it stays.

    It loses its words first (``esc closes``); then ``…`` stands for the hints before it, from the last one on.
    """
    *head, last = text.split(GAP)
    if cell_len(text) > width and last.startswith("esc "):
        last = "esc"
    shown = GAP.join([*head, last])
    while cell_len(shown) > width and len(head) > 1:
        head.pop()
        shown = GAP.join([*head, ELLIPSIS, last])
    return elide(shown, width)


def two_rows(text: str, first: int, second: int) -> tuple[str, str]:
    """Break ``text`` after a sentence, else before a word, so that ``first`` cells hold its beginning.

    A rest that is longer than ``second`` cells is cut.
    """
    begin = set_cell_size(text, first + 1)
    sentence = text[: begin.rstrip().rfind(". ") + 1]
    if sentence and cell_len(text) - cell_len(sentence) - 1 <= second:
        head = sentence
    elif cell_len(text) <= first:
        head = text
    else:
        head = begin.rpartition(" ")[0].rstrip() or set_cell_size(text, first).rstrip()
    return head, elide(text[len(head) :].lstrip(), second)


def elide_middle(text: str, width: int) -> str:
    """Cut ``text`` in its middle to at most ``width`` cells, since names often differ at their ends."""
    if cell_len(text) <= width or width < 5:
        return elide(text, width)
    tail = (width - 1) // 2
    head = width - 1 - tail
    return set_cell_size(text, head).rstrip() + ELLIPSIS + _last_cells(text, tail)


def _last_cells(text: str, width: int) -> str:
    start = len(text)
    while start > 0 and cell_len(text[start - 1 :]) <= width:
        start -= 1
    return text[start:]


def fit(text: str, width: int) -> str:
    """Cut or pad ``text`` to exactly ``width`` cells."""
    return set_cell_size(elide(text, width), max(0, width))
