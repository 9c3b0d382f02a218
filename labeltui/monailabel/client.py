"""The REST of MONAI Label 0.8, one method per endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.server.server import ServerInfo
from labeltui.monailabel import convert, wire
from labeltui.monailabel.datastore import DatastoreRest
from labeltui.monailabel.http import Answer, check
from labeltui.monailabel.rest import converted, model_of, segment
from labeltui.monailabel.tasks import TaskRest

MAX_FILE = 4 * 2**30  # bytes held in memory for one inference or log


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes of ``app.log`` from ``offset``; ``size`` is the whole file, ``restarted`` after a rotation."""

    offset: int
    data: bytes
    size: int
    restarted: bool = False


class MonaiLabelClient(DatastoreRest, TaskRest):
    """A server as the console uses it.

    One request is in flight per endpoint; POSTs are sent once, whatever happens. Every method raises
    ``Unreachable`` when the connection fails, ``Failed`` with code ``server_busy`` when no answer came within
    ``read_timeout`` seconds, and other ``LabeltuiError`` for what the server answered.
    """

    async def info(self) -> ServerInfo:
        """What the server offers, its counts and training statistics."""
        document = await self._object("GET", "/info/", name="info")
        if not {"models", "trainers", "version"} & document.keys():
            raise Failed(
                Code.SERVER_ANSWER,
                f"{self.base_url} answers, but it is not a MONAI Label server.",
                "Another program may hold the port.",
            )
        return converted("GET /info/", lambda: convert.server_info(document))

    async def infer(self, model: str, image: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Infer one study and return the JSON part (label names, latencies). Blocks the server meanwhile."""
        return await self._object(
            "POST", f"/infer/{segment(model)}", name="infer", params={"image": image, "output": "json"},
            data={"params": json.dumps(dict(params or {}))},
        )  # fmt: skip

    async def infer_label(self, model: str, image: str, params: Mapping[str, Any] | None = None) -> bytes:
        """Infer one study and return the label file (``.nii.gz`` unless asked otherwise)."""
        answer = await self._http.ask(
            "POST", f"/infer/{segment(model)}", name="infer", limit=MAX_FILE,
            params={"image": image, "output": "image"}, data={"params": json.dumps(dict(params or {}))},
        )  # fmt: skip
        check(answer)
        return answer.content

    async def model_info(self, model: str) -> wire.ModelFile | None:
        """Checksum and time of a model's file, None when it has none yet."""
        path = f"/model/info/{segment(model)}"
        document = await self._http.json("GET", path, name="model.info", none_on_404=True)
        return None if document is None else model_of(wire.ModelFile, document, f"GET {path}")

    async def model(self, model: str, target: Path) -> int:
        """Download a model's file to ``target``; returns its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save(f"/model/{segment(model)}", target)

    async def put_model(self, model: str, source: Path) -> None:
        """Upload a model's file."""
        with source.open("rb") as file:
            answer = await self._http.ask(
                "PUT", f"/model/{segment(model)}", name="model.put", files={"file": (source.name, file)}
            )
        check(answer)

    async def session(self, session_id: str) -> wire.SessionInfo | None:
        """A Slicer session that has not expired, None for any other."""
        path = f"/session/{segment(session_id)}"
        document = await self._http.json("GET", path, name="session", none_on_404=True)
        return None if document is None else model_of(wire.SessionInfo, document, f"GET {path}")

    async def put_session(self, source: Path, *, expiry_s: int = 3600) -> str:
        """Upload an image for a session of ``expiry_s`` seconds (an hour at most); returns its id."""
        with source.open("rb") as file:
            document = await self._object(
                "PUT", "/session/", name="session.put", files={"files": (source.name, file)},
                params={"expiry": str(expiry_s), "uncompress": "false"},
            )  # fmt: skip
        return str(document.get("session_id", ""))

    async def delete_session(self, session_id: str) -> None:
        """End a session; nothing happens when it is gone already."""
        answer = await self._http.ask("DELETE", f"/session/{segment(session_id)}", name="session.delete")
        if answer.status != 404:
            check(answer)

    async def log_from(self, offset: int) -> LogChunk:
        """``app.log`` from a byte offset to its end; ``restarted`` when the file is now shorter than that."""
        answer = await self._http.ask(
            "GET", "/logs/", name="logs.range", limit=MAX_FILE,
            params={"lines": "0", "text": "true", "html": "false"}, headers={"Range": f"bytes={offset}-"},
        )  # fmt: skip
        return _chunk(answer, offset)


def _chunk(answer: Answer, offset: int) -> LogChunk:
    if answer.status == 416:  # nothing beyond the offset, or a new file after rotation
        size = _length(answer.headers.get("content-range", ""))
        restarted = size is not None and size < offset
        return LogChunk(0 if restarted else offset, b"", offset if size is None else size, restarted)
    if answer.status == 404:
        return LogChunk(0, b"", 0, restarted=offset > 0)
    check(answer)
    if answer.status == 206:
        return LogChunk(offset, answer.content, offset + len(answer.content))
    size = len(answer.content)  # the range was not heeded: this is the whole file
    if size < offset:
        return LogChunk(0, answer.content, size, restarted=True)
    return LogChunk(offset, answer.content[offset:], size)


def _length(content_range: str) -> int | None:
    found = re.search(r"\*/(\d{1,18})", content_range)
    return int(found[1]) if found else None
