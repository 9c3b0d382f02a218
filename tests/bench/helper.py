"""The cost of running the native emulator in a helper process, compared with the same code in this process.

When the native library aborts in the helper, one pane is lost; in the console's process it would end the console.
"""

from __future__ import annotations

import asyncio
import time

from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.bench.figures import Row
from tests.terminal.direct_engine import DirectEngine

NAME = "helper"
SIZE = (120, 40)
KEYS, QUICK_KEYS = 500, 100
MEGABYTES, QUICK_MEGABYTES = 20, 5
PIECE = 60 * 1024  # the size of the pane's reads
PEER = "in-process"


def run(quick: bool) -> list[Row]:
    """Run both on the same bytes."""
    return asyncio.run(measure(QUICK_KEYS if quick else KEYS, QUICK_MEGABYTES if quick else MEGABYTES))


async def measure(keys: int, megabytes: int) -> list[Row]:
    started = time.perf_counter()
    helper = await GhosttyEngine.start(*SIZE)
    up = time.perf_counter() - started
    direct = DirectEngine(*SIZE)
    rows = [Row(NAME, "start to first frame", "ms", 1000 * up, "", None)]
    try:
        pairs = [(await typed(helper, keys), await typed(direct, keys))]
        rows += [
            Row(
                NAME,
                f"a key to its frame, {what}",
                "ms",
                1000 * at(mine, share),
                PEER,
                1000 * at(theirs, share),
            )
            for mine, theirs in pairs
            for what, share in (("p50", 0.5), ("p99", 0.99))
        ]
        for what, line in (
            ("lines", b"%07d the quick brown fox\r\n"),
            ("colour", b"\x1b[38;5;%dmfox \x1b[mdog "),
        ):
            data = b"".join(line % (n % 200) for n in range(megabytes * 1_000_000 // len(line)))
            mine, theirs = await flooded(helper, data), await flooded(direct, data)
            rows.append(Row(NAME, f"{len(data) / 1e6:.0f} MB of {what}", "s", mine, PEER, theirs))
    finally:
        helper.close()
        await helper.closed()
    return rows


def at(times: list[float], share: float) -> float:
    return sorted(times)[int(share * (len(times) - 1))]


async def typed(engine: GhosttyEngine | DirectEngine, keys: int) -> list[float]:
    """Seconds from each character to a frame that shows it."""
    times = []
    for number in range(keys):
        await asyncio.sleep(0.02)  # longer than a frame, so that each key is sent at once
        started = time.perf_counter()
        await engine.feed(b"\r\n" if number % 60 == 0 else b"x")
        if isinstance(engine, DirectEngine):
            await engine.sync()
        times.append(time.perf_counter() - started)
    return times


async def flooded(engine: GhosttyEngine | DirectEngine, data: bytes) -> float:
    """Seconds to read all of ``data`` while drawing 25 frames a second."""
    started = due = time.perf_counter()
    for start in range(0, len(data), PIECE):
        await engine.feed(data[start : start + PIECE])
        if isinstance(engine, DirectEngine) and time.perf_counter() >= due:
            await engine.sync()
            due = time.perf_counter() + 0.04
    await engine.sync()
    return time.perf_counter() - started
