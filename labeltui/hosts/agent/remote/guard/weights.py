"""The trained models that a console wants and that no desk has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem


class Weights:
    """Compares the files of weights on disk with the copies that consoles have reported."""

    def __init__(self) -> None:
        self.away: tuple[str, ...] = ()

    def poll(self, copied: dict[str, Any]) -> None:
        """Store the names of the models that are not copied. ``copied`` is the content of ``copied.json``."""
        record = copied.get("models") or {}
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


def merged(
    stored: dict[str, Any], root: str, files: dict[str, str], here: dict[str, list[int]]
) -> dict[str, Any]:
    """Return the record of models after a console's report.

    The newest console says which models it wants. A copy counts on whichever desk it is. Raises Problem.
    """
    good = all(
        isinstance(state, list) and [type(one) for one in state] == [int, int] for state in here.values()
    )
    if not good or not all(isinstance(text, str) for one in files.items() for text in one):
        raise Problem("bad_request", "A copied model is {path: [size, time in ns]}.")
    known = stored.get("here") or {} if stored.get("root") == root else {}
    return {"root": root, "files": files, "here": {**known, **here}}
