"""Studies that were deleted on the server: their images and documents in the folder of copies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from labeltui.domain.labels.names import DELETED, file_name, is_inside
from labeltui.domain.studies.study import StudyQueue
from labeltui.support.atomic import write_file

RECORD = "study.json"


@dataclass(frozen=True, slots=True)
class DeletedStudy:
    """One deletion. ``labels`` are the checksums by tag. ``image`` is empty if only labels were deleted.

    ``image`` is the image's file in the folder of copies, ``filename`` its name on the host. ``at`` is ISO 8601.
    ``restored`` is True once everything was brought back.
    """

    study: str
    at: str
    labels: Mapping[str, str]
    image: str = ""
    filename: str = ""
    sha256: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)
    restored: bool = False


def folder_for(root: Path, study: str, at: str) -> Path:
    """The folder of one deletion. ``at`` makes it unique among the deletions of one study."""
    return root / DELETED / f"{file_name(study)}.{file_name(at)}"


def store(root: Path, deleted: DeletedStudy) -> None:
    """Store a deletion, and wait until it is on the disk. Raises OSError."""
    folder = folder_for(root, deleted.study, deleted.at)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(folder / RECORD, json.dumps(asdict(deleted)), durable=True)


def deletions(root: Path, study: str | None = None) -> list[DeletedStudy]:
    """Return the deletions of a study, by default of all studies, newest first. Raises OSError."""
    found = [
        record
        for path in (root / DELETED).glob(f"*/{RECORD}")
        if (record := _read(path)) is not None and study in (None, record.study)
    ]
    return sorted(found, key=lambda record: record.at, reverse=True)


def open_deletions(root: Path, queue: StudyQueue | None) -> list[DeletedStudy]:
    """Return deletions of objects that the server does not have now, newest first. Without a list, return all."""
    tags = {study.id: study.tags for study in queue.studies} if queue is not None else {}
    return [record for record in deletions(root) if _is_open(record, tags.get(record.study))]


def _is_open(record: DeletedStudy, listed: Mapping[str, datetime | None] | None) -> bool:
    """Whether a deleted object is not back. ``listed`` are the study's labels, None if the study is not listed."""
    if listed is None:
        return bool(record.image or record.labels)
    if record.labels.keys() - listed.keys():
        return True
    if record.restored:
        return False
    # The server lists a label for minutes after its file was deleted, with the time of its submission.
    at = datetime.fromisoformat(record.at).astimezone()
    return any((submitted := listed[tag]) is not None and submitted <= at for tag in record.labels)


def _read(path: Path) -> DeletedStudy | None:
    try:
        record = DeletedStudy(**json.loads(path.read_text(encoding="utf-8")))
        datetime.fromisoformat(record.at)
    except (ValueError, TypeError):
        return None
    texts = (record.study, record.at, record.image, record.filename, record.sha256)
    sound = all(isinstance(text, str) for text in texts) and isinstance(record.labels, dict)
    return (
        record
        if sound and isinstance(record.info, dict) and (not record.image or is_inside(record.image))
        else None
    )
