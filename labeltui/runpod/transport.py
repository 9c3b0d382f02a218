"""Send REST v2 requests over HTTP, with a deadline and rate limits. Failures are raised as LabeltuiError.

The key is sent only in a header. A failed GET is repeated after a jittered pause. Other requests are repeated
only after a 429, which means that RunPod did not carry out the request.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

import httpx

from labeltui import __version__
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused, Unreachable
from labeltui.runpod.keys import Secret
from labeltui.runpod.limits import RateLimits, rate_limits, retry_after_s
from labeltui.runpod.problems import (
    dropped,
    rate_limited,
    timed_out,
    unreachable,
    unusable,
)
from labeltui.runpod.replies import Purpose, Reply, cleaned, error_text, failure_of_reply
from labeltui.support.backoff import backoff_s, jittered

VARIABLE = "RUNPOD_API_BASE_URL"
OFFICIAL = "https://api.runpod.io"
DEADLINE_S = 20.0  # for one request, from the first byte sent to the last byte received
MAX_DOCUMENT = 32 * 2**20  # bytes
TRIES = 3  # attempts for a GET; only two after a timeout, which already took long
LONGEST_WAIT_S = 30.0  # raise a failure instead of waiting longer
MAX_PAGES = 200

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. ``what`` describes the request in messages, as in "the list of pods"."""

    what: str
    status: int
    headers: httpx.Headers
    content: bytes


class _Bearer(httpx.Auth):
    """Adds the key to each request, so that no dict of headers in a stack frame contains the key."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def base_url(given: str | None = None) -> str:
    """Return RunPod's address without a path: ``given``, the SDK's environment variable, or the official address.

    Raises Misused for a malformed address, or for plain http to another machine, which would expose the key.
    """
    text = (given or os.environ.get(VARIABLE) or OFFICIAL).strip().rstrip("/").removesuffix("/v2").rstrip("/")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise Misused(
            Code.RUNPOD_BAD_URL,
            f"{cleaned(text)!r} is not a web address.",
            f"Unset or correct {VARIABLE}.",
        )
    if url.scheme == "http" and not is_here(url.host):
        raise Misused(
            Code.RUNPOD_BAD_URL,
            f"{cleaned(text)} is not encrypted: others could read the API key on the network.",
            f"Use https in {VARIABLE}; http is allowed for this machine only.",
        )
    return text


def is_here(host: str) -> bool:
    """True for ``localhost`` and loopback addresses."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Transport:
    """Requests to REST v2; used by :class:`~labeltui.runpod.client.RunpodClient`."""

    def __init__(
        self,
        key: Secret,
        base: str | None = None,
        *,
        team: str | None = None,
        deadline_s: float = DEADLINE_S,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base = base_url(base)
        self.limits: RateLimits | None = None
        self.sleep = sleep
        self._key = key
        self._deadline_s = deadline_s
        self._clock = clock
        self._blocked_until = 0.0
        headers = {"Accept": "application/json", "User-Agent": f"labeltui/{__version__}"}
        if team:
            headers["X-Team-Id"] = team
        self._client = httpx.AsyncClient(
            base_url=f"{self.base}/v2/",
            auth=_Bearer(key),
            headers=headers,
            transport=transport,
            timeout=httpx.Timeout(deadline_s, connect=min(10.0, deadline_s)),
            trust_env=not is_here(
                httpx.URL(self.base).host
            ),  # use a proxy from the environment, except for this machine
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def blocked_s(self) -> float:
        """Return the seconds until RunPod accepts requests again; 0 if RunPod accepts them now."""
        now = self._clock()
        return max(0.0, self._blocked_until - now, self.limits.wait_s(now) if self.limits else 0.0)

    async def get(self, path: str, what: str, **params: Any) -> Any:
        """GET and parse a JSON document. Raises LabeltuiError."""
        return self.parsed(await self.send("GET", path, what, params=params))

    async def pages(self, path: str, field: str, what: str, **params: Any) -> list[dict[str, Any]]:
        """Fetch all pages and return the entries under ``field``. Continue after short and empty pages."""
        entries: list[dict[str, Any]] = []
        cursors: set[str] = set()
        for _ in range(MAX_PAGES):
            document = await self.get(path, what, **params)
            listed = document.get(field) if isinstance(document, dict) else None
            if not isinstance(listed, list):
                raise self.unusable(what, f"it has no list of {field}")
            entries.extend(entry for entry in listed if isinstance(entry, dict))
            more = document.get("pagination")
            cursor = more.get("nextCursor") if isinstance(more, dict) else None
            if not isinstance(more, dict) or more.get("hasNextPage") is not True or not cursor:
                return entries
            if str(cursor) in cursors:
                break
            cursors.add(str(cursor))
            params = {**params, "cursor": str(cursor)}
        raise self.unusable(what, "RunPod sends more and more pages")

    async def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        purpose: Purpose = Purpose.READ,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer. Raises LabeltuiError for any status other than success."""
        tries = TRIES if method == "GET" else 1
        waited = 0
        while True:
            tries -= 1
            try:
                return await self._once(method, path, what, purpose, params, body)
            except LabeltuiError as error:
                wait = self._wait_after(error, tries, waited)
                if wait is None:
                    raise
                waited += 1
            await self.sleep(wait)

    def _wait_after(self, error: LabeltuiError, tries: int, waited: int) -> float | None:
        """Return the seconds to wait before a retry; None if the request must not be retried."""
        code = error.problem.code
        if code == Code.RUNPOD_RATE_LIMITED:
            wait = max(1.0, self._blocked_until - self._clock())
            return wait + jittered(0.5, (0, 1)) if waited < TRIES and wait <= LONGEST_WAIT_S else None
        if code == Code.RUNPOD_TIMEOUT:
            tries = min(tries, 1 - waited)
        if tries > 0 and (isinstance(error, Unreachable) or code == Code.RUNPOD_SERVER_ERROR):
            return backoff_s(waited + 1, 0.5, spread=(0.5, 1.5))
        return None

    async def _once(
        self,
        method: str,
        path: str,
        what: str,
        purpose: Purpose,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        self._refuse_while_blocked()
        async with self.opened(method, path, what, params=params, body=body) as response:
            content = await self._read(response, what)
        answer = Answer(what, response.status_code, response.headers, content)
        if not 200 <= answer.status < 300:
            raise self.problem(answer, purpose)
        return answer

    def _refuse_while_blocked(self) -> None:
        left = self.blocked_s()
        if left > 0:
            self._blocked_until = self._clock() + left
            raise rate_limited(left)

    async def _read(self, response: httpx.Response, what: str) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_DOCUMENT:
                raise self.unusable(what, f"it is larger than {MAX_DOCUMENT >> 20} MiB")
        return bytes(content)

    @asynccontextmanager
    async def opened(
        self,
        method: str,
        path: str,
        what: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        quiet_s: float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Yield the response before its body is read.

        The deadline covers the whole request. With ``quiet_s`` there is no deadline, only a limit on each silence, in
        seconds. Each part of ``path`` must be quoted. Raises Unreachable, or Failed for a body that
        cannot be decoded.
        """
        timeout = httpx.USE_CLIENT_DEFAULT if quiet_s is None else httpx.Timeout(quiet_s, connect=10.0)
        try:
            async with (
                asyncio.timeout(self._deadline_s if quiet_s is None else None),
                self._client.stream(
                    method,
                    path,
                    params=dict(params or {}),
                    json=body,
                    headers=dict(headers or {}),
                    timeout=timeout,
                ) as response,
            ):
                self.limits = rate_limits(response.headers, self._clock()) or self.limits
                yield response
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self._timed_out(what, error) from None
        except httpx.DecodingError:
            raise self.unusable(what, "its body cannot be decoded") from None
        except httpx.TransportError as error:
            raise self._unreachable(what, error) from None

    def problem(self, answer: Answer, purpose: Purpose = Purpose.READ) -> LabeltuiError:
        """Make the failure for an answer. The key is masked, in case RunPod quoted the key."""
        text, is_json = error_text(answer.content)
        after = retry_after_s(answer.headers)
        if answer.status == 429:
            own = self.limits.wait_s(self._clock()) if self.limits else 0.0
            after = after if after is not None else own or 5.0
            self._blocked_until = self._clock() + after
        body = "" if is_json else cleaned(answer.content[:1000].decode("utf-8", "replace"))
        reply = Reply(
            answer.what, answer.status, purpose, self._key.scrub(text), is_json, after, self._key.scrub(body)
        )
        return failure_of_reply(reply)

    def parsed(self, answer: Answer) -> Any:
        """Parse an answer's JSON. Fractions are money, so they become Decimal. Raises Failed."""
        try:
            return json.loads(answer.content, parse_float=Decimal, parse_constant=lambda _: None)
        except (ValueError, RecursionError, ArithmeticError):
            raise self.unusable(
                answer.what, "it is not JSON", cleaned(answer.content[:1000].decode("utf-8", "replace"))
            ) from None

    def unusable(self, what: str, why: str, detail: str = "") -> LabeltuiError:
        """Make the failure for a malformed answer, with the key masked."""
        return unusable(what, why, self._key.scrub(detail))

    def _timed_out(self, what: str, error: Exception) -> LabeltuiError:
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return self._unreachable(what, error)
        return timed_out(what, self._deadline_s, type(error).__name__)

    def _unreachable(self, what: str, error: Exception) -> LabeltuiError:
        # RunPod surely did not receive the request only if no connection was made.
        detail = self._key.scrub(f"{type(error).__name__}: {cleaned(str(error))}")
        if isinstance(
            error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
        ):
            return unreachable(self.base, detail)
        return dropped(what, detail)
