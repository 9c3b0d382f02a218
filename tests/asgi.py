"""httpx transports that call an ASGI app in this process, with whole or streamed responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

END = None


class CutAsgi(httpx.ASGITransport):
    """Returns whole responses. A ConnectionResetError in the app becomes a RemoteProtocolError, as over a network."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.RemoteProtocolError("cut", request=request) from error


class StreamedAsgi(httpx.AsyncBaseTransport):
    """Streams responses from the app's own task. When the app raises, the connection is reset."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        sent: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        sent_body = False

        async def receive() -> dict[str, Any]:
            nonlocal sent_body
            if sent_body:
                await asyncio.Event().wait()  # the client stays until it is cancelled
            sent_body = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.put_nowait(message)

        task = asyncio.create_task(self._run(_scope(request), receive, send, sent))
        try:
            start = await sent.get()
        except BaseException:
            task.cancel()
            raise
        if start is END:
            raise httpx.RemoteProtocolError("cut", request=request)
        return httpx.Response(start["status"], headers=start["headers"], stream=_Body(sent, task))

    async def _run(self, scope: Any, receive: Any, send: Any, sent: asyncio.Queue[Any]) -> None:
        try:
            await self._app(scope, receive, send)
        except ConnectionResetError:
            pass
        finally:
            sent.put_nowait(END)


class _Body(httpx.AsyncByteStream):
    def __init__(self, sent: asyncio.Queue[dict[str, Any] | None], task: asyncio.Task[None]) -> None:
        self._sent, self._task = sent, task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._sent.get()
            if message is END:
                raise httpx.RemoteProtocolError("cut")
            yield message.get("body", b"")
            if not message.get("more_body"):
                return

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 1),
    }
