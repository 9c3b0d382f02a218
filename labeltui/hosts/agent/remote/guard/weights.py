"""The trained models that a console wants and that no desk has, and the one that a console copies now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.processes import boot_id

COPYING_S = 60.0  # a console that copies a model reports it every few seconds


class Weights:
    """Compares the files of weights on disk with the copies that consoles have reported."""

    def __init__(self) -> None:
        self.away: tuple[str, ...] = ()
        self.copying = ""

    def poll(self, copied: dict[str, Any]) -> None:
        """Store the names of the models that are not copied. ``copied`` is the content of ``copied.json``."""
        record = copied.get("models") or {}
        self.copying = copying_now(record)
        root, here = Path(str(record.get("root"))), record.get("here") or {}
        away = []
        for file, model in (record.get("files") or {}).items():
            try:
                found = (root / file).stat()
            except (FileNotFoundError, NotADirectoryError):
                continue  # no training has published it
            if here.get(file) != [found.st_size, found.st_mtime_ns]:
                away.append(str(model))
        self.away = tuple(away)


def copying_now(record: dict[str, Any]) -> str:
    """Return the model that a console copies. Empty if no console has reported a copy in the last minute."""
    entry = record.get("copying") or {}
    if entry.get("boot_id") != boot_id() or float(entry.get("until_mono") or 0) < time.monotonic():
        return ""
    return str(entry.get("model") or "")


def merged(
    stored: dict[str, Any], root: str, files: dict[str, str], here: dict[str, list[int]], copying: str
) -> dict[str, Any]:
    """Return the record of models after a console's report.

    The newest console says which models it wants, and which one it copies (empty for none). A copy counts on
    whichever desk it is. Raises Problem.
    """
    good = all(
        isinstance(state, list) and [type(one) for one in state] == [int, int] for state in here.values()
    )
    if not good or not all(isinstance(text, str) for one in (*files.items(), (copying,)) for text in one):
        raise Problem("bad_request", "A copied model is {path: [size, time in ns]}.")
    known = stored.get("here") or {} if stored.get("root") == root else {}
    until = time.monotonic() + COPYING_S
    entry = {"model": copying, "until_mono": until, "boot_id": boot_id()} if copying else {}
    return {"root": root, "files": files, "here": {**known, **here}, "copying": entry}
