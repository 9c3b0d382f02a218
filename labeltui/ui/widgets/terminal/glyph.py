"""Makes characters whose width terminals disagree on take the columns that the engine gave them."""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len

_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")
_JOINED = re.compile("[\u200d\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]", re.ASCII)


@lru_cache(maxsize=4096)
def glyph(text: str, cells: int) -> str:
    """Return ``text`` if it takes ``cells`` columns, else a replacement that does."""
    text = _ODD.sub("", text)
    if _TONE.fullmatch(text):  # a mark with a cell of its own: the character before it is drawn without it
        return " " * cells
    if _JOINED.search(text):  # the first character replaces all
        text = text[0]
    width = cell_len(text)
    return text.ljust(len(text) + cells - width) if 0 < width <= cells else "\ufffd".ljust(cells)
