"""The terminal widget: shows an engine, and turns keys, paste and mouse into bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.message import Message

from labeltui.ui.debounce import call_after
from labeltui.ui.messages import LEAVE_KEY, LeaveShell
from labeltui.ui.widgets.terminal.canvas import TerminalCanvas
from labeltui.ui.widgets.terminal.engine import Mouse
from labeltui.ui.widgets.terminal.keys import key_bytes, mouse_bytes, paste_bytes

SETTLE_S = 0.05  # seconds that a size must hold before the program gets it, since windows are dragged
WHEEL_ROWS = 3


class TerminalView(TerminalCanvas):
    """A terminal with keyboard and mouse.

    ``send`` gets the bytes of keys; ``resized`` gets each size that stays for a moment.
    """

    class AskPaste(Message):
        """Several lines are to be pasted into a program that may run each one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Find(Message):
        """A search while scrolled back; ``older`` is None to ask for the text first."""

        def __init__(self, older: bool | None) -> None:
            super().__init__()
            self.older = older

    class Selected(Message):
        """The mouse selected text and was released."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    FIND_KEYS: ClassVar[dict[str, bool | None]] = {"ctrl+f": None, "ctrl+p": True, "ctrl+n": False}
    SCROLL_KEYS: ClassVar[dict[str, int]] = {"shift+pageup": -1, "shift+pagedown": 1}

    def __init__(self) -> None:
        super().__init__()
        self.send: Callable[[bytes], None] = lambda _data: None
        self.resized: Callable[[int, int], None] = lambda _columns, _rows: None
        self._settling: asyncio.TimerHandle | None = None

    # -- size

    def on_resize(self, event: events.Resize) -> None:
        """Pass a new size to engine and program once it has not changed for a moment."""
        self._strips.clear()
        if self._settling is not None:
            self._settling.cancel()
        self._settling = call_after(self, SETTLE_S, self._settled)

    def _settled(self) -> None:
        self._settling = None
        columns, rows = self.size
        if not columns or not rows:
            return
        if self.engine is not None:
            self.engine.resize(columns, rows)
            self.changed()
        self.resized(columns, rows)

    # -- keys, paste, mouse

    def on_focus(self) -> None:
        """Report the focus to a program that asked for it."""
        self._focused(b"\x1b[I")

    def on_blur(self) -> None:
        """Report the lost focus to a program that asked for it."""
        self._focused(b"\x1b[O")

    def _focused(self, report: bytes) -> None:
        if self.live and self.modes.focus_events:
            self.send(report)
        if self._shown is not None and self._shown.cursor is not None:
            self._refresh_rows({self._shown.cursor.row})

    def on_key(self, event: events.Key) -> None:
        """Send keys to the program, except ctrl+] and the keys that scroll and find."""
        if not self.live:
            return
        event.stop()
        event.prevent_default()
        if event.key == LEAVE_KEY:
            self.post_message(LeaveShell())
        elif event.key in self.SCROLL_KEYS and not self.modes.alternate_screen:
            self.scroll_back(self.SCROLL_KEYS[event.key] * max(1, self.size.height - 1))
        elif event.key in self.FIND_KEYS and self._shown is not None and self._shown.behind:
            self.post_message(self.Find(self.FIND_KEYS[event.key]))
        else:
            self._type(key_bytes(event, self.modes))

    def _type(self, data: bytes) -> None:
        if not data:
            return
        if self.engine is not None and self._shown is not None and self._shown.behind:
            self.engine.scroll_to_end()
            self.changed()
        self.send(data)

    def scroll_back(self, rows: int) -> None:
        """Scroll by ``rows`` through the scrollback; negative is up."""
        if self.engine is not None:
            self.engine.scroll(rows)
            self.changed()

    def on_paste(self, event: events.Paste) -> None:
        """Paste; asks first if the program may run each line."""
        event.stop()
        if not self.live:
            return
        if not self.modes.bracketed_paste and "\n" in event.text.replace("\r", "\n").strip("\n"):
            self.post_message(self.AskPaste(event.text))
        else:
            self.paste(event.text)

    def paste(self, text: str) -> None:
        """Send ``text`` as a paste."""
        self._type(paste_bytes(text, self.modes))

    def _mouse(self, event: events.MouseEvent, button: int, *, pressed: bool, moved: bool) -> bool:
        """Report a mouse event to a program that asked for it. Returns False if it did not; shift selects instead."""
        if not self.live or event.shift or self.modes.mouse is Mouse.OFF:
            return False
        code = button + (8 if event.meta else 0) + (16 if event.ctrl else 0)
        column, row = max(0, int(event.x)), max(0, int(event.y))
        data = mouse_bytes(code, column, row, modes=self.modes, pressed=pressed, moved=moved)
        if data:
            self.send(data)
            event.stop()
        return bool(data)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Report a pressed button."""
        if self._mouse(event, max(0, event.button - 1), pressed=True, moved=False):
            event.prevent_default()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Report a released button; if the program did not ask, copy the selection."""
        if not self._mouse(event, max(0, event.button - 1), pressed=False, moved=False):
            self.call_later(self._copy_selected)

    def _copy_selected(self) -> None:
        selection = self.text_selection
        found = None if selection is None else self.get_selection(selection)
        if found is not None and found[0].strip():
            self.post_message(self.Selected(found[0]))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Report a drag, or any move, to a program that asked for it."""
        self._mouse(event, event.button - 1 if event.button else 3, pressed=True, moved=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        self._wheel(event, 64, -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        self._wheel(event, 65, WHEEL_ROWS)

    def _wheel(self, event: events.MouseEvent, button: int, rows: int) -> None:
        """Report the wheel to a program that asked for it.

        To another program on the alternate screen send arrow keys; else scroll back.
        """
        event.stop()
        event.prevent_default()
        if self._mouse(event, button, pressed=True, moved=False):
            return
        if self.modes.alternate_screen:
            arrow = key_bytes(events.Key("up" if rows < 0 else "down", None), self.modes)
            if self.live:
                self.send(arrow * abs(rows))
        else:
            self.scroll_back(rows)
