"""Applies the worklist's rules to studies that are read twice."""

from __future__ import annotations

from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.monailabel.serving.rules import Edits, Entry, Fetch, client_name, next_reading


def second_reading(study: Study, fetches: tuple[Fetch, ...], edits: Edits) -> Entry | None:
    """Return the study as the rules see it if it has a final label and lacks its second reading; else None."""
    at = study.tags[FINAL_TAG]
    entry = Entry(
        study.id, True, fetches, tuple(study.tags), client_name(study.authors.get(FINAL_TAG)),
        0.0 if at is None else at.timestamp(),
    )  # fmt: skip
    entry = next_reading(entry, edits)
    return entry if entry.readers or entry.waits else None


def why_waiting(entry: Entry) -> str:
    """Return why a study is not handed out for its second reading. Empty if it is."""
    if not entry.waits:
        return ""
    if not entry.author:
        return "the annotator of the first reading is unknown, because the label came without a name"
    return "the first reading is not yet stored on this machine and on the host"
