"""From the files on the host to the stored lines, through the agent's own code and whatever goes wrong between.

What is stored equals what was written: stdout byte for byte, what only app.log has besides, everything once.
"""

from __future__ import annotations

import base64
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.hosts.agent.messages import Chunk
from labeltui.hosts.agent.remote.agent import file_facts
from labeltui.hosts.agent.remote.tail import Follow
from labeltui.session.log.feed import AppLog, LogFeed
from labeltui.session.log.store import LogStore

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
ODD = [
    b"\xff\xfe\x00",
    "é𝔘".encode()[:3],
    b"10%\r20%",
    b"\x1b[31mred\x1b[0m",
    b"[2026-11-23 17:0",
    b"",
    b"y" * 70_000,
]


class Host:
    """Two files that are written and rotated, and the agent that sends them, a step at a time."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng, self.second = rng, 0.0
        self.stdout, self.app_log = folder / "stdout.log", folder / "app.log"
        self.stdout.touch()
        self.app_log.write_bytes(
            b"[2026-11-23 16:59:00,000] [1] [T] [INFO] (x:1) - of another run, and long enough\n"
        )
        self.begins = len(self.app_log.read_bytes())
        self.first_id = file_facts(str(self.app_log))["file_id"]
        self.own, self.other, self.number = b"", list[bytes](), 0

    def write(self) -> None:
        """A record, to both or to one of the two, with lines under it; stdout may be read before it is whole."""
        self.number += 1
        self.second += self.rng.choice([0.001, 0.5, 3.0])
        at = datetime(2026, 11, 23, 17, 0) + timedelta(seconds=self.second)
        stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}"
        lines = [f"[{stamp}] [1] [T] [INFO] (x:1) - record {self.number}".encode()]
        lines += [self.rng.choice(ODD) + b" %d" % self.number for _ in range(self.rng.choice([0, 0, 1, 3]))]
        data = b"\n".join([*lines, b""])
        where = self.rng.choice(["both", "both", "own", "other"])
        if where != "other":
            with self.stdout.open("ab") as file:
                file.write(data)
            self.own += data
        if where != "own":
            with self.app_log.open("ab") as file:
                file.write(data)
        if where == "other":
            self.other += lines

    def rotate(self) -> None:
        if not self.app_log.stat().st_size:
            return
        for number in range(20, 0, -1):
            older = Path(f"{self.app_log}.{number}")
            if older.exists():
                older.rename(f"{self.app_log}.{number + 1}")
        self.app_log.rename(f"{self.app_log}.1")
        self.app_log.touch()


class Console:
    """A feed, and what delivers to it."""

    def __init__(self, host: Host) -> None:
        self.host, self.log = host, LogStore()
        self.lines: list[tuple[bytes, int]] = []
        self.feed = LogFeed(
            self.log, lambda line, number, _own: self.lines.append((line, number)), lambda: NOW
        )
        self.feed.begin("r1", "/log", app_log=AppLog(str(host.app_log), host.first_id, host.begins))
        self.follows: list[Any] = []
        self.connect()

    def connect(self) -> None:
        for follow in self.follows:
            follow.close()
        own = self.feed.resume()
        self.log.back(NOW)
        self.follows = [
            Follow(str(self.host.stdout), "own", *own),
            Follow(str(self.host.app_log), "other", *self.feed.app_log_position),
        ]

    def drop(self) -> None:
        self.feed.lost(NOW, "reset")
        self.connect()

    def step(self, which: int, *, lost: bool = False, cut: int = 0) -> bool:
        """One delivery: it may be lost with the connection, cut anywhere, and come twice."""
        follow = self.follows[which]
        event = follow.step()
        follow.unacked = 0
        if event is None or lost:
            return event is not None
        data = base64.b64decode(event["data"])
        cut = min(cut, len(data))
        for start, end in ((0, cut), (0 if cut % 3 == 0 else cut, len(data))):
            chunk = Chunk(
                event["path"], event["file_id"], event["offset"] + start, data[start:end],
                at_end=event["at_end"] and end == len(data), torn=event["torn"],
            )  # fmt: skip
            (self.feed.own, self.feed.other)[which](chunk)
        return True

    def finish(self) -> None:
        while self.step(0) or self.step(1):
            continue
        self.feed.decide()
        for follow in self.follows:
            follow.close()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_stored_is_what_was_written(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    host = Host(tmp_path_factory.mktemp("h"), rng)
    console = Console(host)
    for _ in range(rng.randrange(60)):
        what = rng.choice(["write", "write", "write", "own", "other", "other", "rotate", "drop", "lose"])
        if what == "write":
            host.write()
        elif what == "rotate":
            host.rotate()
        elif what == "drop":
            console.drop()
        elif what == "lose":  # in transit when the connection was lost
            console.step(rng.randrange(2), lost=True)
            console.drop()
        else:
            console.step(what == "other", cut=rng.randrange(100))
    console.finish()
    log = console.log
    stored = log.lines(0, log.line_count)
    sources = [log.source_of(number) for number in range(log.line_count)]
    own = b"".join(line + b"\n" for line, source in zip(stored, sources, strict=True) if source == "stdout")
    assert own == host.own
    assert Counter(line for line, s in zip(stored, sources, strict=True) if s == "app.log") == Counter(
        host.other
    )
    assert console.lines == [(line, number) for number, line in enumerate(stored)]
    assert console.feed.caught_up
    assert all(mark.why == "reset" and mark.back_at is not None for mark in log.marks)
