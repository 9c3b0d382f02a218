"""Draws slices on the planes: as cells, or as images on a terminal that has proved that it shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import App

from labeltui.domain.studies.preview import Slice
from labeltui.ui.graphics import kitty
from labeltui.ui.graphics.terminal import Ability, Kind, Terminal
from labeltui.ui.restore import ConsoleDriver
from labeltui.ui.screens.preview.cells import Cells, Drawing, Picture
from labeltui.ui.screens.preview.placed import Placed, box
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.raster import png, raster

GROUP = "images"
HALF_BLOCKS = (1, 2)
"""The pixels of a cell that is drawn as half a block."""
MOST_PIXELS = 512
"""The longer side of an image. Terminals enlarge it; more would only take longer on its way."""


def terminal_of(app: App[object]) -> Terminal | None:
    """Return the terminal of the console; None if there is none that could be asked."""
    driver = app._driver
    return driver.terminal if isinstance(driver, ConsoleDriver) else None


class Pictures:
    """Draws on the planes. Without :meth:`prove`, it draws cells."""

    def __init__(self, planes: Sequence[PlaneView]) -> None:
        self._planes = planes
        self._cells = Cells(Drawing())
        self._terminal: Terminal | None = None
        self._ability = Ability()
        self._images: dict[PlaneView, _Images] = {}
        self.drawing = Drawing()

    def draw_as(self, drawing: Drawing) -> None:
        """Draw labels in another style from now on."""
        self.drawing, self._cells = drawing, Cells(drawing)

    async def prove(self, app: App[object], setting: str) -> None:
        """Learn from the terminal whether it shows images. Waits as long as it does not answer."""
        terminal = terminal_of(app)
        if terminal is None or self.drawing.text:
            return
        self._ability, self._terminal = await terminal.ability(setting), terminal

    def begin(self, app: App[object]) -> bool:
        """Draw images from now on, if the terminal shows them. Returns whether the slices must be requested anew."""
        if self._terminal is None or self._ability.kind is not Kind.KITTY or self._images:
            return False
        true_colours = app.console.color_system == "truecolor"
        for place, plane in enumerate(self._planes):
            plane.cell = self._ability.cell
            self._images[plane] = _Images(plane, self._terminal, 2 * place, true_colours=true_colours)
        return True

    def end(self) -> bool:
        """Remove all images, and draw cells from now on. Returns whether there were any."""
        had_images = bool(self._images)
        for plane in self._images:
            plane.workers.cancel_group(plane, GROUP)
            plane.cell = HALF_BLOCKS
        self._images = {}
        if self._terminal is not None:
            self._terminal.remove()
        return had_images

    def room(self, plane: PlaneView, natural: tuple[int, int]) -> tuple[int, int]:
        """Return the pixels to request for a plane; ``natural`` is the picture's size without lost voxels."""
        room = plane.pixels
        if plane not in self._images:
            return room
        part = min(1.0, MOST_PIXELS / max(*room, 1))
        width, height = (min(int(side * part), enough) for side, enough in zip(room, natural, strict=True))
        return width, height

    def draw(
        self, plane: PlaneView, drawn: Slice, cross: tuple[int, int] | None, title: str, note: str
    ) -> None:
        """Draw a slice on a plane. A hidden one gets no image."""
        images = self._images.get(plane)
        if images is not None and not (plane.display and all(plane.room)):
            return
        if images is not None:
            images.show(
                _Wanted(drawn, plane.layer_shown, self.drawing, cross, plane.room, plane.cell), title, note
            )
        elif drawn.width <= plane.pixels[0] and drawn.height <= plane.pixels[1] + 1:
            plane.draw(Picture(drawn, plane.layer_shown, self._cells, self.drawing, cross), title, note)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an image shows, and the room for it."""

    drawn: Slice
    label: int
    drawing: Drawing
    cross: tuple[int, int] | None
    room: tuple[int, int]
    cell: tuple[int, int]

    def encoded(self) -> bytes:
        return png(raster(self.drawn, self.label, self.drawing, self.cross))


class _Images:
    """The images of one plane: one is on its way at a time, and only the newest of those that wait.

    Two numbers take turns, so that the image on screen stays until the next one has arrived.
    """

    def __init__(self, plane: PlaneView, terminal: Terminal, first: int, *, true_colours: bool) -> None:
        self._plane, self._terminal, self._true_colours = plane, terminal, true_colours
        self._numbers = first, first + 1
        self._wanted: _Wanted | None = None
        self._newest: _Wanted | None = None
        self._texts = "", ""
        self._placed: Placed | None = None
        self._paints = False

    def show(self, wanted: _Wanted, title: str, note: str) -> None:
        """Show an image with a title and a note. One that is shown already is not sent again."""
        self._texts = title, note
        if wanted == self._newest:
            if not self._paints and self._placed is not None:
                self._plane.draw(self._placed, title, note)
            return
        self._wanted = self._newest = wanted
        if not self._paints:
            self._paints = True
            self._plane.run_worker(self._paint(), group=GROUP)

    async def _paint(self) -> None:
        try:
            while self._wanted is not None:
                wanted, self._wanted = self._wanted, None
                data = await asyncio.to_thread(wanted.encoded)
                await self._terminal.drained()
                self._put(wanted, data)
        finally:
            self._paints = False

    def _put(self, wanted: _Wanted, data: bytes) -> None:
        columns, rows = box((wanted.drawn.width, wanted.drawn.height), wanted.room, wanted.cell)
        number, other = self._numbers
        self._numbers = other, number
        image = kitty.identity(number, true_colours=self._true_colours)
        self._terminal.put(kitty.picture(image, data, columns, rows), kitty.removal(image))
        self._placed = Placed(number, columns, rows)
        self._plane.draw(self._placed, *self._texts)
