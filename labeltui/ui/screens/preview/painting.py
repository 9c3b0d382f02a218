"""Paints sixels over the cells of planes, in one write with the cells that Textual draws.

A terminal removes sixels where characters are drawn. So cells under a picture that stays are not drawn again, even if
all of the screen is, as happens whenever a pane behind it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region

from labeltui.ui.screens.preview.placed import Painted
from labeltui.ui.screens.preview.plane import PlaneView

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen


class _Place:
    """A picture, its cells on the screen, and those of them that are visible."""

    def __init__(self, picture: Painted, cells: Region, visible: Region) -> None:
        self.picture, self.cells, self.visible = picture, cells, visible

    @property
    def sequence(self) -> str:
        part = self.visible.translate(-self.cells.offset)
        return f"\x1b[{self.visible.y + 1};{self.visible.x + 1}H{self.picture.sixels(part)}"


class PaintingCompositor(Compositor):
    """The compositor of a screen with planes.

    ``is_behind`` returns whether the terminal is slow. Then pictures are not painted, and ``postpone`` is called.
    """

    def __init__(
        self, planes: Sequence[PlaneView], is_behind: Callable[[], bool], postpone: Callable[[], None]
    ) -> None:
        super().__init__()
        self._planes, self._is_behind, self._postpone = planes, is_behind, postpone
        self._shown: dict[PlaneView, _Place] = {}
        """The pictures on the terminal."""

    def forget(self) -> None:
        """Take all pictures for removed, because another screen was drawn, or the terminal has changed."""
        self._shown.clear()

    @property
    def cuts(self) -> list[list[int]]:
        """Each line's places at which it can be drawn in parts: where a widget or a picture starts or ends."""
        cuts = super().cuts
        boxes = [place.visible for place in self._shown.values()]
        return [
            sorted({*line, *(x for box in boxes if y in box.line_range for x in (box.x, box.right))})
            for y, line in enumerate(cuts)
        ]

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        """Override Textual's method: draw around the pictures that stay, and paint those that are new."""
        if simplify:  # a screenshot
            return super().render_update(full, screen_stack, simplify)
        wanted = dict(self._wanted())
        if full:
            self.forget()
        self._spare(wanted)
        update = super().render_update(full, screen_stack)
        due = {plane: place for plane, place in wanted.items() if not self._shows(plane, place)}
        if due and self._is_behind():
            self._postpone()
            return update
        return cast("RenderableType", _Update(update, due, self._shown)) if due else update

    def _wanted(self) -> Iterator[tuple[PlaneView, _Place]]:
        """Yield the visible pictures. The last line stays free, because a terminal may scroll when it is painted."""
        above_last = self.size.region.shrink((0, 0, 1, 0))
        for plane in self._planes:
            painted, geometry = plane.painted, self.visible_widgets.get(plane)
            if painted is not None and geometry is not None:
                picture, cells = painted
                region, clip = geometry
                cells = cells.translate(region.offset)
                visible = cells.intersection(region).intersection(clip).intersection(above_last)
                if visible:
                    yield plane, _Place(picture, cells, visible)

    def _shows(self, plane: PlaneView, wanted: _Place) -> bool:
        shown = self._shown.get(plane)
        return shown is not None and (shown.picture, shown.cells, shown.visible) == (
            wanted.picture, wanted.cells, wanted.visible,
        )  # fmt: skip

    def _spare(self, wanted: dict[PlaneView, _Place]) -> None:
        """Take the cells of pictures that stay at their place out of what is drawn."""
        for plane, place in list(self._shown.items()):
            if plane in wanted and wanted[plane].visible == place.visible:
                self._dirty_regions = {
                    part for dirty in self._dirty_regions for part in _around(dirty, place.visible)
                }
            else:
                del self._shown[plane]  # Textual draws the cells of a widget that has changed or moved


class _Update(CompositorUpdate):
    """An update of cells, if there is one, then pictures."""

    def __init__(
        self, cells: RenderableType | None, due: dict[PlaneView, _Place], shown: dict[PlaneView, _Place]
    ) -> None:
        self._cells, self._due, self._shown = cells, due, shown

    def render_segments(self, console: Console) -> str:
        """Return what is written to the terminal. Textual places the cursor after it."""
        cells = self._cells.render_segments(console) if isinstance(self._cells, CompositorUpdate) else ""
        self._shown.update(self._due)
        return cells + "".join(place.sequence for place in self._due.values())


def _around(region: Region, hole: Region) -> Iterator[Region]:
    """Yield the parts of a region around another one."""
    hole = region.intersection(hole)
    if not hole:
        yield region
        return
    x, y, width, _ = region
    parts = (
        Region(x, y, width, hole.y - y),
        Region(x, hole.bottom, width, region.bottom - hole.bottom),
        Region(x, hole.y, hole.x - x, hole.height),
        Region(hole.right, hole.y, region.right - hole.right, hole.height),
    )
    yield from filter(None, parts)
