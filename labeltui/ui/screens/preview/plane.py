"""One plane of the preview: its picture in the middle, the patient's sides around it."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from labeltui.domain.studies.preview import Plane
from labeltui.ui.contract import console_of
from labeltui.ui.frame.filters import only_ascii
from labeltui.ui.frame.themes import FEW_COLOURS
from labeltui.ui.screens.preview.cells import Drawing, Picture
from labeltui.ui.screens.preview.placed import Painted, Placed
from labeltui.ui.screens.preview.view import SIDES

MARGIN = 1  # cells on each side, for the marks


def graphics_of(widget: Widget) -> str:
    """Return how the profile wants pictures."""
    session = console_of(widget).session
    return session.profile.graphics if session is not None else "blocks"


def first_drawing(widget: Widget) -> Drawing:
    """Return how a label is drawn at first: as text with few colours, with ASCII only, or if the profile wants it."""
    app = widget.app
    few = app.no_color or app.console.color_system in FEW_COLOURS
    return Drawing(text=few or only_ascii(app) or graphics_of(widget) == "none")


class PlaneView(Widget):
    """Shows a picture. The wheel changes the slice, and a click moves the crosshair."""

    class Turned(Message):
        """The wheel was turned by a step."""

        def __init__(self, plane: Plane, by: int) -> None:
            super().__init__()
            self.plane, self.by = plane, by

    class Pointed(Message):
        """The picture was clicked, at these parts of its width and height."""

        def __init__(self, plane: Plane, across: float, down: float) -> None:
            super().__init__()
            self.plane, self.across, self.down = plane, across, down

    class Resized(Message):
        """The widget has another size, so its picture must be drawn again."""

    def __init__(self, plane: Plane, *, id: str) -> None:
        super().__init__(id=id)
        self.plane = plane
        self.layer_shown = 0
        self.cell = (1, 2)
        """The width and height of a cell in pixels: of half a block, or of an image that the terminal shows."""
        self._picture: Picture | Placed | Painted | None = None

    @property
    def room(self) -> tuple[int, int]:
        """The columns and rows for a picture; 0 while the widget is hidden."""
        width, height = self.size.width - 2 * MARGIN, self.size.height - 2 * MARGIN
        return (width, height) if width > 0 and height > 0 else (0, 0)

    @property
    def pixels(self) -> tuple[int, int]:
        """The largest picture that fits: its width and height in pixels; 0 while the widget is hidden."""
        return self.room[0] * self.cell[0], self.room[1] * self.cell[1]

    def draw(self, picture: Picture | Placed | Painted | None, title: str, note: str) -> None:
        """Show a picture under a title, and a note in the lower border."""
        self._picture = picture
        self.border_title, self.border_subtitle = Content(title), Content(note)
        self.refresh()

    @property
    def painted(self) -> tuple[Painted, Region] | None:
        """The picture that sixels paint, and its cells within the widget; None if the picture is cells itself."""
        picture = self._picture
        if not isinstance(picture, Painted):
            return None
        left, top = self._corner
        cells = Region(left, top, picture.width, picture.rows).intersection(self.size.region)
        return picture, cells.translate(self.content_offset)

    def render_line(self, y: int) -> Strip:
        """Return a row of the picture with the marks beside it."""
        width, height = self.size
        base = self.rich_style
        if self._picture is None or width < 3 or height < 3:
            return Strip.blank(width, base)
        left, top = self._corner
        shown = min(self._picture.width, width - 2 * MARGIN)
        west, east, north, south = SIDES[self.plane]
        if y in (top - 1, top + self._picture.rows):
            mark = north if y < top else south
            at = left + shown // 2
            return Strip([Segment(" " * at + mark + " " * (width - at - 1), base)], width)
        if not top <= y < top + self._picture.rows:
            return Strip.blank(width, base)
        middle = y == top + self._picture.rows // 2
        before = " " * (left - 1) + (west if middle else " ")
        after = (east if middle else " ") + " " * (width - left - shown - 1)
        row = self._picture.row(y - top)[:shown]
        return Strip([Segment(before, base), *row, Segment(after, base)], width)

    @property
    def _corner(self) -> tuple[int, int]:
        """The picture's first column and row."""
        width, height = self.size
        columns, rows = (0, 0) if self._picture is None else (self._picture.width, self._picture.rows)
        return max(MARGIN, (width - columns) // 2), max(MARGIN, (height - rows) // 2)

    def on_resize(self) -> None:
        """Ask for a picture of the new size."""
        self.post_message(self.Resized())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show the slice before."""
        event.stop()
        self.post_message(self.Turned(self.plane, -1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show the slice after."""
        event.stop()
        self.post_message(self.Turned(self.plane, 1))

    def on_click(self, event: events.Click) -> None:
        """Move the crosshair to the clicked cell."""
        at = event.get_content_offset(self)
        if at is None or self._picture is None:
            return
        left, top = self._corner
        column, row = at.x - left, at.y - top
        if 0 <= column < self._picture.width and 0 <= row < self._picture.rows:
            event.stop()
            across, down = (column + 0.5) / self._picture.width, (row + 0.5) / self._picture.rows
            self.post_message(self.Pointed(self.plane, across, down))
