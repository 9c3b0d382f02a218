"""The labels of a study that a preview can show: those on the host, and the versions on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.session.labels.index import Entry as Copy
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import safe
from labeltui.ui.screens.dialogs.picklist import Entry, PickList

FIRST = (FINAL_TAG, "original")


@dataclass(frozen=True, slots=True)
class Choice:
    """A label: its tag, its version (empty: the label on the host), and its description."""

    tag: str
    version: str
    text: str


def choices(study: Study | None, copies: Sequence[Copy], now: datetime) -> list[Choice]:
    """Return a study's labels: those on the host first, then the copied versions, newest first."""
    found = []
    tags = study.tags if study is not None else {}
    for tag in sorted(tags, key=lambda tag: (FIRST.index(tag) if tag in FIRST else len(FIRST), tag)):
        at, by = tags[tag], study.authors.get(tag) if study is not None else None
        ago = f"  {words.age(at, now)} ago" if at is not None else ""
        found.append(Choice(tag, "", f"{tag}  on the host{ago}{f'  by {by}' if by else ''}"))
    for copy in sorted(copies, key=lambda copy: copy.mtime_ns, reverse=True):
        text = f"{copy.tag}  {copy.sha256[:8]}  {words.age(copy.saved_at, now)} ago"
        found.append(Choice(copy.tag, copy.sha256, f"{text}{f'  by {copy.who}' if copy.who else ''}"))
    return found


class LabelsScreen(PickList):
    """Lists the labels of a study. The answer is the place in the list of choices; empty for none."""

    TITLE_TEXT = "label to show"
    NONE = "no label"

    def __init__(self, found: Sequence[Choice]) -> None:
        super().__init__([
            *(Entry(Content(safe(one.text)), one.text, str(place)) for place, one in enumerate(found)),
            Entry(Content(self.NONE), self.NONE, ""),
        ])  # fmt: skip


class CompareScreen(LabelsScreen):
    """Lists the labels to compare the shown one with."""

    TITLE_TEXT = "label to compare with"
    NONE = "compare no longer"
