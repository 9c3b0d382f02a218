"""Read a list of studies and then one change: ``SOURCE COUNT FOLDER ANSWER``. SOURCE is file or api."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.studies import StudiesPart
from tests.bench.cost import write_answer
from tests.bench.queue_host import FILE, LAG_EVERY_S, Listed, Loop, listing, running, written

CONFIRMED_S = 3.0
"""Until the agent has read a changed file for the second time."""


@dataclass
class Figures:
    """Times from the request until the store has the list, and from the written change until the store has it.

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


async def first(listed: Listed, loop: Loop, *, in_file: bool) -> tuple[float, float, float, float]:
    """Read all. Returns the seconds, those of this process's CPU, and the loop's worst delay and its CPU, in ms."""
    loop.taken_ms()
    begun, cpu = time.perf_counter(), time.process_time()
    listed.ask(in_file=in_file)
    await listed.listed()
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    await asyncio.sleep(0.05)
    return seconds, cpu_s, *loop.taken_ms()


async def change(listed: Listed, loop: Loop, *, in_file: bool) -> tuple[float, float]:
    """Add one label. Returns the seconds from the written file to the store, and the loop's worst delay in ms."""
    listed.objects["case_000001"]["labels"] = listed.objects["case_000000"]["labels"]
    text = written(listed.objects)
    listed.api.answer = json.dumps({"objects": listed.objects}).encode()
    queue = listed.store.state.queue.value
    await asyncio.sleep(10 * LAG_EVERY_S)
    loop.taken_ms()
    if in_file:
        await asyncio.to_thread((listed.folder / FILE).write_text, text)
    begun = time.perf_counter()
    if not in_file:
        listed.poller.wake()
    await listed.listed(other_than=queue.completed if queue is not None else None)
    seconds = time.perf_counter() - begun
    await asyncio.sleep(0.05)
    return seconds, loop.taken_ms()[0]


async def measure(source: str, count: int, folder: Path) -> Figures:
    """Read all, then one change."""
    in_file, loop = source == "file", Loop()
    async with listing(count, folder) as listed:
        async with running(loop.watch(), listed.poller.run()):
            await asyncio.sleep(0.1)
            figures = await first(listed, loop, in_file=in_file)
            sent = listed.channel.sent if in_file else len(listed.api.answer)
            await asyncio.sleep(CONFIRMED_S)
            changed = await change(listed, loop, in_file=in_file)
        ping_ms = 1000 * await slowest_ping(listed.agent, folder) if in_file else None
    return Figures(*figures, *changed, ping_ms, sent / 1000)


if __name__ == "__main__":
    figures = asyncio.run(measure(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
    write_answer(Path(sys.argv[4]), asdict(figures))
