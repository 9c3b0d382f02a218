"""The local port is sticky, taken ports are said aloud, and a command beside the console does not move it."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TunnelState
from labeltui.hosts.base import Host
from labeltui.session.connection.tunnel import Tunnel
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


class Ports:
    """A forward of the stand-in host."""

    def __init__(self, local_port: int, direct: bool = False) -> None:
        self.local_port = local_port
        self.direct = direct
        self.closed = False

    async def close(self) -> None:
        self.closed = True


class Forwarding:
    """A host that can only forward; the ports in ``taken`` are in use."""

    def __init__(self, kind: str = "ssh", taken: tuple[int, ...] = (), loopback: bool = False) -> None:
        self.kind = kind
        self.loopback = loopback
        self.taken = taken
        self.given: list[Ports] = []

    async def forward(self, remote_port: int, *, local_port: int = 0) -> Any:
        if local_port in self.taken:
            raise Failed("port_taken", f"Port {local_port} is in use.")
        self.given.append(Ports(local_port or 54321, direct=self.kind == "local"))
        return self.given[-1]


def make(tmp_path: Path, *, hold: bool = True, remote: int = 8000) -> tuple[Store, Tunnel]:
    store = Store(SessionState(Identity("test")))
    return store, Tunnel(store, StateFolder(tmp_path), remote, lambda: NOW, hold=hold)


def listener_name() -> str:
    return Path("/proc/self/comm").read_text().strip()


async def opened(tunnel: Tunnel, host: Forwarding) -> None:
    await tunnel.open(cast(Host, host))


async def test_it_is_up_only_once_something_answered_through_it(tmp_path: Path) -> None:
    store, tunnel = make(tmp_path)
    await opened(tunnel, Forwarding())
    assert (tunnel.status.state, tunnel.status.local_port) == (TunnelState.OPEN, 8000)
    tunnel.request_succeeded()
    assert tunnel.status.state is TunnelState.UP
    tunnel.request_failed("connection refused")
    assert (tunnel.status.state, tunnel.status.detail) == (TunnelState.OPEN, "connection refused")
    await tunnel.close("reset by peer")
    assert (tunnel.status.state, tunnel.status.detail, tunnel.base_url) == (
        TunnelState.DOWN,
        "reset by peer",
        None,
    )
    assert store.state.tunnel.as_of == NOW


async def test_a_taken_port_moves_it_to_the_next_and_says_so_and_it_stays_there(tmp_path: Path) -> None:
    store, tunnel = make(tmp_path)
    await opened(tunnel, Forwarding(taken=(8000, 8001)))
    assert tunnel.status.url == "http://127.0.0.1:8002"
    assert "Port 8000 of this machine was in use" in store.state.alerts[0].message
    assert "8002" in store.state.alerts[0].hint

    store, later = make(tmp_path)
    await opened(later, Forwarding())
    assert later.status.local_port == 8002
    assert store.state.alerts == ()


async def test_a_port_that_is_not_the_servers_has_its_reason_also_in_later_sessions(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        _, tunnel = make(tmp_path, remote=port)
        await opened(tunnel, Forwarding(taken=(port,)))
    because = f"port {port} of this machine was in use by {listener_name()} (pid {os.getpid()})."
    assert tunnel.status.port_reason == because[:1].upper() + because[1:]
    for hold in (True, False, True):
        _, later = make(tmp_path, remote=port, hold=hold)
        await opened(later, Forwarding())
        assert later.status.port_reason == (
            f"Slicer knows port {port + 1} from an earlier session, so labeltui uses it again. "
            f"That session chose it because {because}"
        )


async def test_the_servers_own_port_needs_no_reason_and_an_unknown_user_is_not_guessed(
    tmp_path: Path,
) -> None:
    _, tunnel = make(tmp_path)
    await opened(tunnel, Forwarding())
    assert tunnel.status.port_reason == ""
    _, shared = make(tmp_path / "shared")
    await opened(shared, Forwarding(loopback=True))
    assert shared.status.port_reason == "Port 8000 is the server's own."
    _, moved = make(tmp_path / "moved", remote=9)
    await opened(moved, Forwarding(taken=(9,)))
    assert moved.status.port_reason == "Port 9 of this machine was in use by another program."


async def test_a_second_console_does_not_move_the_port_of_the_first(tmp_path: Path) -> None:
    StateFolder(tmp_path).write("tunnel", {"port": 8000, "pid": os.getppid()})
    _, second = make(tmp_path)
    await opened(second, Forwarding(taken=(8000,)))
    assert second.status.local_port == 8001
    assert StateFolder(tmp_path).read("tunnel") == {"port": 8000, "pid": os.getppid()}


async def test_a_reconnect_takes_the_same_port_and_counts(tmp_path: Path) -> None:
    _, tunnel = make(tmp_path)
    host = Forwarding()
    await opened(tunnel, host)
    await tunnel.close("lost")
    assert host.given[0].closed
    await opened(tunnel, host)
    assert (tunnel.status.local_port, tunnel.status.reconnects) == (8000, 1)


async def test_without_hold_it_borrows_a_port_but_names_the_sticky_one(tmp_path: Path) -> None:
    StateFolder(tmp_path).write("tunnel", {"port": 8007, "pid": os.getppid()})
    _, tunnel = make(tmp_path, hold=False)
    await opened(tunnel, Forwarding())
    assert (tunnel.base_url, tunnel.status.url) == ("http://127.0.0.1:54321", "http://127.0.0.1:8007")
    assert StateFolder(tmp_path).read("tunnel")["pid"] == os.getppid()


@pytest.mark.parametrize("first", ["open", "hold_port"])
async def test_a_command_that_holds_the_port_of_a_host_that_has_just_connected_opens_one_tunnel(
    tmp_path: Path, first: str
) -> None:
    _, tunnel = make(tmp_path, hold=False)
    host, go_on = Forwarding(), asyncio.Event()
    forward = host.forward

    async def slow(remote_port: int, *, local_port: int = 0) -> Any:
        await go_on.wait()
        return await forward(remote_port, local_port=local_port)

    host.forward = slow  # type: ignore[method-assign]
    calls = [tunnel.open(cast(Host, host)), tunnel.hold_port(cast(Host, host))]
    tasks = [asyncio.create_task(call) for call in (calls if first == "open" else reversed(calls))]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*tasks)
    assert (tunnel.base_url, tunnel.status.url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8000")
    assert [one.local_port for one in host.given if not one.closed] == [8000]
    assert not await tunnel.hold_port(cast(Host, host))


async def test_slicers_url_is_open_while_a_program_holds_its_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as console:
        port = console.getsockname()[1]
        for holder, is_open in ((os.getppid(), True), (os.getpid(), False), (2**22 + 1, False)):
            StateFolder(tmp_path).write("tunnel", {"port": port, "pid": holder})
            _, command = make(tmp_path, hold=False)
            await opened(command, Forwarding())
            assert command.status.url_open is is_open
    StateFolder(tmp_path).write("tunnel", {"port": port, "pid": os.getppid()})
    _, command = make(tmp_path, hold=False)
    await opened(command, Forwarding())
    assert not command.status.url_open, (
        "the port is closed, although a process has the id of a console that crashed"
    )
    await command.hold_port(cast(Host, Forwarding()))
    assert command.status.url_open
    _, here = make(tmp_path / "here", hold=False)
    await opened(here, Forwarding("local"))
    assert here.status.url_open


async def test_this_machine_needs_no_other_port(tmp_path: Path) -> None:
    store, tunnel = make(tmp_path, remote=8123)
    await opened(tunnel, Forwarding("local"))
    assert (tunnel.status.local_port, store.state.alerts) == (8123, ())


async def test_a_host_that_shares_our_loopback_keeps_its_port_for_the_server(tmp_path: Path) -> None:
    StateFolder(tmp_path).write("tunnel", {"port": 8000, "pid": 1})
    store, tunnel = make(tmp_path)
    await opened(tunnel, Forwarding(loopback=True))
    assert (tunnel.status.local_port, store.state.alerts) == (8001, ())


async def test_no_free_port_at_all_is_an_error_with_words(tmp_path: Path) -> None:
    _, tunnel = make(tmp_path)
    with pytest.raises(LabeltuiError, match="all local ports from 8000"):
        await opened(tunnel, Forwarding(taken=tuple(range(8000, 8100))))


def test_state_survives_garbage(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "profile")
    state.write("tunnel", {"port": 1})
    (tmp_path / "profile/tunnel.json").write_text("{")
    assert state.read("tunnel") == {}
    assert state.read("absent") == {}
    assert state.folder.stat().st_mode & 0o077 == 0
