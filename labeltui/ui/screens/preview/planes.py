"""The planes of a preview, what is said beside them, and how their slices get there."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.preview import Plane, Preview
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Dialog
from labeltui.ui.screens.preview.fetching import Fetcher
from labeltui.ui.screens.preview.painting import PaintingCompositor
from labeltui.ui.screens.preview.pictures import Pictures
from labeltui.ui.screens.preview.plane import PlaneView, first_drawing, graphics_of
from labeltui.ui.screens.preview.text import KEYS, all_keys, facts, heading
from labeltui.ui.screens.preview.view import View
from labeltui.ui.widgets.columns import Static

THREE = (100, 28)
"""The smallest screen with room for three planes."""
NARROW = 64
PLANES = tuple(Plane)


class PlanesScreen(Dialog[None]):
    """Shows the planes of ``_view``, whose slices are those of ``_preview``."""

    def __init__(self, study: str) -> None:
        super().__init__()
        self._study = study
        self._preview: Preview | None = None
        self._view: View | None = None
        self._lists_keys = False
        self._dice: Mapping[int, float] | str | None = None
        self._fetchers: dict[Plane, Fetcher] = {}
        self._planes = {plane: PlaneView(plane, id=plane.value) for plane in PLANES}
        self._second = PlaneView(Plane.AXIAL, id="second")
        self._second.layer_shown = 1
        planes = [*self._planes.values(), self._second]
        self._pictures = Pictures(planes)
        self._painting = PaintingCompositor(planes, lambda: self._pictures.is_behind, self._paint_later)
        self._compositor = self._painting
        self._others = Vertical(id="others")
        self._facts = Static("", markup=False)
        self._message = Static("", markup=False, id="message")

    def compose(self) -> ComposeResult:
        """Yield title, planes, facts, message and keys."""
        yield Static(Content(f" {safe(self._study)}"), id="title")
        with Horizontal(id="body"):
            yield self._planes[Plane.AXIAL]
            with self._others:
                yield self._planes[Plane.CORONAL]
                yield self._planes[Plane.SAGITTAL]
            yield self._second
            with VerticalScroll(id="facts", can_focus=False):
                yield self._facts
        yield self._message
        yield Static(Content(KEYS), id="keys")

    def _begin_drawing(self) -> None:
        self._pictures.draw_as(first_drawing(self))
        self._ask_terminal()
        self.app.app_resume_signal.subscribe(self, self._resumed)
        self._arrange()

    def _fail(self, error: LabeltuiError) -> None:
        self._tell(f"{error.problem.message} {self._way_on(error)}", Tone.WARN)

    def _way_on(self, error: LabeltuiError) -> str:
        """Return the next steps after an error."""
        return f"{error.problem.hint} r reads it again, esc closes.".strip()

    def _tell(self, text: str, tone: Tone = Tone.FAINT) -> None:
        self._message.update(Content.styled(safe(text), tone))
        self._message.display = bool(text)

    # -- showing

    @property
    def _compares(self) -> bool:
        return self._view is not None and len(self._view.volume.labels) == 2

    @property
    def _plane(self) -> Plane:
        return self._view.plane if self._view is not None else Plane.AXIAL

    def _arrange(self) -> None:
        """Show the planes that there is room for, then request their slices."""
        width, height = self.size
        three = width >= THREE[0] and height >= THREE[1] and not self._compares
        for plane, shown in self._planes.items():
            shown.display = three or plane is self._plane
            shown.set_class(plane is self._plane, "-current")
        self._others.display = three or self._plane is not Plane.AXIAL
        self._second.display = self._compares
        self._second.plane = self._plane
        self.set_class(width < NARROW and not self._lists_keys, "-narrow")
        self._show_facts()
        self._request()

    def _show_facts(self) -> None:
        lines = all_keys() if self._lists_keys else []
        if self._view is not None and not lines:
            lines = facts(self._view, self._pictures.shown, self._dice)
        self._facts.update(Content("\n").join(lines))

    @on(PlaneView.Resized)
    def _request(self) -> None:
        """Request the slices of the planes on screen."""
        if self._view is None or self._preview is None:
            return
        for plane, shown in self._planes.items():
            width, height = self._pictures.room(shown, self._view.natural(plane))
            if shown.display and width:
                self._fetchers[plane].want(self._view.request(plane, width, height))
        self._draw()

    def _arrived(self, plane: Plane) -> None:
        """Draw a slice that has arrived."""
        self._draw()

    def _draw(self) -> None:
        if self._view is None:
            return
        for plane, shown in self._planes.items():
            self._draw_plane(plane, shown)
        if self._compares:
            self._draw_plane(self._plane, self._second)

    def _draw_plane(self, plane: Plane, shown: PlaneView) -> None:
        view, fetcher = self._view, self._fetchers.get(plane)
        drawn = fetcher.drawn if fetcher is not None else None
        if view is None or fetcher is None or drawn is None:
            return
        cross = view.cross(plane, drawn.width, drawn.height)
        label = f"{heading(view.volume.labels[shown.layer_shown])} · " if self._compares else ""
        note = f"reading {view.index(plane) + 1} …" if fetcher.is_late else ""
        title = f"{label}{plane.value} {view.place(plane, drawn.index)}"
        self._pictures.draw(shown, drawn, cross, title, note)

    def on_resize(self, _event: events.Resize) -> None:
        """Arrange the planes for the new size. A terminal's cells may have another size too."""
        self._painting.forget()
        self.refresh()
        self._arrange()
        self._ask_terminal()

    # -- images on terminals that show them

    def _ask_terminal(self) -> None:
        self.run_worker(self._prove(), group="terminal", exclusive=True)

    async def _prove(self) -> None:
        if await self._pictures.prove(self.app, graphics_of(self)):
            self._resumed(None)

    def _paint_later(self) -> None:
        """Paint once the terminal has taken what was written before."""
        self.run_worker(self._paint(), group="paint", exclusive=True)

    async def _paint(self) -> None:
        await self._pictures.drained()
        for plane in self.query(
            PlaneView
        ):  # not a region of the screen: Textual then drops updates of its widgets
            plane.refresh()

    def on_screen_resume(self) -> None:
        """Show images while no dialog covers the planes."""
        if self.app.screen is self and self._pictures.begin(self.app):
            self._show_facts()
            self._request()

    def on_screen_suspend(self) -> None:
        """Show cells behind a dialog, which dims them."""
        self._painting.forget()
        if self._pictures.end():
            self._show_facts()
            self._request()

    def _resumed(self, _app: object) -> None:
        """Show the images again after the console was in the background, where the terminal lost them."""
        self.on_screen_suspend()
        self.on_screen_resume()
        self.refresh()
