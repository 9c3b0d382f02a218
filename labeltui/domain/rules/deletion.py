"""The question before a study or a label is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.domain.state import SessionState
from labeltui.domain.text import one_line

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.studies.study import Study
    from labeltui.domain.studies.worklist import Holder


def ask_delete(_state: SessionState) -> str:
    """The question before a study or a label is deleted. Callers replace ``{}`` by the text of :func:`what_goes`."""
    return "Delete {} What is deleted is copied to this machine first; `studies restore` brings it back."


def what_goes(state: SessionState, params: Mapping[str, Any]) -> str:
    """Name the image and its labels, or the one label, and who has the study open until when."""
    study_id, label = str(params.get("study") or ""), params.get("label")
    queue, shown = state.queue.value, one_line(study_id)
    study = next((one for one in queue.studies if one.id == study_id), None) if queue is not None else None
    open_by = "" if state.identity.demo else _open_by(state, study_id, study)
    if label:
        author = study.authors.get(label) if study is not None else None
        whose = f" (by {one_line(author)})" if author else ""
        what = f"the label {one_line(label)}{whose} of {shown} from the server"
        return f"{what}?{f' {open_by}.' if open_by else ''}"
    ends = f" {open_by}, and can't submit it any more." if open_by else ""
    return f"{shown} from the server, {_labels(study)}?{ends}"


def open_until(holder: Holder) -> str:
    """Name who has a study open, and until when in local time."""
    return f"{one_line(holder.named)} has it open until {holder.until.astimezone():%H:%M}"


def _labels(study: Study | None) -> str:
    if study is None:
        return "with its image and all its labels"
    tags = sorted(study.tags)
    if not tags:
        return "with its image (it has no label)"
    return f"with its image and {len(tags)} label{'s' if len(tags) > 1 else ''} ({', '.join(map(one_line, tags))})"


def _open_by(state: SessionState, study_id: str, study: Study | None) -> str:
    worklist = state.worklist.value
    holders = worklist.holders.get(study_id, ()) if worklist is not None else ()
    names = [open_until(one) for one in holders]
    if not names and study is not None:
        names = [f"{one_line(client)} has it open" for client in study.openers]
    return " and ".join(names)
