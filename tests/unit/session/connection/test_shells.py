"""Shells that run in a host's tmux, and the console that owns each."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.config.model import ShellSection
from labeltui.domain.problems import Refused
from labeltui.hosts import tmux
from labeltui.hosts.base import Completed
from labeltui.hosts.tmux import Farewell, TmuxSession
from labeltui.session.connection.shells import Lifetime, Shells


@given(st.text(max_size=30), st.integers(1, 999))
def test_a_session_has_one_name_that_tmux_and_a_shell_take_as_it_is(profile: str, number: int) -> None:
    name = tmux.session_name(profile, number)
    assert name == tmux.session_name(profile, number)
    assert shlex.quote(name) == name
    assert not set(".:=$") & set(name)


LISTED = """\
labeltui-liver-1\t1\tdesk/77\t
labeltui-liver-12\t0\t\tdata
labeltui-liver-x\t0\t\t
labeltui-liver-2-3\t0\t\t
labeltui-spleen-4\t0\t\t
work\t1\t\t
labeltui-liver-3
"""


def test_only_the_profiles_own_shells_are_listed() -> None:
    assert tmux.parse_listing(LISTED, "liver") == (
        TmuxSession(1, True, "desk/77", ""), TmuxSession(3, False), TmuxSession(12, False, "", "data"),
    )  # fmt: skip
    assert tmux.parse_listing("", "liver") == ()


LEAVES = b"\x1b[1;24r\x1b(B\x1b[m\x1b[?1l\x1b>\x1b[H\x1b[2J\x1b[?12l\x1b[?25h\x1b[?1000l\x1b[?1049l\x1b[23;0;0t[%s]\r\n"


def test_tmux_leaving_clears_nothing_and_says_how_it_was() -> None:
    for said, exited, detached in (
        (b"exited", True, False),
        (b"detached (from session labeltui-liver-1)", False, True),
        (b"lost server", False, False),
    ):
        farewell = Farewell()
        assert (
            farewell.take(b"last words\r\n" + LEAVES % said)
            == b"last words\r\n\x1b[1;24r\x1b(B\x1b[m\x1b[?1l\x1b>"
        )
        assert farewell.take(b"more") == b""
        assert (farewell.exited, farewell.detached) == (exited, detached)


@given(st.binary(max_size=200).filter(lambda data: b"\x1b[?1049l" not in data))
def test_everything_else_passes(data: bytes) -> None:
    assert Farewell().take(data) == data


async def nobody() -> Any:
    raise AssertionError("the host is not asked")


def shells(**options: Any) -> Shells:
    return Shells(nobody, ShellSection(), "liver", **options)


def test_whose_a_shell_is() -> None:
    own = shells()
    machine = own.owner.rpartition("/")[0]
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not own.shown_elsewhere(TmuxSession(1, False, "elsewhere/1"))
    assert not own.shown_elsewhere(
        TmuxSession(1, True, own.owner)
    )  # a connection of ours that the host has not missed yet
    assert not own.shown_elsewhere(
        TmuxSession(1, True, f"{machine}/{gone.pid}")
    )  # a console that died on this machine
    assert own.shown_elsewhere(TmuxSession(1, True, f"{machine}/{os.getppid()}"))
    assert own.shown_elsewhere(TmuxSession(1, True, "elsewhere/1"))
    assert own.shown_elsewhere(TmuxSession(1, True, ""))


async def test_read_only_refuses_before_the_host_is_asked() -> None:
    reading = shells(read_only=True)
    for asked in (reading.open(1, 80, 24), reading.plain(80, 24), reading.open_proxy(80, 24)):
        with pytest.raises(Refused):
            await asked
    assert await reading.tmux_sessions() == ()


class Broken:
    """A host whose tmux does not work."""

    def __init__(self, answer: Completed) -> None:
        self.answer = answer
        self.commands: list[str | None] = []

    async def run(self, command: str, *, timeout: float | None = None) -> Completed:
        return self.answer

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Any:
        self.commands.append(command)
        return object()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Completed(0, b"absent\n", b""), "no tmux on the host"),
        (
            Completed(1, b"", b"error connecting to /tmp/x (File name too long)\n"),
            "tmux: error connecting to /tmp/x",
        ),
        (Completed(127, b"", b""), "tmux: exit code 127"),
        (Completed(0, b"\x1b[31mnonsense", b""), "tmux: exit code 0"),
    ],
)
async def test_where_tmux_does_not_work_the_shell_is_plain_and_says_why(answer: Completed, why: str) -> None:
    host = Broken(answer)

    async def connected() -> Any:
        return host

    opened = await Shells(connected, ShellSection(command="zsh -l"), "liver").open(1, 80, 24)
    assert opened.lifetime is Lifetime.CONNECTION
    assert opened.no_tmux_reason.startswith(why)
    assert host.commands == ["zsh -l"]
