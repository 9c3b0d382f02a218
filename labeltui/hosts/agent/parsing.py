"""From what the agent sends to the values that callers get."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import Gpu, HostMetrics
from labeltui.domain.problems import Failed
from labeltui.hosts.agent.messages import Chunk, Job, JobState


def json_object(line: bytes) -> dict[str, Any] | None:
    """The message of one line; None for what is no JSON object."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def job_of(told: Mapping[str, Any]) -> Job:
    """A job, as its events and answers tell it."""
    return Job(
        name=str(told["name"]),
        state=JobState(told["state"]),
        run_id=told.get("run_id"),
        pid=told.get("pid"),
        exit_code=told.get("exit_code"),
        log_path=told.get("log_path"),
        started_ts=told.get("started_ts"),
        ended_ts=told.get("ended_ts"),
        stopped_by_us=bool(told.get("stopped_by_us")),
        meta=told.get("meta"),
    )


def chunk_of(told: Mapping[str, Any]) -> Chunk:
    """Bytes of a followed file."""
    return Chunk(
        str(told["path"]),
        str(told["file_id"]),
        int(told["offset"]),
        base64.b64decode(told["data"]),
        bool(told["at_end"]),
        bool(told.get("torn")),
    )


def follow_error_of(told: Mapping[str, Any]) -> Failed:
    """Why a file can not be followed."""
    return Failed(
        Code.reported(told.get("code")), str(told.get("message")), "Check the path and its permissions."
    )


def metrics_of(told: Mapping[str, Any]) -> HostMetrics:
    """A sample of the load."""
    fields: dict[str, Any] = {
        name: told.get(name) for name in HostMetrics.__dataclass_fields__ if name != "gpus"
    }
    return HostMetrics(gpus=tuple(Gpu(**gpu) for gpu in told["gpus"]), **fields)
