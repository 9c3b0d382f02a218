"""A folder of studies on this machine, and all of labeltui that lists it: agent, mirror and store."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labeltui.config.model import ServerSection
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.study import StudyQueue
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.local import LocalChannel, LocalHost
from labeltui.monailabel import convert
from labeltui.session.alerts import Alerts
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Poller
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.listing import StudyListing

LAG_EVERY_S = 0.002
PEOPLE = ("ana", "ben", "cem")
START = 1795453310
FILE = "datastore_v2.json"


def stored(count: int) -> dict[str, Any]:
    """The datastore's objects in random order. A third of the studies was fetched, a fifth has a final label."""
    dice, objects = random.Random(1), {}
    numbers = list(range(count))
    dice.shuffle(numbers)
    for number in numbers:
        name, person, at = f"case_{number:06}", dice.choice(PEOPLE), START + dice.randrange(100 * 86_400)
        info: dict[str, Any] = {"ts": START, "name": f"{name}.nii.gz"}
        labels = {}
        if number % 3 == 0:
            info["strategy"] = {"random": {"ts": at, "client_id": person}}
        if number % 5 == 0:
            label = {
                "label_info": [{"name": "spleen", "idx": 1}],
                "client_id": person,
                "ts": at + 600,
                "name": info["name"],
            }
            labels["final"] = {"ext": ".nii.gz", "info": label}
        objects[name] = {"image": {"ext": ".nii.gz", "info": info}, "labels": labels}
    return objects


def written(objects: dict[str, Any]) -> str:
    """The text of the file, as MONAI Label writes it."""
    head = {"name": "new-dataset", "description": "New Dataset", "images_dir": ".", "labels_dir": "labels"}
    return json.dumps({**head, "objects": objects}, indent=2)


class Loop:
    """Measures how late the event loop is, and how much CPU its thread used meanwhile.

    On a busy machine, most of a delay may be that other processes ran.
    """

    def __init__(self) -> None:
        self.worst = (0.0, 0.0)

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due, cpu = time.perf_counter() + LAG_EVERY_S, time.thread_time()
            await asyncio.sleep(LAG_EVERY_S)
            self.worst = max(self.worst, (time.perf_counter() - due, time.thread_time() - cpu))

    def taken_ms(self) -> tuple[float, float]:
        """Return the longest delay since the last call, and its CPU time."""
        worst, self.worst = self.worst, (0.0, 0.0)
        return 1000 * worst[0], 1000 * worst[1]


class Api:
    """The server's API with prepared answers. Parsing and converting them is labeltui's work, and so is measured."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    async def studies(self, *, dicomweb: bool = False) -> StudyQueue:
        """Return the studies as the client does."""
        document = json.loads(self.answer)
        return await asyncio.to_thread(convert.study_queue, document, dicomweb=dicomweb)


class CountedChannel:
    """Counts the bytes that the agent sends."""

    def __init__(self, agent: AgentClient) -> None:
        channel = agent._channel
        assert isinstance(channel, LocalChannel)
        self.sent, read = 0, channel.read

        async def counted(limit: int = 65536) -> bytes:
            data = await read(limit)
            self.sent += len(data)
            return data

        channel.read = counted  # type: ignore[method-assign]


@asynccontextmanager
async def running(*works: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Listed:
    """The listing of one folder, which begins when :meth:`ask` is called."""

    folder: Path
    objects: dict[str, Any]
    api: Api
    agent: AgentClient
    channel: CountedChannel
    store: Store
    poller: Poller[StudyQueue]

    def ask(self, *, in_file: bool = True) -> None:
        """Let a server appear: one of ours, whose file the agent reads, or another, which is asked through its API."""
        status = ServerStatus(ServerState.RUNNING, pid=1 if in_file else None, studies=str(self.folder))
        self.store.publish(replace(self.store.state, server=Reading(status, datetime.now(UTC))))

    async def listed(self, *, other_than: int | None = None) -> None:
        """Wait for the list, or for one with another number of final labels."""
        await self.store.wait_for(
            lambda state: state.queue.value is not None and state.queue.value.completed != other_than, 120
        )


@asynccontextmanager
async def listing(count: int, folder: Path) -> AsyncIterator[Listed]:
    """Write the file of ``count`` studies, and start all that lists them."""
    objects = stored(count)
    (folder / FILE).write_text(written(objects))
    api, host = Api(json.dumps({"objects": objects}).encode()), LocalHost()
    agent = await start_agent(host, str(folder / "agent"), sys.executable)
    store = Store(SessionState(Identity("bench")))
    Alerts(store, lambda: datetime.now(UTC))

    async def ready() -> AgentClient:
        return agent

    async def process() -> int | None:
        return None

    def changed() -> None:
        poller.wake()

    listed = StudyListing(
        store, lambda: api, Annotators("bench", lambda: UTC), lambda: datetime.now(UTC), changed,  # type: ignore[arg-type, return-value]
        settings=ServerSection(), process=process, ready=ready,
    )  # fmt: skip
    poller: Poller[StudyQueue] = Poller(
        store.own(Fields.queue), listed.read, lambda: 60.0, lambda: datetime.now(UTC)
    )
    channel = CountedChannel(agent)
    try:
        async with running(listed.folder.run(agent)):
            yield Listed(folder, objects, api, agent, channel, store, poller)
    finally:
        with suppress(Exception):
            await agent.close()
        await host.close()
