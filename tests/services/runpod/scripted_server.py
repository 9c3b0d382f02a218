"""A server in place of RunPod's REST v2. It gives prepared answers over real sockets, and records the requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

CANARY = "rpa_CANARY0123456789abcdefCANARY"


@dataclass
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Reply = bytes | Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def raw(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def reply(document: object, status: int = 200, **headers: str) -> bytes:
    return raw(status, json.dumps(document).encode(), **headers)


def problem(status: int, detail: str, title: str = "Problem", **headers: str) -> bytes:
    body = json.dumps({"title": title, "status": status, "detail": detail}).encode()
    return raw(status, body, "application/problem+json", **headers)


def html(status: int) -> bytes:
    return raw(status, b"<html><body>\x1b[31merror code: 1010 cloudflare</body></html>", "text/html")


def pod(pod_id: str = "abc123", **fields: Any) -> dict[str, Any]:
    status = fields.get("status", "RUNNING")
    actions = ["stop", "restart", "terminate"] if status == "RUNNING" else ["start", "terminate"]
    made = {
        "id": pod_id,
        "name": "annot",
        "status": status,
        "actions": actions,
        "image": "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404",
        "args": "",
        "disk": 50,
        "mounts": {},
        "ports": ["22/tcp"],
        "env": {},
        "registry": None,
        "gpu": {"id": "NVIDIA RTX A5000", "count": 1},
        "cloud": "SECURE",
        "dataCenterId": "EU-RO-1",
        "cudaVersion": "12.8",
        "ssh": {"proxy": None, "direct": None},
        "template": None,
        "cost": 0.27 if status == "RUNNING" else 0.0,
        "locked": False,
        "globalNetworking": {"enabled": False},
        "runtime": None,
        "createdAt": "2026-11-23T08:00:00Z",
        "startedAt": "2026-11-23T08:02:00Z",
    }
    return made | fields


@dataclass
class Server:
    """``answers`` maps "METHOD /path" to one reply or to a list of replies, one for each request.

    The last reply of a list is repeated.
    """

    answers: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, what: str) -> int:
        return sum(f"{request.method} {request.path}" == what for request in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Asked(method, target, headers, body)
        self.asked.append(request)
        answer = self.answers.get(f"{method} {request.path}", problem(404, "no such route"))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            await answer(request, writer)
            return False
        writer.write(answer)
        await writer.drain()
        return True


async def hang(_request: Asked, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


def cut(whole: bytes, at: int) -> Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]:
    """Close the connection after a number of bytes."""

    async def send(_request: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(whole[:at])
        await writer.drain()

    return send


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server that listens on a port of its own."""
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()


class Clock:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)
