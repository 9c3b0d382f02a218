"""The form that every screen with fields uses: fields, an error line, and buttons that are always visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from labeltui.ui.presentation.text import safe, safe_lines
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Button, Dialog
from labeltui.ui.screens.dialogs.fields import TWO_COLUMNS, Field, Fields
from labeltui.ui.widgets.columns import Static

T = TypeVar("T")
SHARE = 0.92  # of the screen's height, which a form takes at most
HELP_ROWS = 2
AROUND = 2 + 2 + 2  # rows of border, error, and buttons with what stands beside them


class Form(Dialog[T]):
    """Fields above two buttons. Ctrl+s submits, enter goes to the next field, and submits from the last one.

    If the notes of all fields don't fit, a line above the buttons explains the focused field. A subclass says in
    :meth:`submit` what to do with the values.
    """

    BINDINGS: ClassVar = [Binding("ctrl+s", "submit", show=False, priority=True)]
    KEYS: ClassVar[str] = "tab next field · ◂ ▸ other choice"

    def __init__(self, title: str, does: str, fields: Sequence[Field] | Fields) -> None:
        """``does`` is the text of the button that submits."""
        super().__init__()
        self._title = title
        self.fields = fields if isinstance(fields, Fields) else Fields(fields)
        self._help = Static("", classes="help", markup=False)
        self._error = Static("", classes="error", markup=False)
        self._summary = Static("", classes="summary", markup=False)
        self._button = Button(does, "yes")

    def compose(self) -> ComposeResult:
        """Yield the fields, the help, the error, and beside the buttons the summary."""
        with Box(classes="box form") as box:
            box.border_title = Content(safe(self._title))
            box.hints = f"ctrl+s submits · {self.KEYS} · esc cancels"
            with Container(classes="body"):
                yield from self.above()
                yield self.fields
            yield self._help
            yield self._error
            with Container(classes="foot"):
                yield self._summary
                with Container(classes="buttons"):
                    yield Button("Cancel", "no")
                    yield self._button

    def above(self) -> ComposeResult:
        """Yield what stands above the fields; nothing by default."""
        yield from ()

    def submit(self) -> None:
        """Use the values, which have been checked, and close the form."""
        raise NotImplementedError

    def summarise(self, content: Content) -> None:
        """Show what the form is about to do beside the buttons, such as a price."""
        self._summary.update(content)

    def complain(self, text: str, tone: str = Tone.BAD) -> None:
        """Show an error above the buttons. An empty text clears it."""
        self._error.update(Content.styled(" ".join(safe_lines(text)), tone))

    # -- shape and focus

    def on_mount(self) -> None:
        """Arrange the fields and focus the first."""
        self.arrange_fields(*self.app.size)
        self.begin()

    def begin(self) -> None:
        """Focus the first field that can be changed."""
        first = next((field for field in self.fields.shown if not field.control.disabled), None)
        if first is not None:
            self.set_focus(first.control)

    def on_resize(self, event: events.Resize) -> None:
        """Arrange the fields for the new size."""
        self.arrange_fields(*event.size)

    def arrange_fields(self, width: int, height: int) -> None:
        """Give the fields the rows that the rest of the form leaves on a screen of this size."""
        room = int(height * SHARE) - AROUND
        self.fields.fit(width, room)
        self.fields.styles.max_height = max(3, room - (HELP_ROWS if self.fields.compact else 0))
        self.dress(width)

    def dress(self, width: int) -> None:
        """Set the classes on which the styles of the whole form depend."""
        self.set_class(width >= TWO_COLUMNS, "-roomy")
        self.set_class(self.fields.columns == 2, "-two")
        self.set_class(self.fields.compact, "-compact")

    def on_descendant_focus(self) -> None:
        """Explain the focused field."""
        self.explain_focused()

    def explain_focused(self) -> None:
        """Show the help of the focused field in its line, which is there if not all helps fit."""
        field = self.fields.focused()
        self._help.update(Content.styled(" · ".join(safe_lines(field.help)), Tone.FAINT) if field else "")

    def on_key(self, event: events.Key) -> None:
        """Move between fields with up and down, and between the buttons with left and right."""
        if event.key in ("down", "up"):
            event.stop()
            self._move(1 if event.key == "down" else -1)
        elif event.key in ("left", "right") and isinstance(self.focused, Button):
            event.stop()
            (self.focus_next if event.key == "right" else self.focus_previous)(Button)

    def _move(self, by: int) -> None:
        here, field = self.fields.focused(), self.fields.below(by)
        if field is not None:
            self.set_focus(field.control)
            return
        if here is not None:  # leave the fields over their end, also from the first of two columns
            shown = self.fields.shown
            self.set_focus(shown[0 if by < 0 else -1].control)
        (self.focus_next if by > 0 else self.focus_previous)()

    # -- submitting

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; submit from the last field."""
        event.stop()
        shown = self.fields.shown
        if shown and event.input is shown[-1].control:
            self.action_submit()
        else:
            self.focus_next()

    def on_field_changed(self, message: Field.Changed) -> None:
        """Clear the error, which was about the values before."""
        message.stop()
        self.complain("")

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """Submit or cancel the form."""
        if message.button.name == "yes":
            self.action_submit()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """Submit the form, or focus the first field whose value is wrong."""
        # Keys typed before may still wait for the focused field to take them.
        (self.focused or self).call_later(self._submit_checked)

    def _submit_checked(self) -> None:
        for field in self.fields.shown:
            if not field.check():
                self.complain(
                    f"{field.label}: {'this' if field.value.strip() else 'an empty text'} is not possible."
                )
                self.set_focus(field.control)
                return
        self.submit()
