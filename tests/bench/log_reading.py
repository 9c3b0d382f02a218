"""Parse and merge ``LINES`` lines of stdout and app.log, and write the cost to ``ANSWER``."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from labeltui.domain.state import Identity, SessionState
from labeltui.hosts.agent.messages import Chunk
from labeltui.session.log.feed import SLICE, AppLog
from labeltui.session.log.store import LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch
from tests.bench.cost import write_answer
from tests.bench.log_widgets import line


@dataclass
class Cost:
    """Microseconds of CPU per line; milliseconds (p99) that one chunk blocks the event loop."""

    us: float
    blocked_p99_ms: float


def read(lines: int) -> Cost:
    """Feed the same lines from both sources in turn."""
    data = ("\n".join(line(number) for number in range(lines)) + "\n").encode()
    log = LogStore()
    watch = ServerWatch(Store(SessionState(Identity("p"))), log, lambda: datetime.now(UTC), lambda: None)
    watch.begin("r1", "/log", app_log=AppLog("/app.log"))
    took: list[float] = []
    cpu = time.process_time()
    for at in range(0, len(data), SLICE):
        piece = data[at : at + SLICE]
        for feed, chunk in (
            (watch.feed.own, Chunk("/log", "1-1.0", at, piece, True)),
            (watch.feed.other, Chunk("/app.log", "1-2.0", at, piece, True)),
        ):
            started = time.perf_counter()
            feed(chunk)
            took.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    if log.line_count != lines or not watch.caught_up:
        raise RuntimeError(f"{log.line_count} lines of {lines} were merged")
    took.sort()
    return Cost(1e6 * cpu / lines, 1000 * took[int(len(took) * 0.99)])


if __name__ == "__main__":
    write_answer(Path(sys.argv[2]), asdict(read(int(sys.argv[1]))))
