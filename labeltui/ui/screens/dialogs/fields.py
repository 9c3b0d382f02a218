"""The fields of a form, each with a label, a text or a choice, and a note below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from labeltui.domain.problems import LabeltuiError
from labeltui.ui.presentation.options import Option
from labeltui.ui.presentation.text import safe, safe_lines
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.choice_field import Choice
from labeltui.ui.widgets.columns import Static

Check = Callable[[str], str]
"""Returns one line on what a value means, which may be empty. Raises LabeltuiError for a wrong value."""

TWO_COLUMNS = 110
"""Cells of the screen from which a form of more than ``FEW`` fields has two columns."""
FEW = 4
FIELD_ROWS = 3  # a field with its note, which often has two lines
NARROW_ROWS = 4  # the same in one of two columns


def accept(_text: str) -> str:
    """Accept every value."""
    return ""


class Field(Container):
    """One field of a form. It is a choice if it has ``options``, else a text.

    ``help`` stands below it, unless ``check`` has something to say about the value. ``known`` are texts that the field
    completes. A ``required`` field can't be left empty.
    """

    class Changed(Message):
        """The operator changed the value."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        name: str,
        label: str,
        help: str = "",
        value: str = "",
        *,
        options: Sequence[Option] | None = None,
        example: str = "",
        check: Check = accept,
        required: bool = False,
        secret: bool = False,
        known: Sequence[str] = (),
    ) -> None:
        super().__init__(name=name, classes="field")
        self.key, self.label, self.help, self.required = name, label, help, required
        self._check = check
        self.control: Input | Choice
        if options is None:
            suggester = SuggestFromList(known) if known else None
            self.control = Input(value, name=name, placeholder=example, password=secret, suggester=suggester)
            self.control.cursor_blink = False
        else:
            self.control = Choice(options, value, name=name)
        self.initial = value
        self._note = Static("", classes="note -help", markup=False)

    def compose(self) -> ComposeResult:
        """Yield the label beside the text or the choice, and the note below."""
        with Container(classes="row"):
            yield Static(Content(safe(self.label)), classes="label")
            yield self.control
        yield self._note

    def on_mount(self) -> None:
        """Show the note on the first value."""
        self.check()

    @property
    def value(self) -> str:
        """The text, or the value of the chosen option."""
        return self.control.value

    def set(self, value: str, options: Sequence[Option] | None = None) -> None:
        """Set value and options as if they had been there from the beginning: nothing is reported as changed."""
        self.initial = value
        if isinstance(self.control, Choice):
            self.control.set_options(self.control.options if options is None else options, value)
        elif self.control.value != value:
            with self.prevent(Input.Changed):
                self.control.value = value
        self.check()

    def check(self) -> bool:
        """Check the value and show the result as the note. Returns False for a wrong value."""
        text = self.value.strip()
        if not text and self.required:  # a field that nobody has filled yet is not shown as wrong
            self.say("")
            return False
        try:
            meaning = self._check(text)
        except LabeltuiError as error:
            self.say(f"✗ {error.problem.message} {error.problem.hint}".rstrip(), Tone.BAD)
            return False
        self.say(f"✓ {meaning}" if text and meaning else "", Tone.GOOD)
        return True

    def say(self, text: str, tone: str = Tone.PLAIN) -> None:
        """Set the note; an empty text shows the help."""
        lines = safe_lines(text or self.help)
        self._note.update(Content.styled("\n".join(lines), tone if text else Tone.FAINT))
        self._note.set_class(not text, "-help")
        self._note.set_class(not text and not self.help, "-none")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check the text and report that it changed."""
        event.stop()
        self._changed()

    def on_choice_changed(self, message: Choice.Changed) -> None:
        """Report that another option was chosen."""
        message.stop()
        self._changed()

    def _changed(self) -> None:
        self.check()
        self.post_message(self.Changed(self))


class Fields(VerticalScroll, can_focus=False):
    """Fields below one another, in two columns if there is room.

    Without room for all notes, only errors and warnings stay below their fields: see ``compact``.
    """

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__(classes="fields")
        self.all = list(fields)
        self.columns = 1
        self.compact = False

    def compose(self) -> ComposeResult:
        """Yield the fields."""
        yield from self.all

    def replace(self, before: Sequence[Field], after: Sequence[Field]) -> None:
        """Put other fields in the place of adjacent fields, of which there must be one."""
        at = self.all.index(before[0])
        self.all[at : at + len(before)] = after
        self.mount(*after, before=before[0])
        self.remove_children(before)

    @property
    def shown(self) -> list[Field]:
        """The fields that are not hidden."""
        return [field for field in self.all if field.display]

    def find(self, name: str) -> Field:
        """Return the field of this name. Raises KeyError."""
        for field in self.all:
            if field.key == name:
                return field
        raise KeyError(name)

    def fit(self, columns: int, rows: int) -> None:
        """Arrange the fields for a room of ``rows``, on a screen of ``columns`` cells."""
        self.columns = 2 if columns >= TWO_COLUMNS and len(self.all) > FEW else 1
        each = FIELD_ROWS if self.columns == 1 else NARROW_ROWS
        self.compact = -(-len(self.shown) // self.columns) * each > rows
        self.set_class(self.columns == 2, "-two")
        self.set_class(self.compact, "-compact")

    def focused(self) -> Field | None:
        """Return the field that has the focus."""
        return next((field for field in self.all if field.control.has_focus), None)

    def below(self, by: int) -> Field | None:
        """Return the field that is ``by`` rows below the focused one; None if there is none."""
        shown, here = self.shown, self.focused()
        if here is None or here not in shown:
            return None
        at = shown.index(here) + by * self.columns
        return shown[at] if 0 <= at < len(shown) else None
