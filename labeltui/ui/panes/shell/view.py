"""A terminal that can show scrollback fetched from the host's tmux."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.message import Message

from labeltui.ui.messages import LEAVE_KEY
from labeltui.ui.widgets.terminal.engine import Engine, Modes, Mouse
from labeltui.ui.widgets.terminal.view import WHEEL_ROWS, TerminalView


class ShellView(TerminalView):
    """A terminal with one engine for the live shell and, if ``in_tmux``, one for the fetched scrollback.

    Scrolling back shows the scrollback. Typing, or scrolling to its end, shows the live shell again.
    """

    class Recall(Message):
        """Requests that the scrollback is fetched and scrolled by ``rows`` (negative is up)."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    class Wheel(Message):
        """The mouse wheel moved by ``rows`` (negative is up).

        Sent only for a shell in tmux, if no program uses the mouse or shift is pressed.
        """

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self) -> None:
        super().__init__()
        self.in_tmux = False
        self._room = Size()
        self.leaving = False  # ctrl+] was pressed: the keys after it go to the console
        self._present: Engine | None = None  # the live engine while the scrollback is shown

    @property
    def room(self) -> Size:
        """The size in cells. While the terminal is hidden, its last visible size."""
        if self.size.area:
            self._room = self.size
        return self._room

    @property
    def present(self) -> Engine | None:
        """The live shell's engine, also while the scrollback is shown. None before the first shell."""
        return self.engine if self._present is None else self._present

    @property
    def shows_past(self) -> bool:
        """Whether the fetched scrollback is shown."""
        return self._present is not None

    @property
    def modes(self) -> Modes:
        """The terminal modes of the live shell's program, also while the scrollback is shown."""
        return super().modes if self._present is None else self._present.frame().modes

    def show_past(self, past: Engine) -> None:
        """Show the engine with the scrollback until :meth:`show_present` is called."""
        self.show_present()
        self._present, self.engine = self.engine, past
        past.changed = self.changed
        self.changed()

    def show_present(self) -> None:
        """Close the scrollback's engine and show the live shell again."""
        if self._present is not None:
            past, self.engine, self._present = self.engine, self._present, None
            if past is not None:
                past.close()
            self.changed()

    def scroll_back(self, rows: int) -> None:
        """Scroll by ``rows`` (negative is up). Requests the scrollback first if the shell runs in tmux."""
        if not self.in_tmux or self.shows_past:
            super().scroll_back(rows)
        elif rows < 0:
            self.post_message(self.Recall(rows))

    def on_key(self, event: events.Key) -> None:
        """Pass keys after ctrl+] to the console, and scroll a shell in tmux.

        The focus leaves the terminal a moment after ctrl+], so ``leaving`` marks the keys in between.
        Scroll keys are handled here because tmux draws on the alternate screen, which has no scrollback.
        """
        if self.leaving:
            event.prevent_default()
        elif event.key == LEAVE_KEY and self.live:
            self.leaving = True
        elif self.in_tmux and self.live and event.key in self.SCROLL_KEYS:
            event.stop()
            event.prevent_default()
            self.scroll_back(self.SCROLL_KEYS[event.key] * max(1, self.size.height - 1))

    def on_blur(self) -> None:
        """Reset ``leaving``, because the focus has moved to the console."""
        self.leaving = False

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll a shell in tmux up."""
        self._wheel_in_tmux(event, -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll a shell in tmux down."""
        self._wheel_in_tmux(event, WHEEL_ROWS)

    def _wheel_in_tmux(self, event: events.MouseEvent, rows: int) -> None:
        if not self.in_tmux or (self.modes.mouse is not Mouse.OFF and not event.shift):
            return
        event.stop()
        event.prevent_default()
        if self.shows_past:
            self.scroll_back(rows)
        else:
            self.post_message(self.Wheel(rows))

    def _type(self, data: bytes) -> None:
        if data:
            self.show_present()
        super()._type(data)
