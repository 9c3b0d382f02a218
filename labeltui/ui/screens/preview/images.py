"""The images of a plane on terminals that show images."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.geometry import Region

from labeltui.domain.studies.preview import Slice
from labeltui.ui.graphics import kitty
from labeltui.ui.graphics.terminal import Terminal
from labeltui.ui.screens.preview.cells import Drawing
from labeltui.ui.screens.preview.placed import Painted, Placed, box
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.raster import png, raster

T = TypeVar("T")
GROUP = "images"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an image shows, and the room for it in cells."""

    drawn: Slice
    label: int
    drawing: Drawing
    cross: tuple[int, int] | None
    room: tuple[int, int]
    cell: tuple[int, int]

    @property
    def box(self) -> tuple[int, int]:
        """The columns and rows of the image."""
        return box((self.drawn.width, self.drawn.height), self.room, self.cell)


class Images(Generic[T]):
    """The images of one plane: one is on its way at a time, and only the newest of those that wait."""

    def __init__(self, plane: PlaneView, terminal: Terminal) -> None:
        self._plane, self._terminal = plane, terminal
        self._wanted: Wanted | None = None
        self._newest: Wanted | None = None
        self._texts = "", ""
        self._placed: Placed | Painted | None = None
        self._paints = False

    def show(self, wanted: Wanted, title: str, note: str) -> None:
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
                data = await asyncio.to_thread(self._encoded, wanted)
                await self._terminal.drained()
                self._placed = self._put(wanted, data)
                self._plane.draw(self._placed, *self._texts)
        finally:
            self._paints = False

    def _encoded(self, wanted: Wanted) -> T:
        """Encode an image, in a thread."""
        raise NotImplementedError

    def _put(self, wanted: Wanted, data: T) -> Placed | Painted:
        """Return the image for the plane."""
        raise NotImplementedError


class KittyImages(Images[bytes]):
    """Kitty's images. Two numbers take turns, so that the image on screen stays until the next one has arrived."""

    def __init__(self, plane: PlaneView, terminal: Terminal, first: int, *, true_colours: bool) -> None:
        super().__init__(plane, terminal)
        self._true_colours = true_colours
        self._numbers = first, first + 1

    def _encoded(self, wanted: Wanted) -> bytes:
        return png(raster(wanted.drawn, wanted.label, wanted.drawing, wanted.cross))

    def _put(self, wanted: Wanted, data: bytes) -> Placed:
        columns, rows = wanted.box
        number, other = self._numbers
        self._numbers = other, number
        image = kitty.identity(number, true_colours=self._true_colours)
        self._terminal.put(kitty.picture(image, data, columns, rows), kitty.removal(image))
        return Placed(number, columns, rows)


class SixelImages(Images[Painted]):
    """Images of sixels, which the screen's compositor paints."""

    def __init__(self, plane: PlaneView, terminal: Terminal, colours: int) -> None:
        super().__init__(plane, terminal)
        self._colours = colours

    def _encoded(self, wanted: Wanted) -> Painted:
        image = raster(wanted.drawn, wanted.label, wanted.drawing, wanted.cross, self._colours)
        painted = Painted(image, *wanted.box, wanted.cell)
        painted.sixels(Region(0, 0, painted.width, painted.rows))
        return painted

    def _put(self, wanted: Wanted, data: Painted) -> Painted:
        return data
