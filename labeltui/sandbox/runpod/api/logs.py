"""A pod's logs as server-sent events: a backlog, then new lines until the client disconnects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from labeltui.sandbox.runpod.api.query import instant, whole, world_of
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.sandbox.runpod.world.pods import Line, PodLog
from labeltui.sandbox.runpod.world.requests import Invalid

KEEP_ALIVE_S = 15.0


async def logs(request: Request) -> Response:
    """Stream the log lines of one source, or of both sources."""
    world = world_of(request)
    pod = world.pod(request.path_params["id"])
    source = request.query_params.get("source")
    if source not in (None, "container", "system"):
        raise Invalid(["query.source: value must be one of 'container', 'system'"])
    after = _resume(request, pod.log, source)
    fault = world.faults.take("log_cut", pod=pod.id)
    most = int(fault.get("lines", 0)) if fault is not None else None
    return StreamingResponse(
        _events(pod.log, source, after, most),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


def _resume(request: Request, log: PodLog, source: str | None) -> int:
    """Return the number of the last line to skip: the stream starts after this line."""
    cursor, since = request.headers.get("last-event-id"), request.query_params.get("since")
    if cursor is not None:
        time, _, number = cursor.partition("/")
        if number.isdecimal():
            return int(number)
        at = instant(time, "header.Last-Event-ID")
        return sum(line.at <= at for line in log.lines)
    if since is not None:
        at = instant(since, "query.since")
        return sum(line.at < at for line in log.lines)
    tail = whole(request, "tail", 100, 0, 5000)
    wanted = [line.number for line in log.lines if source in (None, line.source)]
    return wanted[-tail] - 1 if 0 < tail <= len(wanted) else (len(log.lines) if tail == 0 else 0)


async def _events(log: PodLog, source: str | None, after: int, most: int | None) -> AsyncIterator[str]:
    changed = asyncio.Event()
    stop_listening = log.listen(changed.set)
    sent = 0
    try:
        while True:
            changed.clear()
            for line in log.lines[after:]:
                after = line.number
                if source not in (None, line.source):
                    continue
                if most is not None and sent >= most:
                    return
                sent += 1
                yield event(line)
            if log.ended:
                return
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": keep-alive\n\n"
    finally:
        stop_listening()


def event(line: Line) -> str:
    """Format a log line as a server-sent event."""
    data = {"ts": rfc3339(line.at), "source": line.source, "line": line.text}
    return f"id: {line.id}\ndata: {json.dumps(data)}\n\n"


ROUTES = [Route("/v2/pods/{id}/logs", logs)]
