"""Shows everything that is known of one study. The text can be copied, and keys act on the study."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content

from labeltui.domain.guide.step import is_connected
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.domain.studies.preview import Preview
from labeltui.domain.studies.study import Study
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.study import details
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.screens.dialogs.picklist import Entry, PickList
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.thumbnail import Thumbnail
from labeltui.ui.widgets.columns import Static

Load = Callable[[], Awaitable[Mapping[str, Any]]]
_Known = tuple[Study | None, object]


LABEL = "label "


class DeletionScreen(PickList):
    """Asks whether to delete a study or one of its labels.

    Returns an empty text for the study, else :data:`LABEL` and the label's tag.
    """

    TITLE_TEXT = "delete"
    FOOT_TEXT = "type to search · enter chooses, then asks · esc closes"

    def __init__(self, study: Study) -> None:
        count = len(study.tags)
        labels = f"{count} label{'s' if count > 1 else ''}"
        entries = [Entry(Content(f"{safe(study.id)}: image and {labels}"), study.id, "")]
        for tag in sorted(study.tags):
            by = f" by {study.authors[tag]}" if tag in study.authors else ""
            text = f"only the label {tag}{by}"
            entries.append(Entry(Content(safe(text)), text, LABEL + tag))
        super().__init__(entries)


class StudyScreen(Dialog[str]):
    """Shows the facts in the list of studies, then the document that ``load`` returns; reads it again at changes.

    ``open_preview`` opens the study with its first label for the picture. Returns the id of the action to run.
    """

    BINDINGS: ClassVar = [
        Binding("y", "copy", show=False),
        Binding("V", "run('queue.preview')", show=False),
        Binding("v", "run('studies.review')", show=False),
        Binding("i", "run('infer')", show=False),
        Binding("f", "run('studies.order')", show=False),
        Binding("d", "run('studies.double')", show=False),
        Binding("c", "run('studies.choose')", show=False),
        Binding("r", "run('labels.restore')", show=False),
        Binding("D", "run('studies.delete')", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
        Binding("q", "dismiss_none", show=False),
    ]

    def __init__(
        self, listed: Mapping[str, Any], load: Load, open_preview: Callable[[], Awaitable[Preview]]
    ) -> None:
        super().__init__()
        self._study = str(listed["id"])
        self._load = load
        self._lines = details(listed)
        self._shown: _Known = (None, None)
        self._is_cut_off = False  # whether the last attempt to read lost the connection
        self._stop: Callable[[], None] = lambda: None
        self._text = Static("", markup=False, classes="list")
        self._note = Static("", markup=False, classes="message")
        self._scroll = VerticalScroll(classes="scroll fill", id="facts")
        self._picture = Thumbnail(open_preview)

    def compose(self) -> ComposeResult:
        """Yield the details and a note."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(safe(self._study))
            box.hints = (
                "V view · v review · i infer · f next · d twice · c choose · r restore · D delete · esc"
            )
            with Horizontal(classes="fill"):
                with self._scroll:
                    yield self._text
                yield self._picture
            yield self._note

    def on_mount(self) -> None:
        """Show the facts that are known, and load the others."""
        self._scroll.focus()
        self._show("Reading image, labels and history …")
        console = console_of(self)
        self._shown = self._known(console.state)
        self._picture.place_on(self.size)
        if console.session is not None:
            self._stop = console.session.store.subscribe(self._changed)
        self._reload()

    def on_resize(self, event: events.Resize) -> None:
        """Show the picture where there is room."""
        self._picture.place_on(event.size)

    @on(PlaneView.Pointed)
    def _open_planes(self) -> None:
        self.dismiss("queue.preview")

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._stop()

    def _changed(self, state: SessionState, fields: Changed) -> None:
        if not self.is_mounted:
            return
        if Fields.host in fields and is_connected(state):
            self._after_loss()
        if not fields & {Fields.queue, Fields.labels}:
            return
        known, before = self._known(state), self._shown
        if known != before:
            self._shown = known
            self._reload()
            if _tags(known[0]) != _tags(before[0]):
                self._picture.again()

    def _after_loss(self) -> None:
        """Read again what could not be read without the connection."""
        if self._is_cut_off:
            self._reload()
        if self._picture.is_cut_off:
            self._picture.again()

    def _known(self, state: SessionState) -> _Known:
        """Return the study as the list has it, and the label that was copied last."""
        queue, copies = state.queue.value, state.labels.value
        listed = queue.studies if queue is not None else ()
        study = next((study for study in listed if study.id == self._study), None)
        return study, copies and (copies.here, copies.last, copies.last_at)

    def _reload(self) -> None:
        self._is_cut_off = False
        self.run_worker(self._read(), exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        try:
            self._lines = details(await self._load())
        except LabeltuiError as error:
            self._is_cut_off = isinstance(error, Unreachable)
            self._show(f"{error.problem.message} {error.problem.hint}".strip())
            return
        self._show("")

    def _show(self, note: str) -> None:
        self._text.update(Content("\n".join(self._lines)))
        self._note.update(Content.styled(safe(note), Tone.WARN))
        self._note.display = bool(note)

    def action_scroll(self, by: int) -> None:
        """Scroll by ``by`` rows."""
        self._scroll.scroll_relative(y=by, animate=False)

    def action_run(self, action_id: str) -> None:
        """Close, and run an action on the study."""
        self.dismiss(action_id)

    def action_copy(self) -> None:
        """Copy the details as text."""
        console_of(self).copy("\n".join(self._lines))


def _tags(study: Study | None) -> Mapping[str, object]:
    return study.tags if study is not None else {}
