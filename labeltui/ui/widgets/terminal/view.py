"""The widget: paints an engine's frames, and turns keys, paste and mouse into bytes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from labeltui.ui.debounce import soon
from labeltui.ui.messages import LeaveShell
from labeltui.ui.presentation.text import fit
from labeltui.ui.widgets.terminal.engine import Engine, Frame, Look, Modes, Mouse, Row
from labeltui.ui.widgets.terminal.keys import key_bytes, mouse_bytes, paste_bytes
from labeltui.ui.widgets.terminal.paint import strip_of, with_cursor

REPAINT_S = 1 / 60
PACE_MOST_S, LATE_COUNTS = 0.2, 3
SETTLE_S = 0.05  # a size must hold this long before the program is told: windows are dragged
HALF_FRAME_S = 0.15  # how long a program may keep the screen still while it draws
WHEEL_ROWS = 3
LEAVE_KEY = "ctrl+right_square_bracket"


class TerminalView(Widget, can_focus=True):
    """Shows an :class:`Engine`. ``send`` gets the bytes of keys; ``resized`` hears the size that holds."""

    DEFAULT_CSS = "TerminalView { height: 1fr; width: 1fr; }"

    class Changed(Message):
        """Title, size or place in the scrollback is another now."""

    class Rang(Message):
        """The bell."""

    class AskPaste(Message):
        """Several lines are to be pasted into a program that would take each as a command."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Find(Message):
        """While scrolled back: words are to be looked for; ``older`` None asks for them first."""

        def __init__(self, older: bool | None) -> None:
            super().__init__()
            self.older = older

    class Selected(Message):
        """The mouse selected text, and let go."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    FIND_KEYS: ClassVar[dict[str, bool | None]] = {"ctrl+f": None, "ctrl+p": True, "ctrl+n": False}
    SCROLL_KEYS: ClassVar[dict[str, int]] = {"shift+pageup": -1, "shift+pagedown": 1}

    def __init__(self) -> None:
        super().__init__()
        self.engine: Engine | None = None
        self.live = False  # there is somebody to send keys to
        self.send: Callable[[bytes], None] = lambda _data: None
        self.resized: Callable[[int, int], None] = lambda _columns, _rows: None
        self.words: tuple[str, ...] = ()
        self.wanted = ""  # is marked while the view is scrolled back
        self._shown: Frame | None = None
        self._strips: dict[int, tuple[Row, Strip]] = {}
        self._base = Style()  # the widget's own colours
        self._styles: dict[Look, Style] = {}
        self._pending = False
        self._held_since = 0.0
        self._painted_at = 0.0
        self._pace = REPAINT_S
        self._settling: asyncio.TimerHandle | None = None

    # -- what is shown

    def say(self, *lines: str) -> None:
        """Show words where there is no terminal yet; they must be safe already."""
        if self.words != lines:
            self.words = lines
            self.refresh()

    @property
    def modes(self) -> Modes:
        """What the program asked for."""
        return Modes() if self._shown is None else self._shown.modes

    @property
    def shown(self) -> Frame | None:
        """The frame on the screen."""
        return self._shown

    def changed(self) -> None:
        """The engine has something new: painted at once after a pause, else with what comes until the next frame."""
        if self._pending or not self.is_mounted:
            return
        wait = self._painted_at + self._pace - time.monotonic()
        if wait <= 0:
            self._pace = REPAINT_S
            self._repaint()
        else:
            self._pending = True
            soon(self, wait, self._repaint_late)

    def _repaint_late(self) -> None:
        """As it was put off: the later this comes, the more the machine has to do, and the fewer frames it gets."""
        late = time.monotonic() - self._painted_at - self._pace
        self._pace = min(PACE_MOST_S, REPAINT_S + LATE_COUNTS * max(0.0, late))
        self._repaint()

    def _repaint(self) -> None:
        self._pending = False
        if self.engine is None:
            return
        self._painted_at = time.monotonic()
        frame, old = self.engine.frame(), self._shown
        if frame is old:
            return
        now = time.monotonic()
        if frame.modes.synchronized and old is not None:
            self._held_since = self._held_since or now
            if now - self._held_since < HALF_FRAME_S:
                self._shown = replace(old, modes=frame.modes)
                self.changed()
                return
        self._held_since = 0.0
        self._show(frame)

    def _show(self, frame: Frame) -> None:
        old, self._shown = self._shown, frame
        if old is None or (old.columns, len(old.rows), old.reversed) != (
            frame.columns,
            len(frame.rows),
            frame.reversed,
        ):
            self._strips.clear()
            self.refresh()
        else:
            rows = {y for y, row in enumerate(frame.rows) if row is not old.rows[y]}
            if frame.cursor != old.cursor:
                rows |= {cursor.row for cursor in (frame.cursor, old.cursor) if cursor is not None}
            self._refresh_rows(rows)
        if old is None or (old.title, old.behind, old.columns, len(old.rows)) != (
            frame.title,
            frame.behind,
            frame.columns,
            len(frame.rows),
        ):
            self.post_message(self.Changed())
        if old is not None and frame.bells > old.bells:
            self.post_message(self.Rang())

    def _refresh_rows(self, rows: set[int]) -> None:
        if len(rows) > self.size.height // 2:
            self.refresh()
        elif rows:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows as they are painted: straight from the frame, for there is no border and no padding to draw.

        What the mouse needs to select stays away from here: it would make every piece's style one of its own.
        """
        self._begin()
        background = self.background_colors[1]
        strips = [self._row(y) for y in crop.line_range]
        for one in self.get_line_filters():
            strips = [strip.apply_filter(one, background) for strip in strips]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One row, with the places in it that the mouse selects by."""
        self._begin()
        return self._row(y).apply_offsets(0, y)

    def _begin(self) -> None:
        """Styles are worked out once for all rows, and again when the theme has changed."""
        base = self.rich_style
        if base != self._base:
            self._base, self._styles = base, {}
            self._strips.clear()

    def _row(self, y: int) -> Strip:
        width, base = self.size.width, self._base
        frame = self._shown
        if frame is None or y >= len(frame.rows):
            text = "" if frame is not None or y >= len(self.words) else f" {self.words[y]}"
            return Strip([Segment(fit(text, width), base)], width)
        row = frame.rows[y]
        cached = self._strips.get(y)
        if cached is None or cached[0] is not row or cached[1].cell_length != width:
            strip = strip_of(row, width, base, flipped=frame.reversed, styles=self._styles)
            cached = self._strips[y] = (row, strip)
        strip = cached[1]
        if self.wanted and frame.behind:
            for start, stop in spans(strip.text, self.wanted):
                strip = self._selected(strip, start, stop)
        selection = self.text_selection
        span = None if selection is None else selection.get_span(y)
        if span is not None:
            strip = self._selected(strip, *span)
        if frame.cursor is not None and frame.cursor.row == y and frame.cursor.column < width and self.live:
            strip = with_cursor(strip, frame.cursor, focused=self.has_focus)
        return strip

    def _selected(self, strip: Strip, start: int, stop: int) -> Strip:
        end = strip.cell_length if stop == -1 else min(stop, strip.cell_length)
        style = self.screen.get_component_rich_style("screen--selection")
        inside = Strip(
            [Segment(s.text, (s.style or self.rich_style) + style) for s in strip.crop(start, end)],
            max(0, end - start),
        )
        return Strip.join([strip.crop(0, start), inside, strip.crop(end, strip.cell_length)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse selected, as text."""
        return selection.extract(self.text()), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self.refresh()

    def text(self) -> str:
        """The rows on the screen, without blanks at their ends."""
        rows = () if self._shown is None else self._shown.rows
        return "\n".join("".join(run.text for run in row).rstrip() for row in rows)

    def notify_style_update(self) -> None:
        """Another theme: every row has other colours."""
        super().notify_style_update()
        self._base = Style()

    # -- size

    def on_resize(self, event: events.Resize) -> None:
        """Tell engine and program once the size holds."""
        self._strips.clear()
        if self._settling is not None:
            self._settling.cancel()
        self._settling = soon(self, SETTLE_S, self._settled)

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
        """Say so to programs that asked, and show where keys go."""
        self._focused(b"\x1b[I")

    def on_blur(self) -> None:
        """As on_focus."""
        self._focused(b"\x1b[O")

    def _focused(self, report: bytes) -> None:
        if self.live and self.modes.focus_events:
            self.send(report)
        if self._shown is not None and self._shown.cursor is not None:
            self._refresh_rows({self._shown.cursor.row})

    def on_key(self, event: events.Key) -> None:
        """Everything goes to the program, except the key that leaves and those that scroll."""
        if not self.live:
            return
        event.stop()
        event.prevent_default()
        if event.key == LEAVE_KEY:
            self.post_message(LeaveShell())
        elif event.key in self.SCROLL_KEYS and not self.modes.alternate_screen:
            self.look_back(self.SCROLL_KEYS[event.key] * max(1, self.size.height - 1))
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

    def look_back(self, rows: int) -> None:
        """Through the scrollback: negative is up."""
        if self.engine is not None:
            self.engine.scroll(rows)
            self.changed()

    def on_paste(self, event: events.Paste) -> None:
        """Lines that a program would take as so many commands are asked about first."""
        event.stop()
        if not self.live:
            return
        if not self.modes.bracketed_paste and "\n" in event.text.replace("\r", "\n").strip("\n"):
            self.post_message(self.AskPaste(event.text))
        else:
            self.paste(event.text)

    def paste(self, text: str) -> None:
        """Send it."""
        self._type(paste_bytes(text, self.modes))

    def _mouse(self, event: events.MouseEvent, button: int, *, pressed: bool, moved: bool) -> bool:
        """Report to the program if it asked; shift keeps the mouse for selecting."""
        if not self.live or event.shift or self.modes.mouse is Mouse.OFF:
            return False
        held = button + (8 if event.meta else 0) + (16 if event.ctrl else 0)
        column, row = max(0, int(event.x)), max(0, int(event.y))
        data = mouse_bytes(held, column, row, modes=self.modes, pressed=pressed, moved=moved)
        if data:
            self.send(data)
            event.stop()
        return bool(data)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button."""
        if self._mouse(event, max(0, event.button - 1), pressed=True, moved=False):
            event.prevent_default()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A button let go: where the mouse is ours, what it selected is copied."""
        if not self._mouse(event, max(0, event.button - 1), pressed=False, moved=False):
            self.call_later(self._copy_selected)

    def _copy_selected(self) -> None:
        selection = self.text_selection
        found = None if selection is None else self.get_selection(selection)
        if found is not None and found[0].strip():
            self.post_message(self.Selected(found[0]))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """A drag, or any move, where the program wants them."""
        self._mouse(event, event.button - 1 if event.button else 3, pressed=True, moved=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        self._wheel(event, 64, -WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        self._wheel(event, 65, WHEEL_ROWS)

    def _wheel(self, event: events.MouseEvent, button: int, rows: int) -> None:
        """To the program if it asked, as arrows to one that has the whole screen, else the scrollback."""
        event.stop()
        event.prevent_default()
        if self._mouse(event, button, pressed=True, moved=False):
            return
        if self.modes.alternate_screen:
            arrow = key_bytes(events.Key("up" if rows < 0 else "down", None), self.modes)
            if self.live:
                self.send(arrow * abs(rows))
        else:
            self.look_back(rows)


def spans(text: str, wanted: str) -> list[tuple[int, int]]:
    """The columns that ``wanted`` takes in ``text``, whatever its case, each time it is there."""
    found = re.finditer(re.escape(wanted), text, re.IGNORECASE)
    return [(cell_len(text[: one.start()]), cell_len(text[: one.end()])) for one in found]
