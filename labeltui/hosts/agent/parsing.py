"""Parses the agent's messages into values. A malformed message raises Failed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.server.server import OrphanTask
from labeltui.hosts.agent.messages import Chunk

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Orphan:
    pid: int
    pgid: int
    model: str
    started_ts: datetime | None = None
    folder: str = ""
    user: str = ""
    ours: bool = False
    task: str = "train"


@dataclass(frozen=True, slots=True)
class _Orphans:
    orphans: tuple[_Orphan, ...]


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def json_object(line: bytes) -> dict[str, Any] | None:
    """Parse one line; None if it is not a JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def parse(kind: type[T], message: object) -> T:
    """Parse a message into ``kind``; unknown fields are ignored.

    Raises Failed ``agent_garbled``.
    """
    try:
        value: T = _adapter(kind).validate_python(message)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
        raise garbled(f"a {kind.__name__} whose field {where} is wrong") from None
    return value


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def garbled(what: str) -> Failed:
    """Return Failed ``agent_garbled`` for a malformed message of the agent."""
    return Failed(
        Code.AGENT_GARBLED, f"The agent's answer can't be read: {what[:200]}.",
        "Connect again; if it happens again, check Python on the host.",
    )  # fmt: skip


def chunk_of(message: Mapping[str, Any]) -> Chunk:
    """Parse a chunk of a followed file. Raises Failed ``agent_garbled``."""
    return parse(Chunk, {**message, "data": bytes_of(message.get("data"))})


def bytes_of(text: object) -> bytes:
    """Decode base64. Raises Failed ``agent_garbled``."""
    try:
        return base64.b64decode(text if isinstance(text, str) else "?", validate=True)
    except ValueError:
        raise garbled("bytes that are not base64") from None


def failure_of(error: object) -> Failed:
    """Convert an error answer to Failed."""
    if not isinstance(error, dict):
        return garbled("a failure without a message")
    message, hint, detail = (str(error.get(name) or "") for name in ("message", "hint", "detail"))
    return Failed(Code.reported(error.get("code")), message, hint, detail)


def follow_error_of(message: Mapping[str, Any]) -> Failed:
    """Convert a ``follow.error`` event to Failed."""
    return Failed(
        Code.reported(message.get("code")),
        str(message.get("message")),
        "Check the path and its permissions.",
    )


def orphans_of(message: object) -> tuple[OrphanTask, ...]:
    """Parse the list of orphaned tasks. Raises Failed ``agent_garbled``."""
    return tuple(
        OrphanTask(one.pid, one.pgid, one.model, one.started_ts, one.folder, one.user, one.ours, one.task)
        for one in parse(_Orphans, message).orphans
    )
