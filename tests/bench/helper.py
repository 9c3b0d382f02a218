"""What it costs that the emulator has a process of its own, beside the same code called directly.

The direct one would end the whole console where the native library aborts; the helper costs one pane.
"""

from __future__ import annotations

import asyncio
import time

from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.bench.figures import Row
from tests.terminal.direct import Direct

NAME = "helper"
SIZE = (120, 40)
KEYS, QUICK_KEYS = 500, 100
MEGABYTES, QUICK_MEGABYTES = 20, 5
PIECE = 60 * 1024  # as the pane reads
PEER = "in the console"


def run(quick: bool) -> list[Row]:
    """Both on the same bytes."""
    return asyncio.run(measure(QUICK_KEYS if quick else KEYS, QUICK_MEGABYTES if quick else MEGABYTES))


async def measure(keys: int, megabytes: int) -> list[Row]:
    started = time.perf_counter()
    helper = await GhosttyEngine.start(*SIZE)
    up = time.perf_counter() - started
    direct = Direct(*SIZE)
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


async def typed(engine: GhosttyEngine | Direct, keys: int) -> list[float]:
    """Seconds from a character to a frame that has it."""
    times = []
    for number in range(keys):
        await asyncio.sleep(0.02)  # slower than frames come: each goes out at once
        started = time.perf_counter()
        await engine.feed(b"\r\n" if number % 60 == 0 else b"x")
        if isinstance(engine, Direct):
            await engine.sync()
        times.append(time.perf_counter() - started)
    return times


async def flooded(engine: GhosttyEngine | Direct, data: bytes) -> float:
    """Seconds to take all of it, with 25 frames a second meanwhile."""
    started = due = time.perf_counter()
    for start in range(0, len(data), PIECE):
        await engine.feed(data[start : start + PIECE])
        if isinstance(engine, Direct) and time.perf_counter() >= due:
            await engine.sync()
            due = time.perf_counter() + 0.04
    await engine.sync()
    return time.perf_counter() - started
