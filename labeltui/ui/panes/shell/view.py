"""A terminal whose past may be kept elsewhere: what a host's tmux remembers is fetched to be looked at."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.message import Message

from labeltui.ui.widgets.terminal.engine import Engine, Modes, Mouse
from labeltui.ui.widgets.terminal.view import LEAVE_KEY, WHEEL_ROWS, TerminalView


class ShellView(TerminalView):
    """While ``kept``, looking back shows another engine, which holds the past; typing or its end show the present."""

    class Recall(Message):
        """The past is wanted: ``rows`` further back."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    class Wheel(Message):
        """The wheel moved by ``rows`` (negative is up) over a kept shell whose program did not ask for the mouse."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self) -> None:
        super().__init__()
        self.kept = False
        self._room = Size()
        self.leaving = False  # the key that leaves was pressed: those after it are the console's
        self._present: Engine | None = None  # the live engine, while another one shows the past

    @property
    def room(self) -> Size:
        """Its size, or while it is hidden the size that it had."""
        if self.size.area:
            self._room = self.size
        return self._room

    @property
    def present(self) -> Engine | None:
        """The engine of the live shell."""
        return self.engine if self._present is None else self._present

    @property
    def looking(self) -> bool:
        """Whether the past of a kept shell is shown."""
        return self._present is not None

    @property
    def modes(self) -> Modes:
        """What the program asked for, also while its past is shown."""
        return super().modes if self._present is None else self._present.frame().modes

    def show_past(self, past: Engine) -> None:
        """Show an engine that holds the past, until ``show_present``."""
        self.show_present()
        self._present, self.engine = self.engine, past
        past.changed = self.changed
        self.changed()

    def show_present(self) -> None:
        """Show the live shell again."""
        if self._present is not None:
            past, self.engine, self._present = self.engine, self._present, None
            if past is not None:
                past.close()
            self.changed()

    def look_back(self, rows: int) -> None:
        """Through the scrollback, wherever it is kept: negative is up."""
        if not self.kept or self.looking:
            super().look_back(rows)
        elif rows < 0:
            self.post_message(self.Recall(rows))

    def on_key(self, event: events.Key) -> None:
        """What follows the key that leaves goes to the console, though the keyboard is only about to move.

        And the keys that scroll: tmux always draws on the alternate screen, which has no scrollback of its own.
        """
        if self.leaving:
            event.prevent_default()
        elif event.key == LEAVE_KEY and self.live:
            self.leaving = True
        elif self.kept and self.live and event.key in self.SCROLL_KEYS:
            event.stop()
            event.prevent_default()
            self.look_back(self.SCROLL_KEYS[event.key] * max(1, self.size.height - 1))

    def on_blur(self) -> None:
        """The keyboard has moved."""
        self.leaving = False

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel over a kept shell."""
        self._wheel_kept(event, -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel over a kept shell."""
        self._wheel_kept(event, WHEEL_ROWS)

    def _wheel_kept(self, event: events.MouseEvent, rows: int) -> None:
        if not self.kept or (self.modes.mouse is not Mouse.OFF and not event.shift):
            return
        event.stop()
        event.prevent_default()
        if self.looking:
            self.look_back(rows)
        else:
            self.post_message(self.Wheel(rows))

    def _type(self, data: bytes) -> None:
        if data:
            self.show_present()
        super()._type(data)
