"""Pane 2 over a real PTY of this machine."""

from __future__ import annotations

from typing import Any

from stand_in import StandIn, connected, settled, wait_for

from labeltui.hosts.base import Shell
from labeltui.hosts.local import LocalHost
from labeltui.ui.app import Console
from labeltui.ui.panes.shell import ShellPane


class WithShell(StandIn):
    async def open_shell(self, columns: int, rows: int, command: str | None = None) -> Shell:
        host = LocalHost()
        await host.connect()
        return await host.shell(columns, rows, command="env PS1='$ ' bash --norc --noprofile")


def screen(pane: ShellPane) -> list[str]:
    return [pane.render_line(y).text.rstrip() for y in range(pane.size.height)]


async def test_typing_size_flood_and_leaving() -> None:
    app = Console(session=WithShell(connected()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        pane: Any = app.panes["shell"]
        await wait_for(pilot, lambda: "$" in "".join(screen(pane)), "a prompt")
        await pilot.press("2")
        await wait_for(pilot, lambda: pane.has_focus, "the shell's keyboard")
        await pilot.press(*"stty", "space", *"size", "enter")
        size = f"{pane.size.height} {pane.size.width}"
        await wait_for(pilot, lambda: size in screen(pane), "the size")
        await pilot.press("y", "e", "s", "enter")
        await wait_for(pilot, lambda: screen(pane).count("y") > 5, "the flood")
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: [r for r in screen(pane) if r][-1] == "$", "the prompt again")
        await pilot.press("ctrl+right_square_bracket")
        await wait_for(pilot, lambda: not pane.has_focus, "another pane")
