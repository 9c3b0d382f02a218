"""A console whose shells run in a real tmux on this machine."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from labeltui.config.model import ShellSection
from labeltui.hosts.base import Completed
from labeltui.hosts.local import LocalHost
from labeltui.session.connection.shells import Shells
from labeltui.ui.app import Console
from tests.ui.fake_session import NOW, FakeSession, connected, settled
from tests.ui.panes.shell.test_pane import PROMPT, SIZE, Desk, Lossy


class KeepingHost:
    """This machine, with a tmux server of its own; its shells can be cut off."""

    def __init__(self, home: Path) -> None:
        self.env = {"HOME": str(home), "TMUX_TMPDIR": str(home), "SHELL": "/bin/sh", "PS1": f"{PROMPT} "}
        self.local = LocalHost(env=self.env)
        self.shells: list[Lossy] = []

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Lossy:
        self.shells.append(Lossy(await self.local.shell(columns, rows, command=command)))
        return self.shells[-1]

    async def run(self, command: str, *, timeout: float | None = 60.0) -> Completed:
        return await self.local.run(command, timeout=timeout)


class Keeping(FakeSession):
    """A session over that host."""

    def __init__(self, host: KeepingHost, **section: Any) -> None:
        super().__init__(connected())
        command = f"exec env PS1='{PROMPT} ' bash --norc --noprofile"
        self.keeping = host
        self.shells = Shells(self.connected_host, ShellSection(command=command, **section), self.name)

    async def connected_host(self) -> Any:
        return self.keeping

    async def close(self) -> None:
        await super().close()
        await self.keeping.local.close()


class Tabs(Desk):
    """The console with several shells."""

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def leader(self, key: str) -> None:
        """Leave the shell, and press what is behind the shells' leader."""
        if self.pane.view.has_focus:
            await self.press("ctrl+right_square_bracket")
            await self.until(lambda: not self.pane.view.has_focus, "the keyboard elsewhere")
        await self.press("exclamation_mark", key)

    async def interrupt(self) -> None:
        """ctrl+c until there is a prompt: bash goes on with its loop where the command in it ends at that moment."""
        for _ in range(8):
            await self.press("ctrl+c")
            for _ in range(100):
                if self.text.rstrip().endswith(PROMPT):
                    return
                await self.pilot.pause(0.02)
        await self.prompted()

    async def count(self, wanted: int) -> None:
        await self.until(lambda: len(self.pane.tabs) == wanted, f"{wanted} shells")

    @property
    def names(self) -> list[int]:
        return [tab.number for tab in self.pane.tabs]


class Clock:
    def __init__(self) -> None:
        self.later = timedelta()

    def __call__(self) -> datetime:
        return NOW + self.later


class AtDesk:
    """A console over a session, from its start to its end."""

    def __init__(self, session: Keeping) -> None:
        self.clock = Clock()
        self.session = session
        self.app = Console(session=session, clock=self.clock)

    async def __aenter__(self) -> Tabs:
        self.running = self.app.run_test(size=SIZE)
        pilot = await self.running.__aenter__()
        await settled(pilot)
        return Tabs(pilot, self.app, self.session)  # type: ignore[arg-type]

    async def __aexit__(self, *error: object) -> None:
        await self.running.__aexit__(None, None, None)
