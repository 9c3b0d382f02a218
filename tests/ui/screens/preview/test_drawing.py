"""Places in the planes, windows, and the cells that a slice is drawn with."""

from __future__ import annotations

import pytest

from labeltui.domain.studies.preview import Plane, Slice, Volume, colour_of
from labeltui.ui.screens.preview.cells import Cells, Drawing, Picture
from labeltui.ui.screens.preview.view import View, presets

VOLUME = Volume("liver_042", (10, 20, 30), (1.0, 1.0, 2.0), "MR", (5.0, 105.0))


@pytest.mark.parametrize(
    ("plane", "point"),
    [(Plane.AXIAL, (1, 2, 15)), (Plane.CORONAL, (1, 10, 26)), (Plane.SAGITTAL, (5, 2, 26))],
)
def test_a_click_near_the_upper_left_is_right_front_or_head(
    plane: Plane, point: tuple[int, int, int]
) -> None:
    view = View.of(VOLUME).pointed(plane, 0.13, 0.12)
    assert view.point == point
    across, down = view.cross(plane, 100, 100)
    assert (across, down) == pytest.approx((13, 12), abs=4)


def test_a_plane_of_one_voxel_stays_at_its_slice() -> None:
    view = View.of(Volume("thin", (10, 20, 1), (1.0, 1.0, 5.0)))
    assert view.moved(Plane.AXIAL, 7).pointed(Plane.CORONAL, 1.0, 0.0).point == (9, 10, 0)


def test_mr_has_the_window_of_its_percentiles_and_level_and_width_change_apart() -> None:
    assert [window for _, window in presets(VOLUME)] == [(5.0, 105.0)]
    assert View.of(VOLUME).raised(0.1).widened(2).window == (-35.0, 165.0)


def _colours(drawing: Drawing) -> list[list[tuple[int, ...]]]:
    label = bytes([0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0])
    picture = Picture(Slice(Plane.AXIAL, 0, 5, 4, bytes(20), (label,)), 0, Cells(drawing), drawing, None)
    lines: list[list[tuple[int, ...]]] = []
    for row in range(picture.rows):
        styles = [cell.style for cell in picture.row(row)]
        lines += [[tuple(style.color.triplet) for style in styles]]  # type: ignore[union-attr, arg-type]
        lines += [[tuple(style.bgcolor.triplet) for style in styles]]  # type: ignore[union-attr, arg-type]
    return lines


def test_a_label_is_filled_or_only_outlined_on_its_own_pixels() -> None:
    filled, outlined = _colours(Drawing(1.0)), _colours(Drawing(1.0, outline=True))
    black, colour = (0, 0, 0), colour_of(1)
    assert filled == [[black] * 5, *[[black, colour, colour, colour, black]] * 3]
    assert outlined[2] == [black, colour, black, colour, black]
    assert outlined[1] == outlined[3] == filled[1]
