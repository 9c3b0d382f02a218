"""Draws less for a small update: one row of a terminal must not cost what the whole screen costs."""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class NarrowCompositor(Compositor):
    """Asks widgets for the rows that an update touches, and only those that have some of them.

    Textual's own asks every widget in sight for all of its rows, and throws away what the update does not need.
    """

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """As Textual's, with each widget's clip cut down to the rows of ``crop``."""
        if crop is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            rows = Region(clip.x, crop.y, clip.width, crop.height)
            seen = region.intersection(clip).intersection(rows)
            if seen and seen.overlaps(crop):
                strips = widget.render_lines(Region(seen.x - region.x, seen.y - region.y, *seen.size))
                yield region, clip.intersection(rows), strips
