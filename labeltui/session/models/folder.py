"""The folder of copied models on this machine: ``MODEL/TIME-CHECKSUM.pt``, with a JSON file beside each.

The JSON file is written last, so a version without one is incomplete and not listed. No version is ever
overwritten.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name
from labeltui.domain.models import ModelCopy
from labeltui.domain.problems import Failed
from labeltui.domain.training.training import Best
from labeltui.support.atomic import move_file, remove_leftovers, write_file
from labeltui.support.file_errors import advice, reason
from labeltui.support.locks import lock_file

INCOMING = "incoming"


class ModelFolder:
    """The versions of every model of one profile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mine = asyncio.Lock()

    @asynccontextmanager
    async def locked(self, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
        """Lock the folder. ``waiting`` is called once if another labeltui has the lock.

        Raises Failed ``not_written`` for an error of the disk, here and within the block.
        """
        async with self._mine:
            try:
                incoming = self.root / INCOMING
                await asyncio.to_thread(incoming.mkdir, parents=True, exist_ok=True, mode=0o700)
                with await lock_file(self.root / ".lock", waiting):
                    await asyncio.to_thread(remove_leftovers, incoming)
                    yield
            except OSError as error:
                path = Path(error.filename) if isinstance(error.filename, str) else self.root
                hint = f"{advice(error, path)} Or set [profiles.NAME.models] folder to another place."
                message = f"{self.root} can't be used: {reason(error, path)}."
                raise Failed(Code.NOT_WRITTEN, message, hint) from None

    def incoming(self, sha256: str) -> Path:
        """Return the path for a download. It depends on the content only, so that a download can resume."""
        return self.root / INCOMING / sha256

    def copies(self) -> tuple[ModelCopy, ...]:
        """Read the list of versions, oldest first. Versions whose file is missing or cut off are left out."""
        found = [copy for entry in self.root.glob("*/*.json") if (copy := _copy_of(entry)) is not None]
        return tuple(sorted(found, key=lambda copy: (copy.saved_at, copy.copied_at)))

    def place(self, arrived: Path, copy: ModelCopy, stats: Mapping[str, Any]) -> ModelCopy:
        """Add a complete file, and its training's statistics. Returns once all is on the disk. Raises OSError."""
        suffix = PurePosixPath(copy.file).suffix
        stem = f"{copy.saved_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{copy.version}"
        target = self.root / file_name(copy.model) / (stem + (suffix if suffix in (".pt", ".ts") else ".pt"))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        move_file(arrived, target)
        placed = replace(copy, path=str(target))
        write_file(
            target.with_suffix(".json"), json.dumps({**_document(placed), "stats": dict(stats)}), durable=True
        )
        return placed


def _document(copy: ModelCopy) -> dict[str, Any]:
    best = copy.best
    return {
        "model": copy.model,
        "file": copy.file,
        "sha256": copy.sha256,
        "size": copy.size,
        "saved_at": copy.saved_at.isoformat(),
        "copied_at": copy.copied_at.isoformat(),
        "source": copy.source,
        "labels": list(copy.labels),
        "unreadable": copy.unreadable,
        "best": None if best is None else {"metric": best.metric, "value": best.value, "epoch": best.epoch},
        "name": Path(copy.path).name,
    }


def _copy_of(entry: Path) -> ModelCopy | None:
    """Read one version. None if it is incomplete, or another version of labeltui wrote it."""
    try:
        stored = json.loads(entry.read_text("utf-8"))
        path = entry.with_name(Path(stored["name"]).name)
        best = stored["best"]
        copy = ModelCopy(
            model=str(stored["model"]),
            file=str(stored["file"]),
            sha256=str(stored["sha256"]),
            size=int(stored["size"]),
            saved_at=_moment(stored["saved_at"]),
            copied_at=_moment(stored["copied_at"]),
            source=str(stored["source"]),
            path=str(path),
            labels=tuple(map(str, stored["labels"])),
            best=None if best is None else Best(str(best["metric"]), float(best["value"]), best["epoch"]),
            unreadable=str(stored.get("unreadable", "")),
        )
        return copy if path.stat().st_size == copy.size else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
