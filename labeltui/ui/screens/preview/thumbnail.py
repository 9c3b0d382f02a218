"""A small axial picture of a study with its label, for the study's details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.studies.preview import Plane, Preview
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.preview.cells import Cells, Picture
from labeltui.ui.screens.preview.plane import PlaneView, first_drawing
from labeltui.ui.screens.preview.text import heading
from labeltui.ui.screens.preview.view import View
from labeltui.ui.widgets.columns import Static

ROOM = (100, 26)
"""The smallest screen with room for a picture beside the details."""


class Thumbnail(Vertical):
    """Shows the axial slice with most of a study's first label, else the middle one; why there is none, as one line.

    ``open_preview`` opens the study with that label. The program on the host ends as soon as the slice is drawn.
    """

    DEFAULT_CSS: ClassVar[str] = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self, open_preview: Callable[[], Awaitable[Preview]]) -> None:
        super().__init__()
        self._open = open_preview
        self._begun = False
        self.is_cut_off = False
        """Whether the last attempt lost the connection."""
        self._plane = PlaneView(Plane.AXIAL, id="thumbnail")
        self._note = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """Yield the picture and a note."""
        yield self._plane
        yield self._note

    def place_on(self, screen: Size) -> None:
        """Hide the picture on a small screen. It is read when there is room for it the first time."""
        self.display = screen.width >= ROOM[0] and screen.height >= ROOM[1]
        if self.display and not self._begun:
            self.again()

    def again(self) -> None:
        """Read the picture again. Does nothing while it is hidden."""
        if self.display:
            self._begun, self.is_cut_off = True, False
            self.run_worker(self._read(), exclusive=True)

    @on(PlaneView.Resized)
    def _sized(self) -> None:
        self.again()

    async def _read(self) -> None:
        width, height = self._plane.pixels
        if not width:
            return  # its size is not known yet, and arrives as a message
        self._tell("Reading the image …")
        try:
            preview = await self._open()
            try:
                view = View.of(preview.volume)
                drawn = await preview.slice(view.request(Plane.AXIAL, width, height))
            finally:
                await preview.close()
        except LabeltuiError as error:
            self.is_cut_off = isinstance(error, Unreachable)
            not_asked = error.problem.code == Code.NOT_FETCHED
            hint = f" {error.problem.hint}" if not_asked else ""
            self._tell(f"No picture: {error.problem.message}{hint}", Tone.FAINT if not_asked else Tone.WARN)
            return
        drawing = replace(first_drawing(self), colours=view.volume.colours)
        labels = view.volume.labels
        self._plane.draw(Picture(drawn, 0, Cells(drawing), drawing, None), "", "")
        shown = f"axial {view.place(Plane.AXIAL, drawn.index)}"
        label = next((f" · {heading(one)}" for one in labels if not one.problem), " · no label")
        self._tell(f"{shown}{label}")

    def _tell(self, text: str, tone: Tone = Tone.FAINT) -> None:
        self._note.update(Content.styled(safe(text), tone))
