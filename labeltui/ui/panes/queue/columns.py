"""The columns of the queue, and the text that its filter searches. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.cells import cell_len

from labeltui.domain.states import StudyState
from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.ui.panes.queue.plan import plan_key, plan_of
from labeltui.ui.panes.queue.shown import Shown
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import elide, elide_middle, safe
from labeltui.ui.presentation.words import Tone, Word
from labeltui.ui.widgets.table.columns import Cell, Column

BRIEF_WIDTH, SECOND_WIDTH = 12, 13
"""Below this width in cells, states are abbreviated."""
_BRIEF = {StudyState.UNLABELLED: "none", StudyState.ORIGINAL: "orig"}
_URGENCY = {StudyState.OPEN: 2, StudyState.UNLABELLED: 4, StudyState.ORIGINAL: 5, StudyState.FINAL: 6}
UID_END = 6
"""Number of last characters of a series' id that are shown if there is no room for all. Ids differ at their ends."""
COLLISION, FLAGGED_FIRST, SECOND_READING, APPROVED_LAST = 0, 1, 3, 7
UNTOUCHED = _URGENCY[StudyState.UNLABELLED]
DAMAGED = Word("✗", "broken", Tone.BAD)
"""The state of a study with a label that is empty or cut off."""
CUT_OFF = Word("✗", "cut off", Tone.BAD)
"""The state of a study whose image file on the host lacks its end."""
FLAGGED, APPROVED = Word("▲", "flagged", Tone.WARN), Word("✓", "approved", Tone.GOOD)
REVIEWS = {"flagged": FLAGGED, "approved": APPROVED}


def word_of(study: Study, *, brief: bool = False, second: bool = False) -> Word:
    """Return the text for a study's state. A study opened by several people is shown as a collision.

    ``second`` is True for a study that lacks its second reading.
    """
    people = len(study.openers)
    if people > 1:
        return Word("▲", f"open×{people}", Tone.WARN)
    if second:
        return Word("▶" if people else "◐", "2nd" if brief else "2nd reading", Tone.BUSY)
    if study.review in REVIEWS and (study.review != "approved" or not people):
        return REVIEWS[study.review]
    word = words.STUDY[study.state]
    return Word(word.glyph, _BRIEF.get(study.state, word.text), word.tone) if brief else word


def urgency(study: Study) -> int:
    """Return the rank of a study's state in the queue. States in which somebody must act come first."""
    if not (study.fetches or study.tags or study.review):
        return UNTOUCHED
    people = len(study.openers)
    if people > 1:
        return COLLISION
    if study.review == "flagged":
        return FLAGGED_FIRST
    return APPROVED_LAST if study.review == "approved" and not people else _URGENCY[study.state]


def touched(study: Study) -> datetime | None:
    """Return when the study was last opened, else when its final label was submitted, else when it was last tagged.

    A model's later label does not count, because the column beside it names who submitted the final one. None if
    nothing happened, or if it is not known when.
    """
    if study.fetches and study.open_fetches:
        return study.open_fetches[0].at
    if FINAL_TAG in study.tags:
        return study.tags[FINAL_TAG]
    times = [at for at in study.tags.values() if at is not None]
    return max(times) if times else None


def who(study: Study, width: int = 1000) -> str:
    """Return who has the study open, newest first, then who submitted its final label.

    Names that do not fit are counted instead.
    """
    if not (study.fetches or study.authors):
        return ""
    author = study.authors.get(FINAL_TAG, "")
    people = [*study.openers, *([f"{author} ✓"] if author else ())]
    names = ", ".join(people)
    if len(names) <= width or len(people) < 2:
        return names
    return f"{elide(safe(people[0]), width - 3)} +{len(people) - 1}"


def name_of(study: Study, width: int = 1000) -> str:
    """Return a study's id.

    For a DICOM series return its description and its id, or only the id's end if there is no room for all of
    it.
    """
    if not study.modality or not study.name or study.name.startswith(study.id):
        return study.id  # MONAI Label's name of a file is that of the study
    text = safe(study.name)
    if cell_len(f"{text} {study.id}") <= width:
        return f"{text} {study.id}"
    return f"{elide(text, max(1, width - UID_END - 1))} {study.id[-UID_END:]}"


def modality(study: Study) -> str:
    """Return the modality; empty if it is unknown."""
    return study.modality


def images(study: Study) -> str:
    """Return the number of images of a DICOM series; empty if it is unknown."""
    return "" if study.images is None else str(study.images)


def size(study: Study) -> str:
    """Return the size of the image's file; empty if it is unknown."""
    return "" if study.size is None else words.size(study.size)


def scores(study: Study) -> str:
    """Return the scores that were stored for a study; empty without any."""
    return ", ".join(f"{name} {words.score(value)}" for name, value in sorted(study.scores.items()))


def score_column(method: str, title: str, rank: int) -> Column[Study]:
    """Return the column of one scoring method, the highest scores first. It is there only where something is scored."""

    def value(study: Study) -> float | None:
        return next((one for name, one in study.scores.items() if name.startswith(method)), None)

    def text(study: Study) -> str:
        found = value(study) if study.scores else None
        return "" if found is None else words.score(found)

    def key(study: Study) -> float | None:
        found = value(study) if study.scores else None
        return None if found is None else -found

    return Column(
        f"score.{method}", title, key, lambda study, _width: Cell(text(study), Tone.FAINT), 5, 9, rank, text,
        right=True, falling=True,
    )  # fmt: skip


def took(study: Study) -> str:
    """Return the time that the final label took, empty if it is unknown. A ``+`` says that pauses were left out."""
    work = study.work
    return "" if work is None else words.duration(work.seconds) + ("+" if work.paused_s else "")


def strategy(study: Study) -> str:
    """Return the strategy that handed the study out last; empty if none did."""
    return study.fetches[0].strategy if study.fetches else ""


def fault_of(study: Study, shown: Shown) -> Word | None:
    """Return the text for a damaged image or label, which takes the place of the state; None without one."""
    if study.id in shown.cut_off:
        return CUT_OFF
    return DAMAGED if study.id in shown.damaged else None


def haystack(study: Study, shown: Shown) -> str:
    """Return the text that a filter searches: the texts that a row can show, and the state that a fault replaces."""
    fault = fault_of(study, shown)
    mark = "" if fault is None else f" {fault.text}"
    if not (study.fetches or study.tags or study.review or study.scores):
        return f"{study.id} {study.name} unlabelled {size(study)}{mark}"
    parts = (
        study.id,
        study.name,
        word_of(study, second=study.id in shown.second).text + mark,
        who(study),
        strategy(study),
        *study.tags,
        study.review,
        size(study),
        scores(study),
    )
    return " ".join(parts)


def identify(study: Study) -> str:
    """Return a study's id."""
    return study.id


def _tags(study: Study) -> str:
    return ", ".join(study.tags) if study.tags else ""


def _age_key(study: Study) -> float | None:
    if not (study.fetches or study.tags):
        return None
    at = touched(study)
    return None if at is None else -at.timestamp()


def columns(shown: Shown) -> Sequence[Column[Study]]:
    """Return all columns. Their cells depend on ``shown``."""

    def state(study: Study, width: int) -> Cell:
        second = study.id in shown.second
        brief = width < (SECOND_WIDTH if second else BRIEF_WIDTH)
        word = fault_of(study, shown) or word_of(study, brief=brief, second=second)
        return Cell(str(word), Tone.FAINT if shown.stale else word.tone)

    def order(study: Study) -> int:
        second = shown.second  # mostly empty, as cut_off is
        if shown.cut_off and study.id in shown.cut_off:
            return FLAGGED_FIRST
        return SECOND_READING if second and study.id in second and not study.openers else urgency(study)

    def name(study: Study, width: int) -> Cell:
        return Cell(name_of(study, width), Tone.FAINT if shown.stale else Tone.PLAIN)

    def people(study: Study, width: int) -> Cell:
        text = who(study, width)
        several = bool(text) and len(study.openers) > 1
        return Cell(text, Tone.FAINT if shown.stale else Tone.WARN if several else Tone.PLAIN)

    def since(study: Study, _width: int) -> Cell:
        return Cell(words.age(touched(study), shown.now), Tone.FAINT)

    def faint(text: Callable[[Study], str]) -> Callable[[Study, int], Cell]:
        return lambda study, _width: Cell(text(study), Tone.FAINT)

    def plan(study: Study) -> str:
        return plan_of(study, shown.worklist)

    def text_column(
        name: str, title: str, text: Callable[[Study], str], widths: tuple[int, int], rank: int
    ) -> Column[Study]:
        return Column(name, title, lambda study: text(study) or None, faint(text), *widths, rank, text)

    return (
        Column("state", "state", order, state, 8, SECOND_WIDTH, 0),
        text_column("modality", "mod", modality, (2, 6), 4),
        Column("images", "img", lambda s: s.images, faint(images), 4, 6, 5, images, right=True),
        Column("id", "study", identify, name, 10, 64, 1, name_of, fixed=True, cut=elide_middle, elastic=True),
        Column("size", "size", lambda s: s.size, faint(size), 4, 6, 7, size, right=True),
        Column("who", "who", lambda study: who(study) or None, people, 7, 20, 2, who),
        Column("age", "since", _age_key, since, 5, 5, 3),
        Column("worklist", "worklist", lambda s: plan_key(s, shown.worklist), faint(plan), 8, 20, 6, plan),
        text_column("tags", "tags", _tags, (8, 24), 6),
        Column("took", "took", lambda s: s.work and s.work.seconds, faint(took), 6, 6, 7, took),
        text_column("strategy", "strategy", strategy, (8, 16), 8),
        score_column("dice", "dice", 9),
        score_column("epistemic", "epist.", 10),
        score_column("sum", "sum", 11),
    )
