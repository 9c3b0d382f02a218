"""Hostile bytes through the pane's own path: ``python -m tests.bench.fuzz ENGINE KILOBYTES SEED``.

Prints what was fed, how often the emulator died (each time another takes over, as in the pane), the longest
time that the event loop was held up, and how much memory grew. Ends with 1 when the console would have suffered.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

from rich.style import Style
from textual.strip import Strip

from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from labeltui.ui.widgets.terminal.engine import Engine, EngineDied, Frame
from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from labeltui.ui.widgets.terminal.paint import strip_of
from tests.bench.cost import resident_kib
from tests.fuzz_terminal import pieces

SIZES = ((80, 24), (200, 50), (20, 5), (7, 2))
ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f]")
MOST_GROWTH = 200 << 10  # KiB, of the console's own process


class Watch:
    """The longest that the event loop did not get its turn."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.005)
            self.longest = max(self.longest, time.perf_counter() - started - 0.005)


def drawn(frame: Frame) -> list[Strip]:
    return [strip_of(row, frame.columns, Style(), flipped=frame.reversed) for row in frame.rows]


async def made(engine: str) -> Engine:
    return await GhosttyEngine.start(80, 24) if engine == "ghostty" else BitttyEngine(80, 24)


async def fuzz(engine: str, size: int, seed: int) -> int:
    watch, escapes, fed, deaths = Watch(), 0, 0, 0
    terminal = await made(engine)
    begin_kib = resident_kib() or 0
    watching = asyncio.create_task(watch.run())
    started, deaf = time.monotonic(), 0.0
    for number, piece in enumerate(pieces(seed, size)):
        before = time.monotonic()
        try:
            await terminal.feed(piece)
            if number % 20 == 0:
                terminal.resize(*SIZES[number // 20 % len(SIZES)])
                terminal.scroll(-7 if number % 40 else 7)
            escapes += sum(bool(ESCAPE.search(strip.text)) for strip in drawn(terminal.frame()))
        except EngineDied as error:
            deaths += 1
            print(f"the helper {error} after {fed} bytes")
            terminal = await made(engine)
        fed += len(piece)
        deaf = max(deaf, time.monotonic() - before)
    watching.cancel()
    terminal.close()
    await terminal.closed()
    # Not ru_maxrss: a child inherits that of the process it was forked from.
    grown = (resident_kib() or 0) - begin_kib
    took = time.monotonic() - started
    print(
        f"{engine}: {fed / 1e6:.1f} MB in {took:.1f} s, escapes {escapes}, deaths {deaths}, loop held up at most "
        f"{1000 * watch.longest:.0f} ms, a piece took at most {1000 * deaf:.0f} ms, memory grew {grown >> 10} MiB"
    )
    return int(bool(escapes) or grown > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(asyncio.run(fuzz(sys.argv[1], int(sys.argv[2]) * 1000, int(sys.argv[3]))))
