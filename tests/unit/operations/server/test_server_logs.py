"""``labeltui server logs``: its records and their fields."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.actions.server import ServerLogsParams
from labeltui.domain.log.filter import moment
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.state import Identity, SessionState
from labeltui.operations.server.logs import server_logs
from labeltui.session.runtime.store import Store
from tests.indexed_log import IndexedLog

ZONE = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # 17:30 by the host's clock
WALL = datetime(2026, 11, 23, 17, 30)


def said(at: str, level: str, logger: str, message: str) -> str:
    return f"[2026-11-23 {at},004] [42] [MainThread] [{level}] ({logger}:12) - {message}"


LINES = [
    "Using PYTHONPATH=",
    said("17:00:00", "INFO", "monailabel.main", "App Init - starting"),
    said("17:10:00", "WARNING", "py.warnings", "old"),
    said("17:20:00", "ERROR", "uvicorn.error", "Exception in ASGI application"),
    "Traceback (most recent call last):",
    "ValueError: \x1b[2Jno",
    said("17:25:00", "DEBUG", "urllib3", "GET"),
    "unfinished",
]


class Heard:
    """What was reported."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.came = asyncio.Event()

    def emit(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        self.came.set()

    @property
    def lines(self) -> list[int]:
        return [record["index"] for record in self.records]


def session(text: str = "\n".join(LINES)) -> Any:
    log = IndexedLog()
    log.begin("r1", "/log")
    log.feed(0, text.encode())

    async def settled() -> None:
        return None

    store = Store(SessionState(Identity("p")))
    return SimpleNamespace(
        store=store,
        log=log,
        readiness=SimpleNamespace(settled=settled),
        clock=lambda: NOW,
        watch=SimpleNamespace(zone=ZONE),
    )


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"level": "debug"}, [1, 2, 3, 4, 5, 6, 7]),
        ({"level": "warning"}, [2, 3, 4, 5]),
        ({"level": "error"}, [3, 4, 5]),
        ({"level": "critical"}, []),
        ({"logger": "UVICORN"}, [3, 4, 5]),
        ({"since": "17:15"}, [3, 4, 5, 6, 7]),
        ({"since": "10m"}, [3, 4, 5, 6, 7]),
        ({"until": "17:10"}, [1, 2]),
        ({"since": "2026-11-23 17:05", "until": "17:20:00", "level": "info"}, [2, 3, 4, 5]),
        ({"grep": "value"}, [5]),
        ({"grep": "!a"}, [7]),
        ({"grep": "~vlerr", "level": "error"}, [5]),
        ({"lines": 2}, [6, 7]),
        ({"lines": 1, "level": "error"}, [5]),
        ({"lines": 0}, []),
    ],
)
async def test_which_come(params: dict[str, Any], lines: list[int]) -> None:
    heard = Heard()
    document = await server_logs(session(), ServerLogsParams.of(params), heard)  # type: ignore[arg-type]
    assert heard.lines == lines
    assert (document["lines"], document["path"]) == (8, "/log")


async def test_what_a_record_says() -> None:
    heard = Heard()
    await server_logs(session(), ServerLogsParams.of({"since": "17:20", "lines": 5}), heard)  # type: ignore[arg-type]
    assert heard.records[0] == {
        "kind": "line", "source": "stdout",
        "time": "2026-11-23T17:20:00.004000+02:00", "level": "ERROR", "logger": "uvicorn.error",
        "message": "Exception in ASGI application", "line": LINES[3], "index": 3,
        "error": True,
        "meaning": {
            "kind": "request_failed",
            "means": "A request failed inside the server (HTTP 500); the traceback below says why.",
            "todo": "The traceback's last line names the cause; the server still answers other requests.",
        },
    }  # fmt: skip
    assert heard.records[1]["time"] is None
    assert heard.records[2]["line"] == LINES[5]


async def test_following_gives_lines_once_they_are_whole_and_the_next_run_too() -> None:
    given_session, heard = session("one\n" + LINES[3] + "\nTrace"), Heard()
    following = asyncio.create_task(
        server_logs(given_session, ServerLogsParams.of({"follow": True, "level": "error"}), heard)
    )  # type: ignore[arg-type]

    async def until(lines: list[int]) -> None:
        async with asyncio.timeout(5):
            while heard.lines != lines:
                heard.came.clear()
                await heard.came.wait()

    await until([1])
    log = given_session.log
    log.feed(log.size, b"back\n")
    await until([1, 2])
    assert heard.records[-1]["line"] == "Traceback"
    log.begin("r2", "/log2")
    log.feed(0, b"two\n" + LINES[3].encode() + b"\n")
    await until([1, 2, 1])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_each_record_names_its_source_and_gaps_are_records() -> None:
    given_session, heard = session("one\n"), Heard()
    log = given_session.log
    log.add("app.log", b"two\n", late=True, at=WALL)
    log.lost(NOW, "reset")
    log.back(NOW + timedelta(seconds=7))
    log.feed(log.size, b"three\n")
    await server_logs(given_session, ServerLogsParams.of({}), heard)  # type: ignore[arg-type]
    assert [(record["kind"], record.get("source"), record["index"]) for record in heard.records] == [
        ("line", "stdout", 0), ("line", "app.log", 1), ("gap", None, 2), ("line", "stdout", 2),
    ]  # fmt: skip
    assert heard.records[2] == {
        "kind": "gap", "from": "2026-11-23T15:30:00.000+00:00", "to": "2026-11-23T15:30:07.000+00:00",
        "why": "reset", "index": 2,
        "line": "--- connection lost 2026-11-23T15:30:00.000+00:00, back 2026-11-23T15:30:07.000+00:00: reset ---",
    }  # fmt: skip


async def test_a_gap_is_reported_when_it_opens_and_again_when_it_heals() -> None:
    given_session, heard = session("one\n"), Heard()
    log = given_session.log
    following = asyncio.create_task(server_logs(given_session, ServerLogsParams.of({"follow": True}), heard))  # type: ignore[arg-type]

    async def until(kinds: list[tuple[str, bool]]) -> None:
        async with asyncio.timeout(5):
            while [(record["kind"], record.get("to") is None) for record in heard.records] != kinds:
                heard.came.clear()
                await heard.came.wait()

    await until([("line", True)])
    log.lost(NOW, "reset")
    await until([("line", True), ("gap", True)])
    log.back(NOW)
    await until([("line", True), ("gap", True), ("gap", False)])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_no_log_and_no_such_filter() -> None:
    nothing = session()
    nothing.log = IndexedLog()
    with pytest.raises(Failed, match="no output"):
        await server_logs(nothing, ServerLogsParams.of({}), Heard())  # type: ignore[arg-type]
    for params in ({"since": "yesterday"}, {"until": "25:00"}, {"grep": "("}):
        with pytest.raises(Misused):
            await server_logs(session(), ServerLogsParams.of(params), Heard())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("17:02", "2026-11-23T17:02:00"), ("17:31", "2026-11-22T17:31:00"), ("5m", "2026-11-23T17:25:00"),
        ("2h ago", "2026-11-23T15:30:00"), ("2026-11-20", "2026-11-20T00:00:00"), ("30 s", "2026-11-23T17:29:30"),
        ("17:02:20", "2026-11-23T17:02:20"), ("10min", "2026-11-23T17:20:00"),
    ],
)  # fmt: skip
def test_moments(text: str, at: str) -> None:
    assert moment(text, WALL).isoformat() == at


@given(st.text(max_size=20))
def test_any_text_is_a_moment_or_is_refused_in_words(text: str) -> None:
    try:
        at = moment(text, WALL)
    except ValueError as error:
        words = str(error)
    else:
        assert at.tzinfo is None
        return
    assert "time" in words
