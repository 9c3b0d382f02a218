"""Draws text whose width terminals disagree on, such as emoji and their selectors.

The text after it keeps its place.
"""

from __future__ import annotations

import re

from rich.cells import cell_len

# Selectors, joiners and other characters without a width of their own
_JOINING = (
    "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff"
)
# Emoji, scripts whose letters join, and Korean letters that make up syllables
_DISPUTED = (
    _JOINING
    + "\u0483-\u0489\u0590-\u109f\u1100-\u11ff\u1780-\u17ff\ua960-\ua97f\ud7b0-\ud7ff\U0001f000-\U0001faff"
    "\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5"
    "\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797"
    "\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
)
_ANY = re.compile(f"[{_DISPUTED}]")
# A character of a picture with its row and its column (ui/graphics/kitty.py), which terminals count as one cell
_PICTURE = "\U0010eeee[\u0300-\ua6f1]{2}"
# These are compiled when such text is drawn for the first time, which is after first paint.
_SEQUENCE_OR_RUN = (
    rf"(?P<sequence>\x1b(?:\[[0-?]*[ -/]*[@-~]|[^\[])|(?:{_PICTURE})+)"
    rf"|(?:[{_DISPUTED}]|[^\x00-\x1f\x7f](?=[{_JOINING}]))+"
)
_STYLE = r"\x1b\[[0-9;:]*m"
_DRAWN_AFTER = r"((?:\x1b\[[0-9;:]*m|[^\x00-\x1f\x7f])*)(?=\x1b\[[0-9;]*[Hf]|\n|\Z)"
_WITHOUT_WIDTH = f"[{_JOINING}]"


def steady(data: str) -> str:
    """Return output in which the cursor is where Textual expects it after each run of uncertain width.

    The run's cells are blanked first, because a terminal may draw fewer than Textual counts. It may also draw more, up
    to two for each character; the text behind the run then covers the extra cells. If that text is too short to cover
    them, question marks replace the run.
    """
    if _ANY.search(data) is None:
        return data

    def placed(found: re.Match[str]) -> str:
        if found["sequence"]:
            return found[0]
        cells = cell_len(found[0])
        beyond = max(1, 2 * len(re.sub(_WITHOUT_WIDTH, "", found[0])) - cells)
        after = re.compile(_DRAWN_AFTER).match(data, found.end())
        if after is not None and cell_len(re.sub(_STYLE, "", after[1])) < beyond:
            return "?" * cells
        forward = f"\x1b[{cells}C" if cells else ""
        return f"\x1b7{' ' * cells}\x1b8{found[0]}\x1b8{forward}"

    return re.sub(_SEQUENCE_OR_RUN, placed, data)
