"""The preview of a study: three planes with its label over them, or one plane with two labels side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.preview import Plane, Preview
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import STYLES, Dialog
from labeltui.ui.screens.preview.cells import Cells, Drawing, Picture
from labeltui.ui.screens.preview.fetching import GROUP, Fetcher
from labeltui.ui.screens.preview.labels import Choice, CompareScreen, LabelsScreen
from labeltui.ui.screens.preview.plane import PlaneView, first_drawing
from labeltui.ui.screens.preview.text import KEYS, all_keys, facts, heading
from labeltui.ui.screens.preview.view import View
from labeltui.ui.widgets.columns import Static

Open = Callable[[Sequence[tuple[str, str]], Callable[[str], None]], Awaitable[Preview]]
Choices = Callable[[], Awaitable[Sequence[Choice]]]
THREE = (100, 28)
"""The smallest screen with room for three planes."""
NARROW = 64
PAGE = 10
FILLED = 0.4
OPACITIES = (20, 40, 60, 80, 100)
PLANES = tuple(Plane)


class PreviewScreen(Dialog[None]):
    """Shows a study. ``open_preview`` opens it with up to two labels; ``labels`` returns those to choose from.

    ``open_preview`` also gets a function that shows a text of progress.
    """

    CSS_PATH: ClassVar[Any] = [STYLES, Path(__file__).with_name("screen.tcss")]
    BINDINGS: ClassVar = [
        Binding("down,j", "turn(-1)", show=False),
        Binding("up,k", "turn(1)", show=False),
        Binding("pagedown", f"turn(-{PAGE})", show=False),
        Binding("pageup", f"turn({PAGE})", show=False),
        Binding("home,g", "turn(-100000000)", show=False),
        Binding("end,G", "turn(100000000)", show=False),
        Binding("tab", "plane(1)", show=False),
        Binding("shift+tab", "plane(-1)", show=False),
        *(Binding(str(place + 1), f"choose_plane({place})", show=False) for place in range(len(PLANES))),
        Binding("w", "preset", show=False),
        Binding("left", "level(-0.05)", show=False),
        Binding("right", "level(0.05)", show=False),
        Binding("minus", "width(0.9)", show=False),
        Binding("plus,equals_sign", "width(1.1)", show=False),
        Binding("o", "opacity", show=False),
        Binding("f", "outline", show=False),
        Binding("space", "hide", show=False),
        Binding("m", "most", show=False),
        Binding("l", "label", show=False),
        Binding("c", "compare", show=False),
        Binding("r", "again", show=False),
        Binding("question_mark", "keys", show=False),
        Binding("q,V", "dismiss_none", show=False),
    ]

    def __init__(self, study: str, open_preview: Open, labels: Choices) -> None:
        super().__init__()
        self._study, self._open, self._choices = study, open_preview, labels
        self._found: Sequence[Choice] = ()
        self._shown: list[tuple[str, str]] = []
        self._preview: Preview | None = None
        self._view: View | None = None
        self._drawing = Drawing()
        self._cells = Cells(self._drawing)
        self._lists_keys = False
        self._dice: Mapping[int, float] | str | None = None
        self._fetchers: dict[Plane, Fetcher] = {}
        self._planes = {plane: PlaneView(plane, id=plane.value) for plane in PLANES}
        self._second = PlaneView(Plane.AXIAL, id="second")
        self._second.layer_shown = 1
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

    def on_mount(self) -> None:
        """Open the preview with the study's first label."""
        self._drawing = first_drawing(self.app)
        self._cells = Cells(self._drawing)
        self._arrange()
        self._tell("Reading the labels …")
        self.run_worker(self._begin(), group="open", exclusive=True)

    async def on_unmount(self) -> None:
        """End the program on the host."""
        await self._close()

    # -- opening

    async def _begin(self) -> None:
        self._found = await self._choices()
        self._shown = [(one.tag, one.version) for one in self._found[:1]]
        await self._reopen()

    async def _reopen(self) -> None:
        """Open the preview again, with the labels that were chosen. The pictures stay until the new ones are here."""
        self._tell("Reading the image on the host …")
        try:
            await self._close()
            preview = await self._open(tuple(self._shown), lambda text: self._tell(f"{text} …"))
        except LabeltuiError as error:
            self._fail(error)
            return
        self._preview, self._dice = preview, None
        self._fetchers = {plane: Fetcher(self, preview, plane, self._arrived, self._fail) for plane in PLANES}
        self._view = View.of(preview.volume, self._view)
        self._draw_as(replace(self._drawing, colours=preview.volume.colours))
        self._tell("")
        self._arrange()
        if len(preview.volume.labels) == 2:
            await self._compare(preview)

    async def _compare(self, preview: Preview) -> None:
        if any(label.problem for label in preview.volume.labels):
            return
        try:
            self._dice = await preview.dice()
        except LabeltuiError as error:
            self._dice = f"Not compared: {safe(error.problem.message)}"
        self._show_facts()

    async def _close(self) -> None:
        self.workers.cancel_group(self, GROUP)
        preview, self._preview = self._preview, None
        if preview is not None:
            await preview.close()

    def _fail(self, error: LabeltuiError) -> None:
        text = f"{error.problem.message} {error.problem.hint}".strip()
        self._tell(f"{text} r reads it again, esc closes.", Tone.WARN)

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
            lines = facts(self._view, self._drawing, self._dice)
        self._facts.update(Content("\n").join(lines))

    @on(PlaneView.Resized)
    def _request(self) -> None:
        """Request the slices of the planes on screen."""
        if self._view is None or self._preview is None:
            return
        for plane, shown in self._planes.items():
            width, height = shown.pixels
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
        picture = Picture(drawn, shown.layer_shown, self._cells, self._drawing, cross)
        label = f"{heading(view.volume.labels[shown.layer_shown])} · " if self._compares else ""
        note = f"reading {view.index(plane) + 1} …" if fetcher.is_late else ""
        shown.draw(picture, f"{label}{plane.value} {view.place(plane, drawn.index)}", note)

    def on_resize(self, _event: events.Resize) -> None:
        """Arrange the planes for the new size."""
        self._arrange()

    # -- keys and mouse

    def _change(self, view: View) -> None:
        if view == self._view:
            return
        arranged = self._view is not None and view.plane is not self._view.plane
        self._view = view
        self._show_facts()
        if arranged:
            self._arrange()
        else:
            self._request()

    def action_turn(self, by: int) -> None:
        """Change the slice of the current plane."""
        if self._view is not None:
            self._change(self._view.moved(self._plane, self._view.index(self._plane) + by))

    @on(PlaneView.Turned)
    def _turned(self, message: PlaneView.Turned) -> None:
        if self._view is not None:
            self._change(self._view.moved(message.plane, self._view.index(message.plane) + message.by))

    @on(PlaneView.Pointed)
    def _pointed(self, message: PlaneView.Pointed) -> None:
        if self._view is not None:
            view = self._view.pointed(message.plane, message.across, message.down)
            self._change(view.with_plane(message.plane))

    def action_plane(self, step: int) -> None:
        """Choose the next plane (1) or the one before (-1)."""
        self.action_choose_plane((PLANES.index(self._plane) + step) % len(PLANES))

    def action_choose_plane(self, place: int) -> None:
        """Choose the plane that the keys act on."""
        if self._view is not None:
            self._change(self._view.with_plane(PLANES[place]))

    def action_preset(self) -> None:
        """Take the next window."""
        if self._view is not None:
            self._change(self._view.next_preset())

    def action_level(self, part: float) -> None:
        """Raise the window's level by a part of its width."""
        if self._view is not None:
            self._change(self._view.raised(part))

    def action_width(self, factor: float) -> None:
        """Multiply the window's width."""
        if self._view is not None:
            self._change(self._view.widened(factor))

    def action_most(self) -> None:
        """Show the slices with most of the label."""
        if self._view is not None:
            self._change(self._view.fullest())

    def _draw_as(self, drawing: Drawing) -> None:
        self._drawing, self._cells = drawing, Cells(drawing)
        self._show_facts()
        self._draw()

    def action_opacity(self) -> None:
        """Take the next opacity of the label."""
        now = round(self._drawing.opacity * 100)
        following = next((one for one in OPACITIES if one > now), OPACITIES[0])
        self._draw_as(replace(self._drawing, opacity=following / 100))

    def action_outline(self) -> None:
        """Show only the label's outline, or its whole area again."""
        outline = not self._drawing.outline
        opacity = 1.0 if outline else FILLED
        self._draw_as(replace(self._drawing, outline=outline, opacity=opacity))

    def action_hide(self) -> None:
        """Hide the label, or show it again."""
        self._draw_as(replace(self._drawing, hidden=not self._drawing.hidden))

    def action_again(self) -> None:
        """Read the study again."""
        self.run_worker(self._reopen(), group="open", exclusive=True)

    def action_keys(self) -> None:
        """List all keys in the place of the facts, or the facts again."""
        self._lists_keys = not self._lists_keys
        self._arrange()

    def action_label(self) -> None:
        """Choose the label that is shown."""

        def chosen(answer: str | None) -> None:
            if answer is not None:
                self._show_labels([*self._chosen(answer), *self._shown[1:]] if answer else [])

        self.app.push_screen(LabelsScreen(self._found), chosen)

    def action_compare(self) -> None:
        """Choose a second label, which is shown beside the first one."""
        if not self._shown:
            self.action_label()
            return

        def chosen(answer: str | None) -> None:
            if answer is not None:
                self._show_labels([self._shown[0], *self._chosen(answer)])

        self.app.push_screen(CompareScreen(self._found), chosen)

    def _chosen(self, answer: str) -> list[tuple[str, str]]:
        return [(self._found[int(answer)].tag, self._found[int(answer)].version)] if answer else []

    def _show_labels(self, labels: list[tuple[str, str]]) -> None:
        self._shown = labels
        self.action_again()
