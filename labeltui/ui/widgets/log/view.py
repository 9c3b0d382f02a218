"""A log that is read with the keyboard and the mouse."""

from __future__ import annotations

from textual import events

from labeltui.ui.widgets.log.reader import LogReader

WHEEL_ROWS = 3


class LogView(LogReader):
    """A log whose lines are picked, and whose scrollbar is dragged, with the mouse."""

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the line; a click on the count of a folded traceback opens it."""
        if event.y >= len(self.rows) or event.x >= self.page.width or self.text_selection is not None:
            return
        shown = self.rows[event.y]
        if shown.line is not None:
            self.goto(shown.line, centred=False)
            count_at = shown.fold_at(self.page.tones)
            if count_at is not None and event.x >= count_at:
                self.turn()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self.scroll_by(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self.scroll_by(WHEEL_ROWS)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start dragging the scrollbar."""
        if event.x >= self.page.width:
            self._dragging = True
            self.capture_mouse()
            self._drag_to(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the scrollbar."""
        if self._dragging:
            self._drag_to(event.y)

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        """Stop dragging."""
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def _drag_to(self, y: int) -> None:
        height = max(1, self.size.height - 1)
        if y >= height:
            self.follow()
            return
        self._stay()
        self.page.top, self.page.skip = max(0, y) * self.page.count // height, 0
        self.cursor = None
        self.redraw()
