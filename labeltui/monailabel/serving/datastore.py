"""Keeps what other processes have written to a folder's datastore file.

Server, batch inference and scoring each have the whole datastore in memory, and write all of it at each change. They
read the file again when they notice that it changed; on a mounted volume, they poll it once a second. What was written
meanwhile would be lost from the file, such as the author and the segments of an annotator's final label.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any

log = logging.getLogger("labeltui")


def change_datastore(module: Any) -> None:
    """Let MONAI Label's ``LocalDatastore`` take over what others have written, under its lock, before it writes."""
    original = module.LocalDatastore._update_datastore_file

    @wraps(original)
    def update(self: Any, lock: bool = True) -> None:
        if lock:
            with module.FileLock(self._lock_file):
                update(self, lock=False)
            return
        try:
            _take_over(self, module.LocalDatastoreModel)
        except Exception:
            log.exception("What other processes wrote to the datastore was not taken over")
        original(self, lock=False)

    module.LocalDatastore._update_datastore_file = update


def _take_over(datastore: Any, model: Any) -> None:
    path = Path(datastore._datastore_config_path)
    if not path.exists() or path.stat().st_mtime == datastore._config_ts:
        return  # this process has read or written it last
    theirs = model.model_validate_json(path.read_bytes())
    own = datastore._datastore
    for study, entry in theirs.objects.items():
        mine = own.objects.get(study)
        if mine is None:
            if Path(own.image_path(), study + entry.image.ext).exists():
                own.objects[study] = entry
            continue
        mine.image.info = merged(mine.image.info, entry.image.info)
        for tag, label in entry.labels.items():
            if tag in mine.labels:
                mine.labels[tag] = newer(mine.labels[tag], label)
            elif Path(own.label_path(tag), study + label.ext).exists():
                mine.labels[tag] = label  # else this process has deleted it


def merged(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of both. Those of this process win, except in mappings, such as who fetched an image when."""
    found = {**theirs, **mine}
    for name, value in theirs.items():
        if isinstance(value, dict) and isinstance(mine.get(name), dict):
            found[name] = {**mine[name], **_later(mine[name], value)}
    return found


def _later(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in theirs.items()
        if name not in mine or (isinstance(value, dict) and _time(value) > _time(mine[name]))
    }


def newer(mine: Any, theirs: Any) -> Any:
    """Return the label that was stored later. Of the same label, the facts of both."""
    if _time(mine.info) != _time(theirs.info):
        return mine if _time(mine.info) > _time(theirs.info) else theirs
    mine.info = merged(mine.info, theirs.info)
    return mine


def _time(info: Any) -> float:
    at = info.get("ts") if isinstance(info, dict) else None
    return at if isinstance(at, (int, float)) else 0.0
