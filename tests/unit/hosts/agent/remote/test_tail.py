"""Following a file: every byte once, in order, whatever is done to the file."""

# ruff: noqa: E501 (requests are one line each)
from __future__ import annotations

import base64
import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.hosts.agent.package import build_package
from labeltui.hosts.agent.remote.tail import Follow
from tests.unit.hosts.agent_process import AgentProcess


def drain(follow: Any, into: list[tuple[str, bytearray]]) -> None:
    """Take all there is; checks that offsets have no hole and no overlap within a file."""
    while (event := follow.step()) is not None:
        follow.unacked = 0
        if not event["file_id"]:
            continue
        if not into or into[-1][0] != event["file_id"]:
            into.append((event["file_id"], bytearray()))
        assert event["offset"] == len(into[-1][1])
        into[-1][1].extend(base64.b64decode(event["data"]))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(min_size=1, max_size=300)),
        st.tuples(st.just("big"), st.integers(60_000, 140_000)),
        st.tuples(st.sampled_from(["rotate", "truncate", "poll", "reconnect"]), st.just(None)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(operations=OPERATIONS)
def test_every_byte_once_through_rotation_truncation_and_reconnects(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("f") / "server [red].log"
    files: list[bytearray] = [bytearray()]
    got: list[tuple[str, bytearray]] = []
    path.touch()
    follow = Follow(str(path), "k", 0, None)
    for number, (what, value) in enumerate(operations):
        if what in ("write", "big"):
            data = value if what == "write" else bytes([number]) * value
            with path.open("ab") as file:
                file.write(data)
            files[-1] += data
        elif what == "rotate":
            drain(follow, got)
            path.rename(path.with_suffix(f".{number}"))
            path.touch()
            files.append(bytearray())
        elif what == "truncate" and files[-1]:
            drain(follow, got)
            os.truncate(path, 0)
            drain(follow, got)
            files.append(bytearray())
        elif what == "reconnect":
            drain(follow, got)
            follow.close()
            follow = Follow(str(path), "k", len(got[-1][1]), got[-1][0])
        else:
            drain(follow, got)
    drain(follow, got)
    follow.close()
    assert [bytes(data) for _, data in got if data] == [bytes(data) for data in files if data]


class Writer:
    """A log that is written and rotated by every method."""

    def __init__(self, path: Path) -> None:
        self.path, self.written, self.number = path, b"", 0
        path.touch()

    def write(self, length: int) -> None:
        self.number += 1
        data = b"[%08d] " % self.number + bytes([65 + self.number % 26]) * length + b"\n"
        with self.path.open("ab") as file:
            file.write(data)
        self.written += data

    def _make_room(self) -> None:
        for number in range(20, 0, -1):
            older = Path(f"{self.path}.{number}")
            if older.exists():
                older.rename(f"{self.path}.{number + 1}")

    def rename(self) -> None:
        """As Python's RotatingFileHandler does."""
        self._make_room()
        self.path.rename(f"{self.path}.1")
        self.path.touch()

    def copy(self) -> None:
        """As logrotate does with ``copytruncate``."""
        self._make_room()
        shutil.copy(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.sampled_from([60, 200, 70_000])),
            st.tuples(st.sampled_from(["rename", "copy", "poll", "drop"]), st.integers(1, 3)),
        ),
        max_size=25,
    )
)
def test_rotated_between_two_polls_and_all_of_it_is_sent_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, int]]
) -> None:
    writer = Writer(tmp_path_factory.mktemp("f") / "app [1].log")
    follow, got, last, read = Follow(str(writer.path), "k", 0, None), b"", ("", 0), False

    def poll(steps: int) -> None:
        nonlocal got, last, read
        for _ in range(steps):
            event = follow.step()
            follow.unacked = 0
            if event is None:
                break
            data = base64.b64decode(event["data"])
            assert not event["torn"]
            assert event["offset"] == (last[1] if event["file_id"] == last[0] else 0)
            got += data
            last = (event["file_id"], event["offset"] + len(data))
            read = event["at_end"]

    for what, value in operations:
        if what == "write":
            writer.write(value)
            read = False
        elif what == "poll":
            poll(value)
        elif what == "drop":
            follow.close()
            follow = Follow(str(writer.path), "k", last[1], last[0] or None)
        elif writer.path.stat().st_size:
            if not last[0] or what == "copy":  # nothing identifies the copy of a file that was never read
                poll(99)
            getattr(writer, what)()
    poll(99)
    assert got == writer.written
    follow.close()


def test_what_is_not_on_the_disk_any_more_is_said_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n" * 20)
    follow = Follow(str(path), "k", 0, None)
    first = follow.step()
    follow.close()
    path.unlink()
    path.write_bytes(b"another\n" * 40)
    again = Follow(str(path), "k", 120, first["file_id"])
    event = again.step()
    assert (event["torn"], event["offset"], event["file_id"] == first["file_id"]) == (True, 0, False)
    with path.open("ab") as file:
        file.write(b"more\n")
    assert again.step()["torn"] is False
    again.close()


def test_a_handle_that_a_network_volume_lost_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    follow, got = Follow(str(path), "k", 0, None), []
    drain(follow, got)
    with path.open("ab") as file:
        file.write(b"two\n")
    pread, lost = os.pread, [follow.handle]

    def stale(handle: int, count: int, offset: int) -> bytes:
        if lost and handle == lost.pop():
            raise OSError(errno.ESTALE, "Stale file handle")
        return pread(handle, count, offset)

    monkeypatch.setattr(os, "pread", stale)
    drain(follow, got)
    follow.close()
    assert (lost, [bytes(data) for _, data in got]) == ([], [b"one\ntwo\n"])


def test_rotation_loses_nothing_written_to_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    follow, got = Follow(str(path), "k", 0, None), []
    drain(follow, got)
    with path.open("ab") as old:
        path.rename(tmp_path / "log.1")
        old.write(b"two\n")
        old.flush()
        path.write_bytes(b"three\n")
        drain(follow, got)
    follow.close()
    assert [bytes(data) for _, data in got] == [b"one\ntwo\n", b"three\n"]


def test_truncated_while_away_starts_again_under_another_id(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a long first run")
    follow, got = Follow(str(path), "k", 0, None), []
    drain(follow, got)
    follow.close()
    path.write_bytes(b"short")
    again = Follow(str(path), "k", len(got[0][1]), got[0][0])
    drain(again, got)
    again.close()
    assert [bytes(data) for _, data in got] == [b"a long first run", b"short"]


def test_a_missing_file_is_waited_for(agent: AgentProcess, tmp_path: Path) -> None:
    path = tmp_path / "later" / "$(touch pwned) [red]x[" / "].log"
    agent.ask("follow", path=str(path), key="k")
    agent.until(lambda: agent.chunks("k"))
    assert agent.chunks("k")[0]["at_end"] is True
    assert agent.chunks("k")[0]["file_id"] == ""
    path.parent.mkdir(parents=True)
    path.write_bytes(b"there")
    agent.until(lambda: len(agent.chunks("k")) > 1)
    assert agent.received("k")[1][1] == b"there"
    assert agent.chunks("k")[-1]["at_end"] is True


def test_from_an_offset_and_only_what_is_acknowledged(agent: AgentProcess, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(range(256)) * 8192)  # 2 MiB
    agent.ask("follow", path=str(path), key="k", offset=256)
    agent.until(lambda: len(agent.chunks("k")) == 8)
    assert agent.chunks("k")[0]["offset"] == 256
    began = time.monotonic()
    agent.ask("ping")
    assert time.monotonic() - began < 5
    assert len(agent.chunks("k")) == 8
    agent.raw(b'{"op": "ack", "key": "k", "bytes": 65536}\n')
    agent.until(lambda: len(agent.chunks("k")) == 9)
    assert agent.chunks("k")[-1]["at_end"] is False


def test_what_is_unfollowed_is_not_sent(agent: AgentProcess, tmp_path: Path) -> None:
    followed, dropped = tmp_path / "followed", tmp_path / "dropped"
    for path in (followed, dropped):
        path.write_bytes(b"1")
        agent.ask("follow", path=str(path), key=path.name)
    agent.until(lambda: agent.chunks("followed") and agent.chunks("dropped"))
    agent.ask("unfollow", key="dropped")
    for path in (dropped, followed):
        with path.open("ab") as file:
            file.write(b"2")
    agent.until(lambda: len(agent.chunks("followed")) == 2)
    assert len(agent.chunks("dropped")) == 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_what_is_no_file_is_refused(
    agent: AgentProcess, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "x")
    agent.ask("follow", path=str(tmp_path / "x"), key="k")
    agent.until(lambda: agent.events)
    assert agent.events[0]["ev"] == "follow.error"
    assert agent.ask("ping")


def test_a_client_that_does_not_read_stops_no_job(
    start_agent: Callable[..., AgentProcess], tmp_path: Path
) -> None:
    import subprocess
    import sys

    log, program = tmp_path / "out", tmp_path / "agent.zip"
    program.write_bytes(build_package().source)
    with subprocess.Popen(
        [sys.executable, str(program), "serve", "--folder", str(tmp_path / "pod folder")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as deaf:
        assert deaf.stdin is not None
        deaf.stdin.write(
            b'{"op": "job.start", "id": 1, "name": "server", "argv": ["sh", "-c", "head -c 3000000 /dev/zero; echo end"],'
            b' "log": "%s"}\n{"op": "follow", "path": "%s", "key": "k"}\n'
            % (str(log).encode(), str(log).encode())
        )
        deaf.stdin.flush()
        assert start_agent().until_state("exited")["exit_code"] == 0
        assert log.stat().st_size == 3_000_004
        deaf.kill()
