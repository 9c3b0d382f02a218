"""The pixels of a slice as an image, beside the cells that show the same slice without one."""

from __future__ import annotations

import random

import pytest

from labeltui.domain.studies.preview import Plane, Slice
from labeltui.ui.screens.preview.cells import Cells, Drawing, Picture
from labeltui.ui.screens.preview.placed import box
from labeltui.ui.screens.preview.raster import png, raster
from tests.ui.screens.preview.kitty_terminal import Pixel, decoded

WIDTH, HEIGHT = 40, 30
VALUES = {0: [1], 1: [1, 2, 8], 2: [0, 1, 2, 3, 4, 5, 6, 7, 255]}


def as_cells(drawn: Slice, drawing: Drawing, cross: tuple[int, int] | None) -> list[list[Pixel]]:
    picture = Picture(drawn, 0, Cells(drawing), drawing, cross)
    rows = []
    for row in range(picture.rows):
        styles = [cell.style for cell in picture.row(row)]
        rows.append([tuple(style.color.triplet) for style in styles])  # type: ignore[union-attr, arg-type]
        rows.append([tuple(style.bgcolor.triplet) for style in styles])  # type: ignore[union-attr, arg-type]
    return rows  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "drawing", [Drawing(), Drawing(1.0), Drawing(1.0, outline=True), Drawing(hidden=True)]
)
@pytest.mark.parametrize("cross", [None, (0, 0), (13, 29)])
def test_an_image_has_the_colours_of_the_cells(
    seed: int, drawing: Drawing, cross: tuple[int, int] | None
) -> None:
    chance = random.Random(seed)
    grey = bytes(chance.randrange(256) for _ in range(WIDTH * HEIGHT))
    label = bytearray(WIDTH * HEIGHT)
    for value in VALUES[seed]:
        left, top = chance.randrange(-5, 30), chance.randrange(-5, 20)
        for y in range(max(0, top), min(HEIGHT, top + 12)):
            for x in range(max(0, left), min(WIDTH, left + 12)):
                label[y * WIDTH + x] = value
    drawn = Slice(Plane.AXIAL, 0, WIDTH, HEIGHT, grey, (bytes(label),))
    image, cells = decoded(png(raster(drawn, 0, drawing, cross))), as_cells(drawn, drawing, cross)
    # An image has fewer shades within a segment, and fewer still with more segments
    shades = 4 + (0 if drawing.hidden else 16)
    crossed = 30 if cross else 0
    assert len(image) == len(cells) == HEIGHT
    for y, (line, expected) in enumerate(zip(image, cells, strict=True)):
        for x, (pixel, wanted) in enumerate(zip(line, expected, strict=True)):
            on_cross = cross is not None and (x == cross[0] or y == cross[1])
            limit = shades + (crossed + 60 if on_cross else 0)
            assert max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) <= limit, (x, y, pixel, wanted)


def test_the_crosshair_is_brighter_and_of_one_pixel() -> None:
    drawn = Slice(Plane.AXIAL, 0, 5, 4, bytes([100]) * 20)
    rows = decoded(png(raster(drawn, 0, Drawing(), (1, 2))))
    marked = [[pixel[0] > 140 for pixel in row] for row in rows]
    column = [False, True, False, False, False]
    assert marked == [column, column, [True] * 5, column]


def test_an_image_fills_the_room_and_keeps_its_shape() -> None:
    assert box((512, 512), (60, 38), (10, 20)) == (60, 30)
    assert box((512, 300), (100, 20), (8, 16)) == (68, 20)
    assert box((1, 4000), (60, 38), (10, 20)) == (1, 38)
    assert box((4000, 4000), (400, 400), (10, 10)) == (250, 250)
