"""An account of RunPod in memory: the demo's emulator, called through its API within this process.

``world`` has pods, prices and balance. Tests can arm faults in it (``world.faults.arm("no_capacity")``). Its
pods have no containers. Its clock is the event loop's, so hours pass at once in virtual time. :meth:`run`
advances it during a test (:func:`tests.fakes.session.memory_session` starts that).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.graphql.graphql import GraphQL
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from labeltui.sandbox.runpod.api.app import build_app
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import START
from labeltui.sandbox.runpod.world.world import Key, World
from tests.asgi import StreamedAsgi
from tests.fakes.containers import FakeContainers

KEY = "rpa_CANARY0123456789abcdefCANARY"
URL = "https://api.runpod.io"
TICK_S = 0.5
ANSWER_S = 5.0
"""The deadline for an answer to the SDK. The transport ignores httpx's own."""


class LoopClock:
    """A clock that shows an event loop's time, counted from START. ``time`` returns the loop's seconds."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time, self._began = time, time()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._time() - self._began)


class InProcessSdk:
    """Sends queries to the emulator directly, without a process for RunPod's SDK."""

    def __init__(self, app: Any) -> None:
        self._http = httpx.AsyncClient(
            transport=StreamedAsgi(app), headers={"User-Agent": "sdk", "Authorization": f"Bearer {KEY}"}
        )

    async def query(self, query: str, what: str, _purpose: object = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._http.post(f"{URL}/graphql", json={"query": query})
            data = answer.json()["data"]
        except (httpx.HTTPError, TimeoutError, ValueError, KeyError):
            raise Unreachable(Code.RUNPOD_DROPPED, f"No answer to {what}.", "It is asked again.") from None
        return data if isinstance(data, dict) else {}

    async def close(self) -> None:
        await self._http.aclose()


class EmulatedAccount:
    """The account that the module's docstring describes. ``time`` is the loop's clock."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.clock = LoopClock(time)
        self.world = World(clock=self.clock, keys={KEY: Key()})
        self.containers = FakeContainers(self.world)
        self._app = build_app(self.world)

    def client(self, key: Secret, **_options: Any) -> RunpodClient:
        """Create a client, with the parameters of RunpodClient."""
        return RunpodClient(
            key,
            transport=Transport(key, URL, transport=StreamedAsgi(self._app), clock=self._time),
            graphql=GraphQL(key, URL, sdk=InProcessSdk(self._app)),  # type: ignore[arg-type]
            api="v2",
            now=self.clock.now,
            clock=self._time,
        )

    async def run(self) -> None:
        """Carry out the account's due steps as time passes, until cancelled."""
        while True:
            timeline.advance(self.world)
            await asyncio.sleep(TICK_S)
