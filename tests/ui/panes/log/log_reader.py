"""Open the log pane, type into it, and read its rows."""

from __future__ import annotations

from collections.abc import Callable

from textual.pilot import Pilot
from textual.widgets import Input

from labeltui.session.log.store import LogStore
from labeltui.ui.app import Console
from labeltui.ui.panes.log.pane import LogPane
from tests.ui.fake_session import settled, wait_for

SIZE = (120, 40)
MANY = b"".join(b"line %d\n" % number for number in range(500))
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [%s] (monailabel.datastore.local:408) - "


def record(message: str, level: bytes = b"INFO") -> bytes:
    return HEAD % level + message.encode() + b"\n"


class Reader:
    """A console's log pane, which has the focus."""

    def __init__(self, app: Console, pilot: Pilot[int]) -> None:
        pane = app.panes["log"]
        assert isinstance(pane, LogPane)
        self.app, self.pilot, self.pane, self.view = app, pilot, pane, pane.view

    @property
    def store(self) -> LogStore:
        return self.view.store

    @property
    def screen_rows(self) -> list[str]:
        return [self.view.render_line(y).text[:-1].rstrip() for y in range(self.view.size.height)]

    @property
    def messages(self) -> list[str]:
        return [row.strip() for row in self.screen_rows if row.strip()]

    async def until(self, holds: Callable[[], object], what: str = "it") -> None:
        await wait_for(self.pilot, holds, f"{what}; messages: {self.messages[-8:]}, facts: {self.pane.facts}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def ask(self, key: str, text: str, end: str = "enter") -> None:
        """Press ``key`` to open the input, set its text to ``text`` in one step, and press ``end``."""
        await self.press(key)
        self.pane.query_one(Input).value = text
        await self.press(*([end] if end else []))

    def feed(self, data: bytes) -> None:
        self.store.feed(self.store.size, data)


async def open_log(pilot: Pilot[int], app: Console, *, zoomed: bool = False) -> Reader:
    """Wait until the log pane has the focus; with ``zoomed``, until it fills the screen."""
    await settled(pilot)
    reader = Reader(app, pilot)
    await reader.until(lambda: app.frame_screen.focused is reader.pane.focus_target, "the keyboard")
    if zoomed:
        height = reader.view.size.height
        await pilot.press("z")
        await reader.until(lambda: reader.view.size.height > height, "the whole screen")
    return reader


def lit(reader: Reader, row: int) -> bool:
    tone = reader.view.page.tones.match.bgcolor
    return any(segment.style and segment.style.bgcolor == tone for segment in reader.view.render_line(row))


def at(second: int, level: str = "INFO") -> bytes:
    return b"[2026-11-23 17:%02d:%02d,000] [42] [T] [%b] (a.b:1) - at %d\n" % (
        second // 60, second % 60, level.encode(), second,
    )  # fmt: skip
