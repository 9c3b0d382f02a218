"""Whether a pod's public web address answers to anybody: asked without a key, as a stranger would."""

from __future__ import annotations

import httpx

from labeltui.runpod.transport import is_here

DEADLINE_S = 6.0


async def answers(url: str, path: str = "/") -> int | None:
    """The status of a GET without credentials; None where nobody answers. Redirects are not followed."""
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
