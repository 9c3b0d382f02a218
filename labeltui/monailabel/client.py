"""The REST client for MONAI Label 0.8, with one method per endpoint."""

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

MAX_FILE = 4 * 2**30  # bytes in memory for one inference or log


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes of ``app.log`` from ``offset``.

    ``size`` is the size of the file. ``restarted`` is True after a rotation of the log.
    """

    offset: int
    data: bytes
    size: int
    restarted: bool = False


class MonaiLabelClient(DatastoreRest, TaskRest):
    """A client for one server.

    At most one request per endpoint is in flight, and a POST is never retried.

    Raises:
        Unreachable: The connection failed.
        Failed: The server did not answer within ``read_timeout`` seconds (``server_busy``).
        LabeltuiError: The server answered with an error, or with a document of the wrong shape.
    """

    async def info(self) -> ServerInfo:
        """``GET /info/``: the server's models, counts of studies and training statistics."""
        document = await self._object("GET", "/info/", name="info")
        if not {"models", "trainers", "version"} & document.keys():
            raise Failed(
                Code.SERVER_ANSWER,
                f"The server at {self.base_url} is not a MONAI Label server.",
                "Another program may use this port.",
            )
        return converted("GET /info/", lambda: convert.server_info(document))

    async def infer(self, model: str, image: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run inference on one study and return its JSON: label names and latencies.

        The server answers nothing else meanwhile.
        """
        return await self._object(
            "POST", f"/infer/{segment(model)}", name="infer", params={"image": image, "output": "json"},
            data={"params": json.dumps(dict(params or {}))},
        )  # fmt: skip

    async def infer_label(self, model: str, image: str, params: Mapping[str, Any] | None = None) -> bytes:
        """Run inference on one study and return the label file, ``.nii.gz`` by default."""
        answer = await self._http.ask(
            "POST", f"/infer/{segment(model)}", name="infer", limit=MAX_FILE,
            params={"image": image, "output": "image"}, data={"params": json.dumps(dict(params or {}))},
        )  # fmt: skip
        check(answer)
        return answer.content

    async def model_info(self, model: str) -> wire.ModelFile | None:
        """Return the checksum and time of a model's file. None if the model has no file yet."""
        path = f"/model/info/{segment(model)}"
        document = await self._http.json("GET", path, name="model.info", none_on_404=True)
        return None if document is None else model_of(wire.ModelFile, document, f"GET {path}")

    async def model(self, model: str, target: Path) -> int:
        """Download a model's file to ``target`` and return its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save(f"/model/{segment(model)}", target)

    async def put_model(self, model: str, source: Path) -> None:
        """Replace a model's file on the server with ``source``."""
        with source.open("rb") as file:
            answer = await self._http.ask(
                "PUT", f"/model/{segment(model)}", name="model.put", files={"file": (source.name, file)}
            )
        check(answer)

    async def session(self, session_id: str) -> wire.SessionInfo | None:
        """Return a Slicer session. None if it has expired or never existed."""
        path = f"/session/{segment(session_id)}"
        document = await self._http.json("GET", path, name="session", none_on_404=True)
        return None if document is None else model_of(wire.SessionInfo, document, f"GET {path}")

    async def put_session(self, source: Path, *, expiry_s: int = 3600) -> str:
        """Upload an image for a session of ``expiry_s`` seconds (at most an hour). Returns the session's id."""
        with source.open("rb") as file:
            document = await self._object(
                "PUT", "/session/", name="session.put", files={"files": (source.name, file)},
                params={"expiry": str(expiry_s), "uncompress": "false"},
            )  # fmt: skip
        return str(document.get("session_id", ""))

    async def delete_session(self, session_id: str) -> None:
        """End a session. Does nothing if it has ended already."""
        answer = await self._http.ask("DELETE", f"/session/{segment(session_id)}", name="session.delete")
        if answer.status != 404:
            check(answer)

    async def log_from(self, offset: int) -> LogChunk:
        """Read ``app.log`` from a byte offset to its end. A file shorter than ``offset`` sets ``restarted``."""
        answer = await self._http.ask(
            "GET", "/logs/", name="logs.range", limit=MAX_FILE,
            params={"lines": "0", "text": "true", "html": "false"}, headers={"Range": f"bytes={offset}-"},
        )  # fmt: skip
        return _chunk(answer, offset)


def _chunk(answer: Answer, offset: int) -> LogChunk:
    if answer.status == 416:  # nothing after the offset, or a new file after a rotation
        size = _length(answer.headers.get("content-range", ""))
        restarted = size is not None and size < offset
        return LogChunk(0 if restarted else offset, b"", offset if size is None else size, restarted)
    if answer.status == 404:
        return LogChunk(0, b"", 0, restarted=offset > 0)
    check(answer)
    if answer.status == 206:
        return LogChunk(offset, answer.content, offset + len(answer.content))
    size = len(answer.content)  # the server ignored the range and sent the whole file
    if size < offset:
        return LogChunk(0, answer.content, size, restarted=True)
    return LogChunk(offset, answer.content[offset:], size)


def _length(content_range: str) -> int | None:
    found = re.search(r"\*/(\d{1,18})", content_range)
    return int(found[1]) if found else None
