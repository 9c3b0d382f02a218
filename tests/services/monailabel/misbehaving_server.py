"""A server over real sockets that answers from recordings, or misbehaves as the test defines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.paths import MONAILABEL


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Answer = bytes | Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def response(status: int, body: bytes = b"", kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nserver: uvicorn\r\ncontent-type: {kind}\r\n"
    head += f"content-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def answer(document: object, status: int = 200) -> bytes:
    return response(status, json.dumps(document).encode())


def recorded(name: str) -> bytes:
    recording = json.loads((MONAILABEL / f"{name}.response.json").read_text())
    body = recording["body"]
    if isinstance(body, dict) and "_text" in body:
        return response(recording["status"], body["_text"].encode(), "text/plain; charset=utf-8")
    return answer(body, recording["status"])


@dataclass
class Server:
    """``answers`` by "METHOD /path"; ``requests`` has the requests it received."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await self._read(reader):
                self.requests.append(request)
                self.arrived.set()
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    made = self.answers.get(
                        f"{request.method} {request.path}", response(404, b'{"detail":"Not Found"}')
                    )
                    if isinstance(made, bytes):
                        writer.write(made)
                        await writer.drain()
                    else:
                        await made(request, writer)
                finally:
                    self.in_flight -= 1
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, target, headers, body)
