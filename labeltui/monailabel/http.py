"""HTTP requests to a MONAI Label server, with deadlines, one request per endpoint at a time, and typed errors.

The server does all its work on one event loop, so a running inference delays every answer. A timeout therefore means
"busy" (``Failed`` with code ``server_busy``); only a failed connection means "gone" (``Unreachable``).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Refused, Unreachable
from labeltui.support.atomic import replacing

MAX_DOCUMENT = 256 * 2**20  # bytes; a datastore of a million studies needs half of this
OFF_THREAD_ABOVE = 256 * 2**10  # bytes of JSON whose parsing would noticeably block the event loop
SHOWN = 300  # characters of an unexpected answer
NO_LOGIN = "labeltui does not support servers with a login. Start the server without MONAI_LABEL_AUTH_ENABLE."


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. ``what`` is the name of the request in messages."""

    what: str
    status: int
    headers: httpx.Headers
    content: bytes


class Http:
    """Requests to one server, for :class:`~labeltui.monailabel.client.MonaiLabelClient`."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        read_timeout: float = 75.0,
        connect_timeout: float = 5.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._read_timeout = read_timeout
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._client = httpx.AsyncClient(
            base_url=_address(self.base_url),
            transport=transport,
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
            # The server closes a connection without notice after each 500 and after 5 idle seconds. A POST sent
            # meanwhile would be lost, so no connection is reused.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"Accept": "*/*", "User-Agent": "labeltui"},
            trust_env=False,  # the tunnel leads to the server; a proxy from the environment would not
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def json(self, method: str, path: str, *, none_on_404: bool = False, **options: Any) -> Any:
        """Request and parse a JSON document. With ``none_on_404``, a 404 returns None instead of raising."""
        answer = await self.ask(method, path, **options)
        if none_on_404 and answer.status == 404:
            return None
        check(answer)
        return await parsed(answer)

    async def ask(
        self, method: str, path: str, *, name: str = "", limit: int | None = None, **options: Any
    ) -> Answer:
        """Send a request and read the whole answer, whatever its status.

        Args:
            name: Requests with the same name wait for each other. By default the method and path.
            limit: The largest accepted body in bytes.

        Raises:
            Unreachable: The connection failed.
            Failed: The answer took too long (``server_busy``) or is too large (``server_answer``).
        """
        what = f"{method} {path}"
        most = MAX_DOCUMENT if limit is None else limit
        async with self._locks[name or what]:
            async with self._deadline(what), self._sent(method, path, what, options) as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        raise _unusable(what, f"is larger than {most >> 20} MiB")
            return Answer(what, response.status_code, response.headers, bytes(content))

    async def save(self, path: str, target: Path, **options: Any) -> int:
        """Stream a file to ``target`` and return its size in bytes. An interrupted download leaves it unchanged."""
        what = f"GET {path}"
        async with self._sent("GET", path, what, options) as response:
            if response.status_code != 200:
                await response.aread()
                check(Answer(what, response.status_code, response.headers, response.content))
            size = 0
            with replacing(target, mode=None) as out:
                async for chunk in response.aiter_bytes():
                    size += await asyncio.to_thread(out.write, chunk)
        return size

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        # The read timeout restarts with each byte; this deadline catches a server that sends very slowly.
        try:
            async with asyncio.timeout(2 * self._read_timeout):
                yield
        except TimeoutError as error:
            raise _busy(what, 2 * self._read_timeout) from error

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, what: str, options: Mapping[str, Any]
    ) -> AsyncIterator[httpx.Response]:
        try:
            async with self._client.stream(method, path, **options) as response:
                yield response
        except httpx.ConnectTimeout as error:
            raise self._unreachable("did not answer in time", error) from error
        except httpx.TimeoutException as error:
            raise _busy(what, self._read_timeout) from error
        except httpx.DecodingError as error:
            raise _unusable(what, "sent a body that cannot be decoded", str(error)) from error
        except httpx.TransportError as error:
            raise self._unreachable(_why(error), error) from error
        except httpx.InvalidURL as error:
            raise Misused(Code.BAD_URL, f"{path!r} is not a valid path: {error}.") from error

    def _unreachable(self, why: str, error: Exception) -> LabeltuiError:
        return Unreachable(
            Code.SERVER_UNREACHABLE,
            f"The server at {self.base_url} {why}.",
            "Check with `labeltui server status` whether the server runs and the tunnel is up.",
            f"{type(error).__name__}: {error}",
        )


def _address(text: str) -> httpx.URL:
    """Parse a server's address. Raises Misused ``bad_url``."""
    try:
        url = httpx.URL(text)
        if url.scheme in ("http", "https") and url.host and (url.port or 0) <= 65535:
            return url
    except (httpx.InvalidURL, ValueError):
        pass
    raise Misused(Code.BAD_URL, f"{text!r} is not the address of a server.", "Give http://HOST:PORT.")


def _why(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached"
    if isinstance(error, httpx.RemoteProtocolError):
        return "closed the connection in the middle of its answer"
    return "dropped the connection"


def _busy(what: str, seconds: float) -> Failed:
    return Failed(
        Code.SERVER_BUSY,
        f"The server did not answer {what} within {seconds:.0f} s.",
        "The server can't answer while it runs an inference or waits for DICOMweb. Try again afterwards.",
    )


def _unusable(what: str, how: str, detail: str = "") -> Failed:
    return Failed(
        Code.SERVER_ANSWER,
        f"The server's answer to {what} cannot be used: it {how}.",
        "Check that this is the address of a MONAI Label server, and that there is no proxy in between.",
        detail,
    )


async def parsed(answer: Answer) -> Any:
    """Parse the JSON of an answer, in a thread if it is large. Raises Failed ``server_answer``."""
    if len(answer.content) <= OFF_THREAD_ABOVE:
        return _parse(answer)
    return await asyncio.to_thread(_parse, answer)


def _parse(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise _unusable(answer.what, "is not JSON", _shown(answer.content)) from error


def check(answer: Answer) -> None:
    """Raise the error for an answer's HTTP status. Does nothing for 200, 201, 204 and 206."""
    if answer.status in (200, 201, 204, 206):
        return
    detail = _detail(answer.content)
    tried = f"The server refused {answer.what}"
    if answer.status == 401:
        raise Refused(Code.LOGIN_NEEDED, f"{tried}: it requires a login.", NO_LOGIN, detail)
    if answer.status == 403:
        raise Refused(Code.NOT_ALLOWED, f"{tried}: {detail or 'not allowed'}.", NO_LOGIN)
    if answer.status == 404:
        raise Failed(
            Code.NOT_FOUND,
            f"{answer.what}: {detail or 'not found'}.",
            "The object may have been deleted in the meantime.",
        )
    if answer.status == 422:
        raise Failed(
            Code.BAD_REQUEST, f"{tried}: {detail or 'the request is not valid'}.", "Check the parameters."
        )
    if answer.status == 429:
        raise Failed(
            Code.ALREADY_RUNNING,
            f"{tried}: {detail or 'it is busy'}.",
            "Stop the running task, or wait until it ends.",
        )
    if answer.status == 500:
        raise Failed(
            Code.SERVER_ERROR,
            f"The server failed while it answered {answer.what}.",
            "The traceback is in the server's log.",
            detail,
        )
    raise _unusable(answer.what, f"has status {answer.status}", detail)


def _detail(content: bytes) -> str:
    """The error message in a body, on one line. FastAPI puts it under ``detail``."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _shown(content)
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, str):
        return detail.strip(" .+")[:SHOWN]
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        where = detail[0].get("loc")
        path = ".".join(str(part) for part in where) if isinstance(where, list) else ""
        return f"{path}: {detail[0].get('msg', '')}"[:SHOWN]
    return _shown(content)


def _shown(content: bytes) -> str:
    """The start of an unexpected body, without control characters."""
    text = content[:SHOWN].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()
