"""Pictures of pane 2: several shells, one that is lost, one that ended, one through RunPod's proxy, and none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from textual.pilot import Pilot

from labeltui.domain.pod.pod import SshEndpoint
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState
from labeltui.hosts.tmux import Farewell
from labeltui.session.connection.shells import Lifetime, OpenShell
from labeltui.ui.app import Console
from labeltui.ui.panes.shell.pane import ShellPane
from labeltui.ui.panes.shell.words import Phase
from tests.fakes.store import put
from tests.ui.fake_session import NOW, FakeSession, SilentShell, connected, dead, fresh, settled, wait_for
from tests.ui.sample_pods import OWN

SMALL, MIDDLE = (80, 24), (120, 40)
SCREEN = (
    b"root@annot-a5000:/workspace# nvidia-smi -L\r\n"
    b"GPU 0: NVIDIA RTX A5000 (UUID: GPU-6c1d)\r\n"
    b"root@annot-a5000:/workspace# \x1b[1;34mls\x1b[m\r\n\x1b[34mlabeltui\x1b[m  \x1b[34mstudies\x1b[m\r\n"
    b"root@annot-a5000:/workspace# \x1b]2;%s\x07"
)


class Ending(SilentShell):
    """A shell that says something, and ends when it is asked to, with that code."""

    def __init__(self, said: bytes) -> None:
        super().__init__(said)
        self.code: int | None = 0

    async def wait(self) -> int | None:
        await self.gone.wait()
        return self.code

    def end(self, code: int | None) -> None:
        self.code = code
        self.gone.set()


class Shells:
    """What a session offers of shells, without a host."""

    read_only = False

    def __init__(self) -> None:
        from labeltui.config.model import ShellSection

        self.section = ShellSection()
        self.ending: list[Ending] = []

    async def tmux_sessions(self) -> tuple[()]:
        return ()

    async def free_number(self, taken: frozenset[int]) -> int:
        return next(n for n in range(1, 99) if n not in taken)

    async def open(self, number: int, columns: int, rows: int) -> OpenShell:
        titles = {2: b"vim train.py", 3: b"nvidia-smi -l"}
        self.ending.append(Ending(SCREEN % titles.get(number, b"")))
        return OpenShell(self.ending[-1], Lifetime.TMUX, f"labeltui-{number}", farewell=Farewell())

    async def open_proxy(self, columns: int, rows: int) -> OpenShell:
        return OpenShell(Ending(SCREEN % b""), Lifetime.PROXY)

    async def ended(self, opened: OpenShell) -> Any:
        from labeltui.session.connection.shells import Ended

        code = await opened.shell.wait()
        return (Ended.LOST if code is None else Ended.EXITED), code


def app_over(state: SessionState) -> Console:
    session = FakeSession(state)
    session.shells = Shells()  # type: ignore[assignment]
    return Console(session=session, clock=lambda: NOW)


async def tabs(pilot: Pilot[Any], pane: ShellPane) -> None:
    for count in (2, 3):
        await pilot.press("ctrl+right_square_bracket", "exclamation_mark", "n")
        await wait_for(pilot, lambda n=count: len(pane.tabs) == n and pane.phase is Phase.LIVE, "one more")
        await wait_for(pilot, lambda: pane.current.title, "its title")
    pane.tabs[0].label = "data"
    pane.tabs[1].rang = True
    pane.tabs[0].unseen = pane.tabs[1].unseen = False
    await pilot.pause(0.05)
    pilot.app.paint()  # type: ignore[attr-defined]


async def lost(pilot: Pilot[Any], pane: ShellPane) -> None:
    session = pilot.app.session  # type: ignore[attr-defined]
    before = session.store.state
    status = replace(before.host.value, state=LinkState.RECONNECTING, detail="Connection reset by peer")
    put(session.store, host=before.host.succeeded(status, NOW))
    session.shells.ending[0].end(None)
    await wait_for(pilot, lambda: pane.phase is Phase.LOST, "the loss")


async def exited(pilot: Pilot[Any], pane: ShellPane) -> None:
    pilot.app.session.shells.ending[0].end(3)  # type: ignore[attr-defined]
    await wait_for(pilot, lambda: pane.phase is Phase.EXITED, "the end")


async def proxied(pilot: Pilot[Any], pane: ShellPane) -> None:
    await pilot.press("ctrl+right_square_bracket", "exclamation_mark", "e")
    await wait_for(pilot, lambda: pane.current.proxied and pane.phase is Phase.LIVE, "the proxied shell")


async def offered(pilot: Pilot[Any], pane: ShellPane) -> None:
    await asyncio.sleep(0)


def with_proxy(state: SessionState) -> SessionState:
    endpoint = SshEndpoint("ssh.runpod.io", 22, "k7x9m2qabc-64411d2c")
    return replace(state, pod=fresh(replace(OWN, ssh_proxy=endpoint)))


PICTURES: dict[str, tuple[Callable[[Pilot[Any], ShellPane], Awaitable[None]], Callable[[], SessionState]]] = {
    "tabs": (tabs, connected),
    "lost": (lost, connected),
    "exited": (exited, connected),
    "proxied": (proxied, lambda: with_proxy(connected())),
    "offered": (offered, lambda: with_proxy(dead())),
}


def before(
    what: Callable[[Pilot[Any], ShellPane], Awaitable[None]],
) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        app = pilot.app
        assert isinstance(app, Console)
        pane = app.panes["shell"]
        assert isinstance(pane, ShellPane)
        await pilot.press("2")
        if what is not offered:
            await wait_for(pilot, lambda: "studies" in app.export_screenshot(), "the shell")
        await what(pilot, pane)
        if what is not offered:
            await wait_for(pilot, lambda: "studies" in app.export_screenshot(), "the shell")
        app.paint()
        await pilot.pause()
        ElementTree.fromstring(app.export_screenshot())

    return run


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *((name, SMALL) for name in PICTURES),
        *(pytest.param(name, MIDDLE, marks=pytest.mark.slow) for name in PICTURES),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_shell(snap_compare: Callable[..., bool], name: str, size: tuple[int, int]) -> None:
    what, state = PICTURES[name]
    assert snap_compare(app_over(state()), terminal_size=size, run_before=before(what))
