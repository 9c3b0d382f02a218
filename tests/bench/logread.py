"""What it costs to read a run's stdout and its app.log into one: ``LINES ANSWER``. No screen, no connection."""

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
from tests.bench.cost import leave
from tests.bench.logpeers import line


@dataclass
class Cost:
    """``us`` of CPU for a line; how long one delivery holds the event loop, p99, in ms."""

    us: float
    held_p99_ms: float


def read(lines: int) -> Cost:
    """Both sources say the same, a delivery of each in turn; all of it is read for its meaning."""
    data = ("\n".join(line(number) for number in range(lines)) + "\n").encode()
    log = LogStore()
    watch = ServerWatch(Store(SessionState(Identity("p"))), log, lambda: datetime.now(UTC), lambda: None)
    watch._begin("r1", "/log", app_log=AppLog("/app.log"))
    took: list[float] = []
    cpu = time.process_time()
    for at in range(0, len(data), SLICE):
        piece = data[at : at + SLICE]
        for feed, chunk in (
            (watch._feed.own, Chunk("/log", "1-1.0", at, piece, True)),
            (watch._feed.other, Chunk("/app.log", "1-2.0", at, piece, True)),
        ):
            started = time.perf_counter()
            feed(chunk)
            took.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    if log.line_count != lines or not watch.caught_up:
        raise RuntimeError(f"{log.line_count} lines of {lines} are there")
    took.sort()
    return Cost(1e6 * cpu / lines, 1000 * took[int(len(took) * 0.99)])


if __name__ == "__main__":
    leave(Path(sys.argv[2]), asdict(read(int(sys.argv[1]))))
