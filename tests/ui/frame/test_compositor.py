"""A small update draws the same as Textual's own compositor, and asks fewer widgets."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip

from labeltui.ui.frame.compositor import NarrowCompositor
from tests.ui.fake_session import connected, console, settled

REGIONS = [
    Region(0, 0, 120, 1), Region(39, 25, 80, 1), Region(39, 24, 80, 13), Region(10, 5, 60, 20), Region(0, 38, 120, 2),
    Region(0, 0, 120, 40), Region(119, 39, 1, 1), Region(37, 12, 2, 1),
]  # fmt: skip


def lines(compositor: Compositor, region: Region, screen: Any) -> str:
    compositor._dirty_regions = {region}
    update = compositor.render_partial_update()
    assert update is not None
    return update.render_segments(screen.app.console)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_part_of_the_screen_is_drawn_as_textual_would(size: tuple[int, int]) -> None:
    app = console(connected())
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        screen = app.frame_screen
        compositor = screen._compositor
        assert isinstance(compositor, NarrowCompositor)
        for region in REGIONS:
            if Region(0, 0, *size).contains_region(region):
                ours = lines(compositor, region, screen)
                compositor.__class__ = Compositor
                assert ours == lines(compositor, region, screen)
                compositor.__class__ = NarrowCompositor


async def test_only_what_an_update_touches_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        asked: list[Region] = []
        log = app.panes["log"]
        drawn = type(log).render_lines

        def count(widget: Any, crop: Region) -> list[Strip]:
            asked.append(crop)
            return drawn(widget, crop)

        monkeypatch.setattr(type(log), "render_lines", count)
        region = log.region
        lines(app.frame_screen._compositor, Region(0, region.bottom + 2, 120, 1), app.frame_screen)
        assert asked == []
        lines(app.frame_screen._compositor, Region(region.x, region.y + 1, 5, 2), app.frame_screen)
        assert [crop.height for crop in asked] == [2]
