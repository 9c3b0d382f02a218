"""Fifty megabytes on one line are read without delay and in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys

MEGABYTES = 50
ALLOWED_MIB = 45
"""Enough for the lines in memory and the readers, but not for a copy of the line."""
PROGRAM = """
import json, re, sys
from datetime import UTC, datetime
from labeltui.domain.state import Identity, SessionState
from labeltui.hosts.agent.messages import Chunk
from labeltui.session.log.feed import AppLog
from labeltui.session.log.store import LogStore
from labeltui.session.server.process import ServerWatch
from labeltui.session.runtime.store import Store

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

log = LogStore()
watch = ServerWatch(Store(SessionState(Identity("p"))), log, lambda: datetime.now(UTC), lambda: None)
watch.begin("r1", "/log", app_log=AppLog("/app.log"))
pattern, size = re.compile(rb"needle"), MEGABYTES << 20
before, at, drawn = peak(), 0, set()
while at < size:
    data = b"x" * min(65536, size - at) if at else b"needle".ljust(65536, b"x")
    watch.feed.own(Chunk("/log", "1-1.0", at, data, False))
    watch.feed.other(Chunk("/app.log", "1-2.0", at, data, False))
    at += len(data)
    if at % (1 << 20) == 0 and log.line_count:
        drawn.add(log.last_drawing(0, 6)[0])
        assert log.matching(pattern, 0, 1) == [0]
watch.feed.own(Chunk("/log", "1-1.0", at, b"\\nend\\n", True))
watch.feed.other(Chunk("/app.log", "1-2.0", at, b"\\nend\\n", True))
print(json.dumps({
    "grown": peak() - before, "lines": log.line_count, "size": log.line_size(0), "end": log.line(1).decode(),
    "drawn": sorted(text.decode() for text in drawn), "others": sum(log.source_of(n) != "stdout" for n in range(2)),
    "matching": list(log.search(pattern)),
}))
""".replace("MEGABYTES", str(MEGABYTES))


def test_a_line_of_fifty_megabytes_in_both_files() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr.decode()
    measured = json.loads(done.stdout)
    assert measured["grown"] < ALLOWED_MIB, f"{measured['grown']:.0f} MiB more for a line of {MEGABYTES} MB"
    assert (measured["lines"], measured["size"], measured["end"]) == (2, MEGABYTES << 20, "end")
    assert (measured["drawn"], measured["others"], measured["matching"]) == (["needle"], 0, [0])
