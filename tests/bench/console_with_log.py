"""The console with a log that grows by ``LINES`` lines a second, in chunks as a followed file delivers them."""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "240")  # as labeltui does, before Textual is imported

import asyncio
import sys

import labeltui.ui.app
from labeltui.__main__ import open_console
from labeltui.opening.launch import Launch
from tests.bench.log_widgets import line

BATCHES = 50  # a second
RUN = "bench"


class Console(labeltui.ui.app.Console):
    """Feeds its session's log."""

    lines = 0

    def on_mount(self) -> None:  # Textual calls the base class's handler too
        self._feeding = asyncio.create_task(self._feed_log())

    async def _feed_log(self) -> None:
        while self.session is None:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)
        log, number = self.session.log, 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if log.run_id != RUN:  # the session found no server and cleared the log
                log.begin(RUN, "/run.log")
            count = self.lines // BATCHES
            log.feed(log.size, "".join(line(n) + "\n" for n in range(number, number + count)).encode())
            number += count
            due += 1 / BATCHES
            await asyncio.sleep(max(0.0, due - loop.time()))


if __name__ == "__main__":
    Console.lines = int(sys.argv[1])
    labeltui.ui.app.Console = Console  # type: ignore[misc]
    sys.exit(open_console(Launch()))
