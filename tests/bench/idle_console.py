"""The console over the demo's pod; it idles for ``SECONDS`` and writes its cost to ``ANSWER``."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from tests.bench.cost import Cost, Start, write_answer

READY_WITHIN_S = 60.0
SETTLE_S = 5.0
TASK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def ready(state: SessionState) -> bool:
    """Whether the server runs and its queue has been read."""
    server = state.server.value
    return server is not None and server.state is ServerState.RUNNING and state.queue.value is not None


async def measure(console: Console, seconds: float, answer: Path) -> None:
    import httpx

    counts: Counter[str] = Counter()
    send = httpx.AsyncClient.send

    async def counted(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        counts[f"{request.method} {TASK_ID.sub('ID', request.url.path)}"] += 1
        return await send(self, request, **options)

    httpx.AsyncClient.send = counted  # type: ignore[method-assign]
    async with asyncio.timeout(READY_WITHIN_S):
        while console.session is None or not ready(console.session.store.state):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_S)
    counts.clear()
    start = Start()
    await asyncio.sleep(seconds)
    Cost.since(start, dict(counts)).write(answer)


def write_timeout(console: Console, answer: Path) -> None:
    state = None if console.session is None else console.session.store.state
    text = f"the demo was not ready within {READY_WITHIN_S:.0f} s: {state}"
    write_answer(answer, {"error": text})


async def main(seconds: float, answer: Path) -> None:
    console = Console(Launch(demo="quiet"))

    async def watch() -> None:
        try:
            await measure(console, seconds, answer)
        except TimeoutError:
            write_timeout(console, answer)
        finally:
            console.exit()

    watching = asyncio.create_task(watch())
    await console.run_async()
    await watching


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), Path(sys.argv[2])))
