"""The preview of a study: three planes with its label over them, or one plane with two labels side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding

from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.domain.studies.preview import Preview
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import safe
from labeltui.ui.screens.dialogs.dialog import STYLES
from labeltui.ui.screens.preview.cells import Drawing
from labeltui.ui.screens.preview.fetching import GROUP, Fetcher
from labeltui.ui.screens.preview.labels import Choice, CompareScreen, LabelsScreen
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.planes import PLANES, PlanesScreen
from labeltui.ui.screens.preview.view import View

Open = Callable[[Sequence[tuple[str, str]], Callable[[str], None]], Awaitable[Preview]]
Choices = Callable[[], Awaitable[Sequence[Choice]]]
PAGE = 10
FILLED = 0.4
OPACITIES = (20, 40, 60, 80, 100)


class PreviewScreen(PlanesScreen):
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
        super().__init__(study)
        self._open, self._choices = open_preview, labels
        self._found: Sequence[Choice] = ()
        self._shown: list[tuple[str, str]] = []
        self._connection: datetime | None = None  # when the connection of the newest attempt was made
        self._waits = False
        self._stop: Callable[[], None] = lambda: None

    def on_mount(self) -> None:
        """Open the preview with the study's first label."""
        if (session := console_of(self).session) is not None:
            self._stop = session.store.subscribe(self._state_changed)
        self._begin_drawing()
        self._tell("Reading the labels …")
        self.run_worker(self._begin(), group="open", exclusive=True)

    async def on_unmount(self) -> None:
        """Remove the pictures, and end the program on the host."""
        self._stop()
        self._pictures.end()
        await self._close()

    # -- after a lost connection

    def _way_on(self, error: LabeltuiError) -> str:
        self._waits = isinstance(error, Unreachable)
        if self._waits:
            return "It is read again once the host is connected; esc closes."
        return super()._way_on(error)

    def _state_changed(self, _state: SessionState, fields: Changed) -> None:
        if Fields.host in fields:
            self._reopen_connected()

    def _reopen_connected(self) -> None:
        """Read the study again if the host has another connection than the one that failed.

        Does nothing behind another screen; this one calls it again when it is on top.
        """
        made = self._connected_since()
        if self._waits and made not in (None, self._connection) and self.app.screen is self:
            self.action_again()

    def _connected_since(self) -> datetime | None:
        host = console_of(self).state.host.value
        return host.connected_since if host is not None else None

    def on_screen_resume(self) -> None:
        """Show images, and read the study again if the connection came back behind another screen."""
        super().on_screen_resume()
        self._reopen_connected()

    # -- opening

    async def _begin(self) -> None:
        self._found = await self._choices()
        self._shown = [(one.tag, one.version) for one in self._found[:1]]
        await self._reopen()

    async def _reopen(self) -> None:
        """Open the preview again, with the labels that were chosen. The pictures stay until the new ones are here."""
        self._waits, self._connection = False, self._connected_since()
        self._tell("Reading the image on the host …")
        try:
            await self._close()
            preview = await self._open(tuple(self._shown), lambda text: self._tell(f"{text} …"))
        except LabeltuiError as error:
            self._fail(error)
            return
        self._connection = self._connected_since()
        self._preview, self._dice = preview, None
        self._fetchers = {plane: Fetcher(self, preview, plane, self._arrived, self._fail) for plane in PLANES}
        self._view = View.of(preview.volume, self._view)
        self._draw_as(replace(self._pictures.drawing, colours=preview.volume.colours))
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
        self._pictures.draw_as(drawing)
        self._show_facts()
        self._draw()

    def action_opacity(self) -> None:
        """Take the next opacity of the label."""
        now = round(self._pictures.drawing.opacity * 100)
        following = next((one for one in OPACITIES if one > now), OPACITIES[0])
        self._draw_as(replace(self._pictures.drawing, opacity=following / 100))

    def action_outline(self) -> None:
        """Show only the label's outline, or its whole area again."""
        outline = not self._pictures.drawing.outline
        opacity = 1.0 if outline else FILLED
        self._draw_as(replace(self._pictures.drawing, outline=outline, opacity=opacity))

    def action_hide(self) -> None:
        """Hide the label, or show it again."""
        self._draw_as(replace(self._pictures.drawing, hidden=not self._pictures.drawing.hidden))

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
