"""The worklist in JSON documents of the command line."""

from __future__ import annotations

from labeltui.domain.documents.documents import Document, moment
from labeltui.domain.studies.worklist import Left, Worklist


def with_worklist(studies: Document, worklist: Worklist | None) -> Document:
    """Add the worklist to the document of ``studies list``. Its fields are null if it is unknown.

    A study that lacks its second reading is in the state ``second_reading``.
    """
    listed = studies["studies"]
    return {
        **studies,
        "studies": listed
        and [{**one, **worklist_fields(one["id"], one["state"], worklist)} for one in listed],
        "worklist": None if worklist is None else _worklist(worklist),
    }


def _worklist(worklist: Worklist) -> Document:
    """Return the reason for a missing worklist, the operator's decisions, and the counts of studies by state."""
    return {
        "message": _message(worklist),
        "why_not": worklist.why_not or None,
        "left": _left(worklist.left),
        "order": list(worklist.order),
        "assigned": dict(worklist.assigned),
        "skipped": sorted(worklist.skipped),
        "doubled": sorted(worklist.doubled),
        "refused": [
            {"client": one.client or None, "at": moment(one.at), "left": _left(one.left)}
            for one in worklist.refusals
        ],
    }


def _message(worklist: Worklist) -> str:
    if worklist.why_not:
        return f"There is no worklist: {worklist.why_not}."
    if worklist.left is None:
        return "The studies are not listed."
    return ", ".join(f"{count} {name}" for name, count in (_left(worklist.left) or {}).items())


def worklist_fields(study: str, state: str, worklist: Worklist | None) -> Document:
    """Return a study's state, its holders (``client`` is null for a shared client id), and the decisions about it."""
    if worklist is None:
        return {
            "state": state,
            **dict.fromkeys(("held_by", "assigned_to", "place", "skipped", "doubled", "readings")),
        }
    holders, readings = worklist.holders.get(study, ()), worklist.readings.get(study, ())
    return {
        "state": "second_reading" if study in worklist.second else state,
        "held_by": [{"client": one.client or None, "until": moment(one.until)} for one in holders],
        "assigned_to": worklist.assigned.get(study),
        "place": worklist.place(study),
        "skipped": study in worklist.skipped,
        "doubled": study in worklist.doubled,
        "readings": [{"client": one.client, "tag": one.tag, "sha256": one.sha256} for one in readings],
    }


def _left(left: Left | None) -> Document | None:
    if left is None:
        return None
    return {
        "free": left.free, "held": left.held, "assigned": left.assigned, "skipped": left.skipped,
        "second": left.second, "final": left.final,
    }  # fmt: skip
