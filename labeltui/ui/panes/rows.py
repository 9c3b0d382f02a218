"""Builds the queue's rows: texts, sort order, and the text that a filter searches. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from textual.content import Content

from labeltui.domain.study import FINAL_TAG, Study, StudyState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import elide, elide_middle, fit, safe
from labeltui.ui.presentation.words import Tone, Word

COLUMNS = ("state", "id", "who", "age", "tags")
NARROW, ROOMY = 46, 62
_BRIEF = {StudyState.UNLABELLED: "none", StudyState.ORIGINAL: "orig"}
_URGENCY = {StudyState.OPEN: 0, StudyState.UNLABELLED: 1, StudyState.ORIGINAL: 2, StudyState.FINAL: 3}
UID_END = 6
"""Characters of a series' id that are shown where its description needs the room. Ids differ at their ends."""
DAMAGED = Word("✗", "broken", Tone.BAD)
"""The state of a study with a label that is empty or cut off."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def word_of(study: Study, *, brief: bool = False) -> Word:
    """Return the text for a study's state. A study opened by several people is shown as a collision."""
    people = len(study.openers)
    if people > 1:
        return Word("▲", f"open×{people}", Tone.WARN)
    if study.review == "flagged":
        return Word("▲", "flagged", Tone.WARN)
    word = words.STUDY[study.state]
    return Word(word.glyph, _BRIEF.get(study.state, word.text), word.tone) if brief else word


def touched(study: Study) -> datetime | None:
    """Return when the study was last opened, else when it was last tagged; None if neither happened."""
    if study.open_fetches:
        return study.open_fetches[0].at
    times = [at for at in study.tags.values() if at is not None]
    return max(times) if times else None


def who(study: Study, width: int = 1000) -> str:
    """Return who has the study open, newest first, then who submitted its final label.

    Names that do not fit are counted instead.
    """
    author = study.authors.get(FINAL_TAG, "")
    people = [*study.openers, *([f"{author} ✓"] if author else ())]
    names = safe(", ".join(people))
    return (
        names
        if len(names) <= width or len(people) < 2
        else f"{elide(safe(people[0]), width - 3)} +{len(people) - 1}"
    )


def name_of(study: Study, width: int) -> str:
    """Return a study's id; for a DICOM series, modality, number of images, description, and the end of its id."""
    if not study.modality:
        return elide_middle(safe(study.id), width)
    name = "" if study.name.startswith(study.id) else study.name  # MONAI Label's name is that of its file
    parts = (study.modality, "" if study.images is None else str(study.images), name)
    text = safe(" ".join(part for part in parts if part))
    if cell_len(f"{text} {study.id}") <= width:
        return f"{text} {safe(study.id)}"
    return f"{elide(text, max(1, width - UID_END - 1))} {safe(study.id[-UID_END:])}"


def haystack(study: Study) -> str:
    """Return the text that a filter searches: the texts that a row can show."""
    named = f"{study.id} {study.modality} {study.name}"
    return f"{named} {word_of(study).text} {who(study)} {' '.join(study.tags)} {study.review}"


_SORTS: dict[str, Callable[[Study], Any]] = {
    "state": lambda s: (-min(len(s.openers), 2), _URGENCY[s.state], s.id),
    "id": lambda s: s.id,
    "who": lambda s: (not who(s), who(s), s.id),
    "age": lambda s: -((touched(s) or _EPOCH).timestamp()),
    "tags": lambda s: (not s.tags, sorted(s.tags), s.id),
}


def ordered(studies: Sequence[Study], column: str, *, backwards: bool) -> list[Study]:
    """Return the studies sorted by one of ``COLUMNS``."""
    return sorted(studies, key=_SORTS[column], reverse=backwards)


def widths(room: int) -> tuple[int, int, int, int, int]:
    """Return the widths in cells of the columns state, id, who, age and tags; 0 for a hidden column."""
    if room < NARROW:
        state, person, old, tags = 8, 7, 4, 0
    elif room < ROOMY:
        state, person, old, tags = 12, 10, 5, 0
    else:
        state, person, old = 12, 12, 5
        tags = min(24, room // 4)
    gaps = 3 + (1 if tags else 0)
    return state, max(6, room - state - person - old - tags - gaps), person, old, tags


def header(room: int, column: str, *, backwards: bool) -> Content:
    """Return the column names, with an arrow at the sorted column."""
    names = ("state", "study", "who", "age", "tags")
    parts: list[tuple[str, str]] = []
    for key, name, width in zip(COLUMNS, names, widths(room), strict=True):
        if width:
            sorted_by = key == column
            mark = ("↑" if backwards else "↓") if sorted_by else ""
            parts.append((fit(name + mark, width) + " ", "bold $foreground" if sorted_by else Tone.FAINT))
    return Content.assemble(*parts)


def line(
    study: Study, room: int, now: datetime, *, chosen: bool, focused: bool, stale: bool, damaged: bool = False
) -> Content:
    """Return a study's row. A long id is elided in the middle, because ids differ at their ends."""
    state, name, person, old, tags = widths(room)
    word = DAMAGED if damaged else word_of(study, brief=room < NARROW)
    tone = Tone.FAINT if stale else word.tone
    plain = Tone.FAINT if stale else Tone.PLAIN
    parts: list[tuple[str, str]] = [
        (fit(str(word), state) + " ", tone),
        (fit(name_of(study, name), name) + " ", plain),
        (fit(who(study, person), person) + " ", tone if len(study.openers) > 1 else plain),
        (fit(words.age(touched(study), now), old), Tone.FAINT),
    ]
    if tags:
        parts.append((" " + fit(safe(", ".join(study.tags)), tags), Tone.FAINT))
    text = Content.assemble(*parts)
    if not chosen:
        return text
    if focused:
        return Content.styled(text.plain, "bold $block-cursor-foreground on $block-cursor-background")
    return Content.styled(
        text.plain, "bold $block-cursor-blurred-foreground on $block-cursor-blurred-background"
    )
