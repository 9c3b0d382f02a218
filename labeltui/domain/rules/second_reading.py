"""The question before one of two readings becomes the final label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.domain.state import SessionState
from labeltui.domain.text import one_line


def ask_choose(_state: SessionState) -> str:
    """The question before a reading is chosen. Callers replace ``{}`` by the text of :func:`what_is_chosen`."""
    return "Make {} Every reading stays on the host and on this machine, and you can choose again."


def what_is_chosen(state: SessionState, params: Mapping[str, Any]) -> str:
    """Name the reading, the study, and the annotator of the present final label."""
    study_id, client = str(params.get("study") or ""), str(params.get("client") or "")
    queue = state.queue.value
    study = next((one for one in queue.studies if one.id == study_id), None) if queue is not None else None
    author = study.final_author if study is not None else ""
    place = f", in the place of that of {one_line(author)}" if author and author != client else ""
    return f"the reading of {one_line(client)} the final label of {one_line(study_id)}{place}?"
