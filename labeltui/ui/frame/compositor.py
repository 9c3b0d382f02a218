"""Makes small updates fast, so that a change of one row does not take as long as drawing the whole screen."""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class NarrowCompositor(Compositor):
    """Renders only the rows that an update touches.

    Textual's own compositor renders all rows of every visible widget and throws away the rest.
    """

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Override Textual's method: reduce each widget's clip to the rows of ``crop``."""
        if crop is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            rows = Region(clip.x, crop.y, clip.width, crop.height)
            visible = region.intersection(clip).intersection(rows)
            if visible and visible.overlaps(crop):
                strips = widget.render_lines(
                    Region(visible.x - region.x, visible.y - region.y, *visible.size)
                )
                yield region, clip.intersection(rows), strips
