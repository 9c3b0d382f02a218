"""The checks before the API: RunPod's edge, keys and permissions, rate limits, network faults."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labeltui.sandbox.runpod.api.problems import problem, shaped
from labeltui.sandbox.runpod.world.world import Key, World

_WINDOWS = (("minute", 60), ("hour", 3600), ("day", 86400))
_READS = ("GET", "HEAD")


@dataclass(slots=True)
class Limits:
    """Requests allowed per window, and requests counted so far."""

    minute: int = 240
    hour: int = 7200
    day: int = 86400
    used: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    def count(self, now: datetime) -> tuple[dict[str, str], int | None, str]:
        """Count a request.

        Returns headers, the seconds to wait (None within the limits), and the exceeded window ("" if none).
        """
        rows, policy, wait, window = [], [], None, ""
        for name, length in _WINDOWS:
            quota = getattr(self, name)
            start, used = self.used.get(name, (now, 0))
            if (now - start).total_seconds() >= length:
                start, used = now, 0
            left = length - int((now - start).total_seconds())
            if used >= quota:
                wait, window = max(wait or 0, left), name
            self.used[name] = (start, min(used + 1, quota))
            rows.append(f'"{name}";r={max(quota - used - 1, 0)};t={left}')
            policy.append(f'"{name}";q={quota};w={length}')
        return {"RateLimit": ", ".join(rows), "RateLimit-Policy": ", ".join(policy)}, wait, window


class Gate:
    """ASGI middleware around the API. Requests to the control route bypass all checks."""

    def __init__(self, app: ASGIApp, world: World, limits: Limits) -> None:
        self._app = app
        self._world = world
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith("/_control/"):
            await self._app(scope, receive, send)
            return
        if await self._network_fault(scope, receive, send):
            return
        headers: dict[str, str] = {}
        early = self._refusal(scope, headers)
        if early is not None:
            early.headers.update(headers)
            await early(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
                message["headers"] = [*message.get("headers", []), *pairs]
            await send(message)

        await self._answer(scope, receive, with_headers, send)

    # ------------------------------------------------------------------ keys and limits
    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        headers_in = Headers(scope=scope)
        agent = headers_in.get("user-agent", "")
        if not agent or agent.startswith("Python-urllib"):
            return PlainTextResponse("error code: 1010", 403)
        scheme, _, token = headers_in.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return problem(401, "missing bearer token")
        key = self._world.keys.get(token.strip())
        if key is None:
            return problem(401, "invalid bearer token")
        found, wait, window = self._limits.count(self._world.now)
        headers.update(found)
        if wait is not None:
            answer = problem(429, f"rate limit exceeded for the {window} window")
            answer.headers["Retry-After"] = str(wait)
            return answer
        if not allowed(key, scope["method"], scope["path"]):
            return problem(403, "access denied")
        return None

    # ------------------------------------------------------------------ faults
    async def _network_fault(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Apply the armed network faults. Returns True if a fault has replaced the API's answer."""
        facts = {"method": scope["method"], "path": scope["path"]}
        faults = self._world.faults
        slow = faults.take("delay", **facts)
        if slow is not None:
            await asyncio.sleep(float(slow.get("seconds", 1.0)))
        if faults.take("cut", **facts) is not None:
            cut(send)
            return True
        fault = faults.take("hang", **facts)
        if fault is not None:
            if fault.get("done"):
                await self._swallow(scope, receive)
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
        if faults.take("garbage", **facts) is not None:
            await Response('{"pods": [{"id"', 200, media_type="application/json")(scope, receive, send)
            return True
        fault = faults.take("status", **facts)
        if fault is None:
            return False
        answer = shaped(
            int(fault.get("status", 500)), str(fault.get("shape", "problem")), str(fault.get("detail", ""))
        )
        if "retry_after" in fault:
            answer.headers["Retry-After"] = str(fault["retry_after"])
        await answer(scope, receive, send)
        return True

    async def _answer(self, scope: Scope, receive: Receive, send: Send, wire: Send) -> None:
        if self._world.faults.take("answer_lost", method=scope["method"], path=scope["path"]) is not None:
            await self._swallow(scope, receive)
            cut(wire)
            return
        await self._app(scope, receive, send)

    async def _swallow(self, scope: Scope, receive: Receive) -> None:
        """Carry out the request, but send no answer."""

        async def nowhere(message: Message) -> None:
            del message

        body = await Request(scope, receive).body()

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, nowhere)


def allowed(key: Key, method: str, path: str) -> bool:
    """Return True if a key permits a request. A pod's own key permits requests for this pod only."""
    if key.scope == "none":
        return False
    if key.pod is not None:
        return re.match(rf"/v2/pods/{re.escape(key.pod)}(/|$)", path) is not None
    return key.scope == "all" or path == "/graphql" or method in _READS


def cut(send: Send) -> None:
    """Abort the connection without an answer."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)  # uvicorn's
    if transport is None:
        raise ConnectionResetError("the connection is cut")
    transport.abort()
