"""REST v2 over HTTP: one deadline per request, limits obeyed, failures in words, the key in nothing but the header.

A GET that fails on the way is asked again, after a jittered wait. Nothing else is, but for a 429, which says
that the request was not carried out.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
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
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Unreachable
from labeltui.runpod.keys import Secret
from labeltui.runpod.limits import RateLimits, rate_limits, retry_after_s
from labeltui.runpod.problems import Doing, Reply, cleaned, of_reply, rate_limited, words_of

VARIABLE = "RUNPOD_API_BASE_URL"
OFFICIAL = "https://api.runpod.io"
DEADLINE_S = 20.0  # of one request, from the first byte sent to the last received
MAX_DOCUMENT = 32 * 2**20  # bytes
TRIES = 3  # of a GET; one that timed out is asked once more only, for it has taken long already
LONGEST_WAIT_S = 30.0  # a longer wait is told, not sat out
MAX_PAGES = 200

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``what`` names the request in words for messages."""

    what: str
    status: int
    headers: httpx.Headers
    content: bytes


class _Bearer(httpx.Auth):
    """Puts the key on the wire, so that no dict of headers in any frame holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def base_url(given: str | None = None) -> str:
    """RunPod's address without a path: ``given``, else the variable that the SDK reads too, else the official.

    Raises Misused for what is no address, and for plain http beyond this machine: the key would be readable.
    """
    text = (given or os.environ.get(VARIABLE) or OFFICIAL).strip().rstrip("/").removesuffix("/v2").rstrip("/")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise Misused(
            Code.RUNPOD_BAD_URL,
            f"{cleaned(text)!r} is not RunPod's address.",
            f"Unset {VARIABLE}, or correct it.",
        )
    if url.scheme == "http" and not is_here(url.host):
        raise Misused(
            Code.RUNPOD_BAD_URL,
            f"{cleaned(text)} is not encrypted: the API key could be read on the way.",
            f"Use https in {VARIABLE}; http is for this machine only.",
        )
    return text


def is_here(host: str) -> bool:
    """True for a name or address of this machine."""
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
        self.last_latency_s: float | None = None
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
            trust_env=not is_here(httpx.URL(self.base).host),  # a company's proxy, but never to this machine
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    def blocked_s(self) -> float:
        """Seconds for which RunPod wants to hear nothing more."""
        now = self._clock()
        return max(0.0, self._blocked_until - now, self.limits.wait_s(now) if self.limits else 0.0)

    async def get(self, path: str, what: str, **params: Any) -> Any:
        """The parsed answer to a GET. Raises LabeltuiError."""
        return self.parsed(await self.send("GET", path, what, params=params))

    async def pages(self, path: str, field: str, what: str, **params: Any) -> list[dict[str, Any]]:
        """The entries under ``field`` of all pages. A page may be short, or empty, and not be the last."""
        entries: list[dict[str, Any]] = []
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            document = await self.get(path, what, **params)
            listed = document.get(field) if isinstance(document, dict) else None
            if not isinstance(listed, list):
                raise self.odd(what, f"has no list of {field}")
            entries.extend(entry for entry in listed if isinstance(entry, dict))
            more = document.get("pagination")
            cursor = more.get("nextCursor") if isinstance(more, dict) else None
            if not isinstance(more, dict) or more.get("hasNextPage") is not True or not cursor:
                return entries
            if str(cursor) in seen:
                break
            seen.add(str(cursor))
            params = {**params, "cursor": str(cursor)}
        raise self.odd(what, "never comes to its last page")

    async def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        doing: Doing = Doing.READ,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send, and read the whole answer; raises what an answer other than success means."""
        tries = TRIES if method == "GET" else 1
        waited = 0
        while True:
            tries -= 1
            try:
                return await self._once(method, path, what, doing, params, body)
            except LabeltuiError as error:
                wait = self._wait_after(error, tries, waited)
                if wait is None:
                    raise
                waited += 1
            await self.sleep(wait)

    def _wait_after(self, error: LabeltuiError, tries: int, waited: int) -> float | None:
        """Seconds until the request may be sent again; None when it may not."""
        code = error.problem.code
        if code == Code.RUNPOD_RATE_LIMITED:
            wait = max(1.0, self._blocked_until - self._clock())
            return wait + random.uniform(0, 0.5) if waited < TRIES and wait <= LONGEST_WAIT_S else None  # noqa: S311
        if code == Code.RUNPOD_TIMEOUT:
            tries = min(tries, 1 - waited)
        if tries > 0 and (isinstance(error, Unreachable) or code == Code.RUNPOD_SERVER_ERROR):
            return random.uniform(0.25, 0.75) * 2.0**waited  # noqa: S311
        return None

    async def _once(
        self,
        method: str,
        path: str,
        what: str,
        doing: Doing,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        self._refuse_while_blocked()
        started = self._clock()
        async with self.opened(method, path, what, params=params, body=body) as response:
            content = await self._read(response, what)
        self.last_latency_s = self._clock() - started
        answer = Answer(what, response.status_code, response.headers, content)
        if not 200 <= answer.status < 300:
            raise self.problem(answer, doing)
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
                raise self.odd(what, f"is larger than {MAX_DOCUMENT >> 20} MiB")
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
        """The answer while it arrives: within the deadline, or (``quiet_s``) for as long as it is not silent.

        ``path`` must be made of parts that were quoted. Raises Unreachable, or Failed for a broken body.
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
            raise self.odd(what, "has a body that can not be decoded") from None
        except httpx.TransportError as error:
            raise self._unreachable(what, error) from None

    def problem(self, answer: Answer, doing: Doing = Doing.READ) -> LabeltuiError:
        """What an answer other than success means, without the key, should RunPod have quoted it."""
        words, is_json = words_of(answer.content)
        after = retry_after_s(answer.headers)
        if answer.status == 429:
            own = self.limits.wait_s(self._clock()) if self.limits else 0.0
            after = after if after is not None else own or 5.0
            self._blocked_until = self._clock() + after
        body = "" if is_json else cleaned(answer.content[:1000].decode("utf-8", "replace"))
        reply = Reply(
            answer.what, answer.status, doing, self._key.scrub(words), is_json, after, self._key.scrub(body)
        )
        return of_reply(reply)

    def parsed(self, answer: Answer) -> Any:
        """The JSON of an answer, its fractions as decimals: they are money. Raises Failed."""
        try:
            return json.loads(answer.content, parse_float=Decimal, parse_constant=lambda _: None)
        except (ValueError, RecursionError, ArithmeticError):
            raise self.odd(
                answer.what, "is not JSON", cleaned(answer.content[:1000].decode("utf-8", "replace"))
            ) from None

    def odd(self, what: str, how: str, detail: str = "") -> LabeltuiError:
        """An answer that can not be used; ``how`` goes on from "it"."""
        return Failed(
            Code.RUNPOD_ANSWER,
            f"RunPod's answer to {what} can not be used: it {how}.",
            "Check RUNPOD_API_BASE_URL, and that nothing stands in between; or update labeltui.",
            self._key.scrub(detail),
        )

    def _timed_out(self, what: str, error: Exception) -> LabeltuiError:
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return self._unreachable(what, error)
        return Unreachable(
            Code.RUNPOD_TIMEOUT,
            f"RunPod has not answered {what} within {self._deadline_s:.0f} s.",
            "It may be slow, or the connection gone; it is asked again.",
            type(error).__name__,
        )

    def _unreachable(self, what: str, error: Exception) -> LabeltuiError:
        # Only a connection that was never made is sure not to have carried the request.
        detail = self._key.scrub(f"{type(error).__name__}: {cleaned(str(error))}")
        if isinstance(
            error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
        ):
            return Unreachable(
                Code.RUNPOD_UNREACHABLE,
                f"RunPod can not be reached at {self.base}.",
                "Check this machine's network; pods go on running, and costing, meanwhile.",
                detail,
            )
        return Unreachable(
            Code.RUNPOD_DROPPED,
            f"The connection to RunPod broke before its answer to {what} was whole.",
            "It is asked again; check the network if it stays.",
            detail,
        )
