"""Draws slices on the planes: as cells, or as images on a terminal that has proved that it shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import App

from labeltui.domain.studies.preview import Slice
from labeltui.ui.graphics.terminal import Ability, Kind, Terminal
from labeltui.ui.restore import ConsoleDriver
from labeltui.ui.screens.preview.cells import Cells, Drawing, Picture
from labeltui.ui.screens.preview.images import GROUP, KittyImages, SixelImages, Wanted
from labeltui.ui.screens.preview.plane import PlaneView

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
        self._images: dict[PlaneView, KittyImages | SixelImages] = {}
        self.drawing = Drawing()

    def draw_as(self, drawing: Drawing) -> None:
        """Draw labels in another style from now on."""
        self.drawing, self._cells = drawing, Cells(drawing)

    async def prove(self, app: App[object], setting: str) -> bool:
        """Learn from the terminal whether it shows images, and return whether that changed.

        Waits as long as it does not answer.
        """
        terminal = terminal_of(app)
        if terminal is None or app.no_color:
            return False
        before, ability = self._ability, await terminal.ability(setting)
        has_colours = (
            not self.drawing.text
        )  # without them, Kitty's images can't be placed; sixels bring their own
        self._ability = ability if has_colours or ability.kind is Kind.SIXEL else Ability()
        self._terminal = terminal
        return self._ability != before

    @property
    def shown(self) -> Drawing:
        """How labels are drawn at present: images are never text."""
        return replace(self.drawing, text=False) if self._images else self.drawing

    def begin(self, app: App[object]) -> bool:
        """Draw images from now on, if the terminal shows them. Returns whether the slices must be requested anew."""
        if self._terminal is None or self._ability.kind is Kind.BLOCKS or self._images:
            return False
        true_colours = app.console.color_system == "truecolor"
        for place, plane in enumerate(self._planes):
            plane.cell = self._ability.cell
            self._images[plane] = (
                KittyImages(plane, self._terminal, 2 * place, true_colours=true_colours)
                if self._ability.kind is Kind.KITTY
                else SixelImages(plane, self._terminal, self._ability.colours)
            )
        return True

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has yet to take something that was written."""
        return self._terminal is not None and self._terminal.is_behind

    async def drained(self) -> None:
        """Wait until the terminal has taken everything that was written."""
        if self._terminal is not None:
            await self._terminal.drained()

    def largest(self, plane: PlaneView) -> tuple[int, int]:
        """Return the columns and rows that the largest image on a plane may have."""
        rooms = zip(plane.room, self._ability.largest, self._ability.cell, strict=True)
        columns, rows = (min(cells, pixels // size) for cells, pixels, size in rooms)
        return columns, rows

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
            room = self.largest(plane)
            images.show(Wanted(drawn, plane.layer_shown, self.drawing, cross, room, plane.cell), title, note)
        elif drawn.width <= plane.pixels[0] and drawn.height <= plane.pixels[1] + 1:
            plane.draw(Picture(drawn, plane.layer_shown, self._cells, self.drawing, cross), title, note)
