"""Sixels over the cells of a plane that is scrolled, covered by the screen's edges, and left."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from labeltui.domain.studies.preview import Plane
from labeltui.ui.screens.preview.painting import PaintingCompositor
from labeltui.ui.screens.preview.placed import Painted
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.raster import Raster
from tests.ui.fake_session import wait_for
from tests.ui.screens.preview.sixel_terminal import SixelTerminal

CELL = (4, 5)
COLUMNS, ROWS = 10, 20
SCREEN = (30, 14)
PALETTE = bytes(value for entry in range(ROWS) for value in (entry * 12, 0, 0))


@pytest.fixture(autouse=True)
def _economical() -> None:
    """Draw each frame, because this terminal sees them."""


class Planes(Screen[None]):
    """A plane of 24 rows under a line of text, which scrolls."""

    CSS = "PlaneView { height: 24; width: 16; } Static { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.plane = PlaneView(Plane.AXIAL, id="axial")
        self._compositor = PaintingCompositor([self.plane], lambda: False, lambda: None)

    def compose(self) -> ComposeResult:
        yield Static("above")
        with VerticalScroll():
            yield self.plane


class Paints(App[None]):
    """Writes all updates to a terminal with sixels."""

    def __init__(self) -> None:
        super().__init__()
        self.output = SixelTerminal(SCREEN, CELL)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and self._running:
            self.output.read(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    def rows(self) -> dict[int, int]:
        """The row of the picture at each line of the screen that has pixels; all its columns must have that colour."""
        found: dict[int, int] = {}
        for line in range(self.output.size[1]):
            columns = sorted(x for x, y in self.output.covered if y == line)
            if columns:
                assert columns == list(range(columns[0], columns[0] + COLUMNS))
                pixels = [pixel for x in columns for pixel in self.output.pixels[x, line].values()]
                assert len(pixels) == COLUMNS * CELL[0] * CELL[1]
                (red, _, _), *others = set(pixels)
                assert not others
                found[line] = round(red * 2.55 / 12)
        return found


def bars(columns: int = COLUMNS) -> Painted:
    """A picture in which each row of cells has a colour of its own."""
    return Painted(Raster(1, ROWS, bytes(range(ROWS)), PALETTE), columns, ROWS, CELL)


@pytest.mark.slow
async def test_a_scrolled_picture_is_cut_to_the_cells_that_are_visible() -> None:
    app = Paints()
    async with app.run_test(size=SCREEN) as pilot:
        screen = Planes()
        await app.push_screen(screen)
        screen.plane.draw(bars(), "", "")
        # The picture begins in the plane's third row, under the line of text; the last line stays free.
        await wait_for(
            pilot, lambda: app.rows() == {line: line - 3 for line in range(3, 13)}, "the upper part"
        )
        scroll = screen.query_one(VerticalScroll)
        for by in (1, 4, 9, 11, 3):
            scroll.scroll_to(y=by, animate=False, force=True)
            first = max(1, 3 - by)
            expected = {line: line - 3 + by for line in range(first, 13) if line - 3 + by < ROWS}
            await wait_for(pilot, lambda expected=expected: app.rows() == expected, f"scrolled by {by}")  # type: ignore[misc]
        assert not app.output.scrolled
        assert app.output.characters[0, 0] == "a"
        screen.plane.draw(None, "", "")
        await wait_for(pilot, lambda: not app.rows(), "no picture")
        screen.plane.draw(bars(), "", "")
        await wait_for(pilot, lambda: bool(app.rows()))
        screen.plane.display = False
        await wait_for(pilot, lambda: not app.rows(), "a hidden plane")
        screen.plane.display = True
        await wait_for(pilot, lambda: bool(app.rows()))
        await app.push_screen(Screen())
        await wait_for(pilot, lambda: not app.rows(), "another screen")


@pytest.mark.slow
async def test_a_picture_for_a_larger_plane_leaves_the_cells_beside_it() -> None:
    app = Paints()
    async with app.run_test(size=SCREEN) as pilot:
        screen = Planes()
        await app.push_screen(screen)
        screen.plane.draw(bars(40), "", "")
        await wait_for(
            pilot, lambda: app.output.covered == {(x, y) for x in range(1, 16) for y in range(3, 13)}
        )
        assert {sum(len(one.text) for one in screen.plane.render_line(y)) for y in range(24)} == {16}
