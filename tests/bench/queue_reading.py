"""Read a list of studies and then one change: ``SOURCE COUNT FOLDER ANSWER``. SOURCE is file or api."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
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
from labeltui.hosts.agent.studies import StudiesPart
from labeltui.hosts.local import LocalChannel, LocalHost
from labeltui.monailabel import convert
from labeltui.session.alerts import Alerts
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Poller
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.listing import StudyListing
from tests.bench.cost import write_answer

LAG_EVERY_S = 0.002
PEOPLE = ("ana", "ben", "cem")
START = 1795453310


@dataclass
class Figures:
    """Milliseconds from the request until the store has the list, and from the written change until the store has it.

    ``stall_ms`` and ``change_stall_ms`` are the longest delays of the event loop meanwhile, ``ping_ms`` is the slowest
    of the agent's other answers while it reads.
    """

    first_s: float
    first_cpu_s: float
    stall_ms: float
    stall_cpu_ms: float
    change_s: float
    change_stall_ms: float
    ping_ms: float | None
    sent_kb: float


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


async def slowest_ping(agent: AgentClient, folder: Path) -> float:
    """Ping the agent while it reads all studies. Returns the longest time of an answer."""
    worst = 0.0
    async with agent.watch_studies(str(folder), "ping") as parts:
        reading = asyncio.create_task(whole(parts))
        while not reading.done():
            worst = max(worst, await agent.ping())
            await asyncio.sleep(10 * LAG_EVERY_S)
    return worst


async def whole(parts: AsyncIterator[StudiesPart]) -> None:
    """Wait until all studies have arrived."""
    async for part in parts:
        if part.last:
            return


@asynccontextmanager
async def running(*works: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(source: str, count: int, folder: Path) -> Figures:
    """Read all, then one change."""
    objects, file = stored(count), folder / "datastore_v2.json"
    file.write_text(written(objects))
    api = Api(json.dumps({"objects": objects}).encode())
    host = LocalHost()
    agent = await start_agent(host, str(folder / "agent"), sys.executable)
    counted = CountedChannel(agent)
    store, loop = Store(SessionState(Identity("bench"))), Loop()
    Alerts(store, lambda: datetime.now(UTC))

    async def ready() -> AgentClient:
        return agent

    async def process() -> int | None:
        return None

    def changed() -> None:
        poller.wake()

    listing = StudyListing(
        store, lambda: api, Annotators("bench", lambda: UTC), lambda: datetime.now(UTC), changed,  # type: ignore[arg-type, return-value]
        settings=ServerSection(), process=process, ready=ready,
    )  # fmt: skip
    poller: Poller[StudyQueue] = Poller(
        store.own(Fields.queue), listing.read, lambda: 60.0, lambda: datetime.now(UTC)
    )
    status = ServerStatus(ServerState.RUNNING, pid=1 if source == "file" else None, studies=str(folder))
    async with running(loop.watch(), listing.folder.run(agent)):
        await asyncio.sleep(0.1)
        loop.taken_ms()
        begun, cpu = time.perf_counter(), time.process_time()
        store.publish(replace(store.state, server=Reading(status, datetime.now(UTC))))
        async with running(poller.run()):
            await store.wait_for(lambda state: state.queue.value is not None, 60)
            first_s, first_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
            await asyncio.sleep(0.05)
            stall, sent = loop.taken_ms(), counted.sent
            await asyncio.sleep(3)  # the second read of a changed file
            objects["case_000001"]["labels"] = objects["case_000000"]["labels"]
            text = written(objects)
            api.answer = json.dumps({"objects": objects}).encode()
            await asyncio.sleep(10 * LAG_EVERY_S)
            loop.taken_ms()
            done = store.state.queue.value.completed  # type: ignore[union-attr]
            begun = time.perf_counter()
            if source == "file":
                await asyncio.to_thread(file.write_text, text)
                begun = time.perf_counter()
            else:
                poller.wake()
            await store.wait_for(
                lambda state: state.queue.value is not None and state.queue.value.completed != done, 60
            )
            change_s = time.perf_counter() - begun
            await asyncio.sleep(0.05)
            change_stall_ms = loop.taken_ms()[0]
    in_file = source == "file"
    slowest = await slowest_ping(agent, folder) if in_file else 0.0
    with suppress(Exception):
        await agent.close()
    await host.close()
    sent_kb = (sent if in_file else len(api.answer)) / 1000
    ping_ms = 1000 * slowest if in_file else None
    return Figures(first_s, first_cpu_s, *stall, change_s, change_stall_ms, ping_ms, sent_kb)


if __name__ == "__main__":
    figures = asyncio.run(measure(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
    write_answer(Path(sys.argv[4]), asdict(figures))
