"""Pane 2: a live shell on the host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Level, SessionState
from labeltui.hosts.base import Shell
from labeltui.ui.contract import Hint
from labeltui.ui.messages import Flash, HintsChanged, Leave
from labeltui.ui.text import fit, safe
from labeltui.ui.widgets.terminal.encoding import encode_key, encode_paste
from labeltui.ui.widgets.terminal.engine import Bittty

SLICE = 4096
"""Bytes obeyed between two turns of the event loop: about 2 ms."""
REPAINT_S = 1 / 30


class ShellPane(Widget, can_focus=True):
    """Every key goes to the remote, except ``ctrl+]``."""

    DEFAULT_CSS = "ShellPane { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.session: Any = None
        self.shell: Shell | None = None
        self.engine = Bittty(80, 24)
        self.note = ""
        self.facts = "ctrl+] leaves"
        self.said = "not connected"
        self._shell_task: asyncio.Task[None] | None = None
        self._pending = False
        self._paste = ""

    def attach(self, session: Any) -> None:
        """A shell is opened as soon as the host is connected."""
        self.session = session
        self._open()

    def detach(self) -> None:
        """Hang up."""
        if self._shell_task is not None:
            self._shell_task.cancel()
        self.session = self._shell_task = None

    async def on_unmount(self) -> None:
        """Hang up with the console."""
        self.detach()

    @property
    def focus_target(self) -> Widget:
        """The pane itself."""
        return self

    def hints(self) -> Sequence[Hint]:
        """Keys for the footer."""
        return [("ctrl+]", "leaves the shell")]

    def show(self, state: SessionState, now: datetime) -> None:
        """The shell does not follow snapshots."""

    def _open(self) -> None:
        if self.session is not None and (self._shell_task is None or self._shell_task.done()):
            self._shell_task = asyncio.create_task(self._run(self.session), name="shell pane")

    def _tell(self, said: str) -> None:
        self.said = said
        self._told()
        self.refresh()

    def _told(self) -> None:
        title = self.engine.title if self.shell is not None else ""
        note = "" if title in ("", "Terminal") else title
        if note != self.note:
            self.note = note
            self.post_message(HintsChanged())

    def _room(self) -> tuple[int, int]:
        return (self.size.width or 80, self.size.height or 24)

    async def _run(self, session: Any) -> None:
        self._tell("connecting …")
        try:
            shell: Shell = await session.open_shell(*self._room())
        except LabeltuiError as error:
            self._tell(f"{safe(error.problem.message)} enter tries again")
            return
        self.shell = shell
        self.engine = Bittty(*self._room())
        shell.resize(*self._room())
        self._tell("")
        try:
            await self._pump(shell)
            code = await shell.wait()
        except LabeltuiError as error:
            self._tell(f"{safe(error.problem.message)} enter opens a new shell")
        else:
            lost = "connection lost" if code is None else f"shell ended with exit code {code}"
            self._tell(f"{lost} · enter opens a new one")
        finally:
            self.shell = None
            await shell.close()

    async def _pump(self, shell: Shell) -> None:
        # Nothing is read before the last slice is obeyed: the remote is held back, not this console.
        while data := await shell.read(SLICE):
            answers = self.engine.feed(data)
            if answers:
                shell.write(answers)
            self._changed()
            await asyncio.sleep(0)

    def _changed(self) -> None:
        if not self._pending and self.is_mounted:
            self._pending = True
            self.set_timer(REPAINT_S, self._repaint)

    def _repaint(self) -> None:
        self._pending = False
        self._told()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the screen; what happened to the shell on the last one."""
        width, height = self._room()
        if self.said and y == height - 1:
            return Strip([Segment(fit(f" {self.said} ", width), Style(reverse=True))]).apply_style(
                self.rich_style
            )
        try:
            strip = self.engine.row(y)
        except IndexError:
            strip = Strip.blank(width)
        cursor = self.engine.cursor
        if cursor is not None and cursor[1] == y and self.has_focus and self.shell is not None:
            x = min(cursor[0], width - 1)
            at = strip.crop(x, x + 1).adjust_cell_length(1).apply_style(Style(reverse=True))
            strip = Strip.join([strip.crop(0, x), at, strip.crop(x + 1)])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def on_resize(self, _event: events.Resize) -> None:
        """The remote has the size that is seen."""
        columns, rows = self._room()
        self.engine.resize(columns, rows)
        if self.shell is not None:
            self.shell.resize(columns, rows)

    def on_key(self, event: events.Key) -> None:
        """To the remote."""
        event.stop()
        event.prevent_default()
        if event.key in ("ctrl+right_square_bracket", "ctrl+]"):
            self._paste = ""
            # To the app itself: on its way up, a widget takes it for the mouse's event of that name.
            self.app.post_message(Leave())
        elif self._paste:
            self._answer_paste(event.key)
        elif self.shell is not None:
            application = self.engine.application_keys
            self.shell.write(encode_key(event.key, event.character, application=application))
        elif event.key == "enter":
            self._open()

    def on_paste(self, event: events.Paste) -> None:
        """One line goes at once; several only to a program that can tell, or after a question."""
        event.stop()
        if self.shell is None:
            return
        bracketed = self.engine.bracketed_paste
        if bracketed or not ("\n" in event.text or "\r" in event.text):
            self.shell.write(encode_paste(event.text, bracketed=bracketed))
            return
        self._paste = event.text
        count = len(event.text.splitlines())
        self._tell(f"paste {count} lines, each of which runs? y pastes, any other key does not")

    def _answer_paste(self, key: str) -> None:
        text, self._paste = self._paste, ""
        self._tell("")
        if key == "y" and self.shell is not None:
            self.shell.write(encode_paste(text, bracketed=False))
        else:
            self.post_message(Flash("nothing was pasted", Level.INFO))
