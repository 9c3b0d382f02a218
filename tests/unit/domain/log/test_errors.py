"""Errors and their first lines. Strip, alerts and command line agree on them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.actions.server import ServerLogsParams
from labeltui.domain.log.errors import ErrorIndex, LogError
from labeltui.domain.log.filter import Scope
from labeltui.domain.log.lines import parse_line
from labeltui.domain.state import Identity, SessionState
from labeltui.hosts.agent.messages import Chunk
from labeltui.operations.server.logs import server_logs
from labeltui.session.log.blocks import Blocks
from labeltui.session.log.store import LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch
from labeltui.ui.widgets.log.scope import Scoped
from tests.paths import MONAILABEL

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [%b] (monailabel.utils.async_tasks.utils:83) - "
INFO, WARNING, ERROR = HEAD % b"INFO", HEAD % b"WARNING", HEAD % b"ERROR"
TRACEBACK = b"Traceback (most recent call last):\n  File x\nKeyError: 1\n"
ENDED, STOPPED = INFO + b"Return code: -9\n", INFO + b"Killed background process: 4711\n"
HTTP_500 = b'INFO:     127.0.0.1:55824 - "POST /infer/x HTTP/1.1" 500 Internal Server Error\n'
ASGI = b"ERROR:    Exception in ASGI application\n"
MEMORY = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"


class Console:
    """A session's log with all that counts errors in it."""

    def __init__(self, data: bytes) -> None:
        self.log = LogStore(Blocks(in_memory=64, block=256))
        self.store = Store(SessionState(Identity("p")))
        self.watch = ServerWatch(self.store, self.log, lambda: NOW, lambda: None)
        self.alerts: list[int] = []
        self.watch.on_problem.append(lambda _said, line, _at: self.alerts.append(line))
        self.watch.begin("r1", "/log")
        for at in range(0, len(data), 1000):
            self.watch.feed.own(Chunk("/log", "1:2", at, data[at : at + 1000], at_end=True))

    @property
    def strip(self) -> int:
        return self.store.state.log_errors

    def printed(self, **params: Any) -> list[dict[str, Any]]:
        """What ``server logs --json`` prints."""

        async def settled() -> None:
            return None

        records: list[dict[str, Any]] = []
        session: Any = SimpleNamespace(
            log=self.log,
            store=self.store,
            watch=self.watch,
            readiness=SimpleNamespace(settled=settled),
            clock=lambda: NOW,
        )
        report: Any = SimpleNamespace(emit=records.append)
        asyncio.run(server_logs(session, ServerLogsParams(**params), report))
        return records

    def listed(self, **params: Any) -> list[int]:
        """The errors among it."""
        return [record["index"] for record in self.printed(**params) if record["error"]]

    def scoped(self, level: str) -> list[int]:
        """The lines that the pane keeps."""
        sieve = Scoped(self.log, Scope(level))
        while not sieve.advance(1.0):
            continue
        return list(sieve.lines)


def index_of(data: bytes) -> ErrorIndex:
    index = ErrorIndex()
    for line in data.decode("utf-8", "replace").split("\n")[:-1]:
        index.feed(parse_line(line))
    return index


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (ERROR + b"a\n" + INFO + b"b\n" + ERROR + b"c\n", [0, 2]),
        (ERROR + b"a\n" + TRACEBACK + INFO + b"b\n" + TRACEBACK, [0, 5]),
        (TRACEBACK + TRACEBACK, [0]),
        (b"2026-11-23 17:08:28,630 - ERROR - x\n[2026-11-23 17:08:28.630][FATAL](a) - y\n", [0, 1]),
        (INFO + b"ERROR] in a message\n" + INFO + b"Return code: 1\n", []),
        (ENDED, [0]),
        (STOPPED + INFO + b"x\n" + ENDED + ENDED, [3]),
        (STOPPED + INFO + b"Return code: -15\n" + ENDED, [2]),
        (b"Return code: -9\n", []),
        (INFO + b"Return code: -11\n", [0]),
        (INFO.replace(b"async_tasks.utils", b"others.generic") + b"Return code: -11\n", [0]),
        (INFO + b"Return code: -9 is what it said\n", []),
        # A HTTP 500 in uvicorn's own format is an error of its own, whatever was one before it.
        (ENDED + INFO + b"hello\n" + HTTP_500 + ASGI + TRACEBACK, [0, 3]),
        (ERROR + b"a\n" + HTTP_500 + ASGI + TRACEBACK, [0, 2]),
        (HTTP_500 + b"ERROR: Exception in ASGI application\n" + TRACEBACK + ASGI + TRACEBACK, [1, 5]),
        (INFO + b"b\n" + MEMORY + MEMORY + INFO + b"c\n" + MEMORY, [1, 4]),
        (INFO + b"Adding New Image: CUDA out of memory\n", []),
        (WARNING + b"No space left on device\n" + WARNING + b"careful\n", [0]),
        (INFO + TRACEBACK + INFO + b"b\n", [0]),
        (WARNING + b"careful\n" + TRACEBACK, [1]),
        (b"x._RemoteTraceback: \n\"\"\"\n" + TRACEBACK + b"\"\"\"\n\n" + TRACEBACK, [0]),
        (b"\x1b[31m" + ERROR + b"coloured\x1b[0m\n" + TRACEBACK, [0]),
        (b"old\r" + ERROR + b"redrawn\n", [0]),
    ],
)  # fmt: skip
def test_errors(data: bytes, errors: list[int]) -> None:
    assert list(index_of(data).firsts) == errors
    agree(data)


RECORDINGS = {
    "FAIL_startup_badmodel": [(43, 124), (125, 125)],
    "FAIL_startup_dicomweb061": [(23, 61)],
    "FAIL_startup_dicomweb_dcmqi_offline": [(41, 211), (212, 212)],
    "FAIL_startup_monaibundle_localbundle_offline": [(27, 181), (182, 182)],
    "FAIL_startup_monaibundle_offline": [(27, 181), (182, 182)],
    "FAIL_startup_port_in_use": [(57, 57)],
    "FAIL_startup_pretrained_offline": [(39, 39), (40, 178), (179, 179)],
    "FAIL_startup_pydicom3": [(23, 65)],
    "FAIL_startup_radiology_nomodel": [(43, 124), (125, 125)],
    "FAIL_startup_sam2_offline": [(78, 78), (79, 223), (224, 224)],
    "FAIL_startup_torchvision_nms": [(28, 136), (137, 137)],
    "batch_infer": [],
    "infer": [],
    "server_auth_enabled": [(59, 59), (60, 123)],
    "server_bundle_startup_train": [],
    "server_dicomweb_label_fail": [(117, 191), (197, 360), (362, 525)],
    "server_dicomweb_orthanc": [],
    "server_ssl": [(131, 164), (303, 382)],
    "startup_radiology": [],
    "train_3epochs": [],
    "train_bundle_2epochs": [],
    "train_error_bad_type": [(50, 77)],
    "train_error_corrupt_image": [(84, 84), (85, 248), (249, 249), (250, 424), (425, 425), (426, 855)],
    "train_error_unknown_model": [(30, 40)],
    "train_killed": [],
    "train_zoo": [],
    "train_zoo_half": [(71, 71), (72, 114)],
    "train_zoo_nothing": [],
    "train_zoo_torchrun": [(30, 50)],
}
"""The first and the last line of each error."""


@pytest.mark.parametrize("path", sorted(MONAILABEL.glob("log_*.txt")), ids=lambda path: path.stem)
def test_recordings(path: Path) -> None:
    data = path.read_bytes()
    index = index_of(data)
    errors = [index[at] for at in range(len(index))]
    assert [(error.first, error.last) for error in errors] == RECORDINGS[path.stem.removeprefix("log_")]
    agree(data)


def agree(data: bytes) -> None:
    console = Console(data)
    index = console.log.errors
    assert console.strip == len(index.firsts)
    assert console.listed() == console.listed(level="error") == list(index.firsts)
    assert all(index.of(line) is not None for line in console.alerts)
    for level in ("debug", "warning", "error", "critical"):
        assert console.scoped(level.upper()) == [
            record["index"] for record in console.printed(level=level) if record["index"] < index.read
        ]


PIECES = st.sampled_from([
    ERROR + b"a\n", INFO + b"b\n", WARNING + b"c\n", TRACEBACK, ENDED, STOPPED, b"bare\n", b"  indented\n", b"\n",
    b"\r 10%|#\n", ERROR + b"Traceback (most recent call last):\n  File x\nA: 1\n", HTTP_500, ASGI, MEMORY,
    b"x.RemoteTraceback:\n\"\"\"\n", WARNING + b"No space left on device\n",
])  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_all_who_count_errors_agree(data: bytes) -> None:
    agree(data)


def test_what_an_index_says_of_a_line() -> None:
    index = index_of(b"bare\n" + TRACEBACK + INFO + b"x\n" + ENDED + b"y\n")
    assert [index[at] for at in range(len(index))] == [LogError(1, 3, -1), LogError(5, 6, 5)]
    assert (index.of(0), index.of(2), index.of(4), index.of(6)) == (None, index[0], None, index[1])
    assert (index.begins(1), index.begins(2), index.is_traceback(1), index.is_traceback(5)) == (
        True, False, True, False,
    )  # fmt: skip
    assert list(index.within(2, 6)) == [index[0], index[1]]
    assert not list(index.within(4, 5))
    firsts = index.firsts
    index.clear()
    assert (index.read, list(firsts), index.of(2)) == (0, [], None)
