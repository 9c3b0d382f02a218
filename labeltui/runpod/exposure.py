"""Check whether a pod's public web address answers requests that carry no credentials."""

from __future__ import annotations

import httpx

from labeltui.runpod.transport import is_here

DEADLINE_S = 6.0


async def answers(url: str, path: str = "/") -> int | None:
    """GET the address without credentials or redirects. Returns the HTTP status, or None if nothing answers."""
    try:
        async with (
            httpx.AsyncClient(
                timeout=DEADLINE_S, follow_redirects=False, trust_env=not is_here(httpx.URL(url).host)
            ) as client,
            client.stream("GET", url.rstrip("/") + path) as response,
        ):
            return response.status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
