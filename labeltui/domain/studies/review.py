"""A reviewer's judgement of a label, as 3D Slicer's MONAI Label Reviewer stores it in the label's info."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

META = "segmentationMeta"
"""The key of a label's info under which the Reviewer stores status, approvedBy, level, comment and editTime."""
APPROVED = "approved"
NO_STATUS = "none"
STATUSES = (APPROVED, "flagged", NO_STATUS)
LEVELS = ("easy", "medium", "hard")
SERVERS_TAGS = ("final", "original")
"""The tags that MONAI Label uses.

They are repeated here, because first paint imports this module but not ``study.py``.
"""


def is_reviewable(tag: str) -> bool:
    """Whether Slicer's Reviewer can read a review of the label with this tag.

    The Reviewer reads the number after the first underscore as a version. If there is no number, as in
    ``final_ana``, it fails and opens no study of that server.
    """
    return tag in SERVERS_TAGS or tag.partition("_")[2].isdecimal()


def without_unreadable(info: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """Return a label's document for this tag, without a review that the Reviewer can't read."""
    return {key: value for key, value in info.items() if key != META or is_reviewable(tag)}


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's changes. None leaves a value unchanged."""

    status: str | None = None
    level: str | None = None
    comment: str | None = None

    def __bool__(self) -> bool:
        return self != Review()


def stored_review(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the review in a label's info, as it is stored; empty without one."""
    meta = info.get(META)
    return dict(meta) if isinstance(meta, dict) else {}


def reviewed(before: Mapping[str, Any], review: Review, by: str, now: datetime) -> dict[str, Any]:
    """Return the review to store in place of ``before``.

    It has all five fields, because the Reviewer always writes all.
    """
    status = {None: before.get("status", ""), NO_STATUS: ""}.get(review.status, review.status)
    return {
        "status": status,
        "approvedBy": by,
        "level": before.get("level", "") if review.level is None else review.level,
        "comment": before.get("comment", "") if review.comment is None else review.comment,
        "editTime": int(now.timestamp()),
    }
