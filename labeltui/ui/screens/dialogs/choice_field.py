"""A choice. Left and right step through the options; enter lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from labeltui.ui.presentation.options import Option
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList

if TYPE_CHECKING:
    from textual.app import App


def _lines(text: str, room: int) -> list[str]:
    """Break a text that is wider than ``room`` cells into two lines; what does not fit into them is cut off."""
    first, rest = "", text.split(" ")
    if cell_len(text) <= room:
        return [text]
    while rest and cell_len(f"{first} {rest[0]}".strip()) <= room:
        first = f"{first} {rest.pop(0)}".strip()
    return [line for line in (first, elide(" ".join(rest), room)) if line]


class Choice(Widget, can_focus=True):
    """A field that stores the value of the chosen option.

    Option texts may come from RunPod, so control characters are drawn as visible symbols.
    """

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    class Changed(Message):
        """The operator chose another option."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, options: Sequence[Option], value: str, *, name: str) -> None:
        super().__init__(name=name)
        self.options = list(options)
        self.value = value

    def set_options(self, options: Sequence[Option], value: str | None = None) -> None:
        """Replace the options. The chosen value stays unless ``value`` is given."""
        self.options = list(options)
        if value is not None:
            self.value = value
        self.refresh(layout=True)

    @property
    def label(self) -> str:
        """The text of the chosen option."""
        return next((text for answer, text in self.options if answer == self.value), self.value)

    def render(self) -> Content:
        """Draw the chosen option; with several options, between two arrows."""
        many = len(self.options) > 1
        return Content.assemble(
            ("◂ " if many else "  ", Tone.FAINT),
            "\n  ".join(self._shown(self.size.width)),
            (" ▸" if many else "", Tone.FAINT),
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines that the chosen option takes in ``width`` cells: 1 or 2."""
        return len(self._shown(width))

    def _shown(self, width: int) -> list[str]:
        return _lines(safe(self.label), max(4, width - 4))

    def on_key(self, event: events.Key) -> None:
        """Step with left, right and space, or to the next option that begins with a letter; list with enter."""
        if event.key in ("left", "right", "space"):
            event.stop()
            self._step(-1 if event.key == "left" else 1)
        elif event.key == "enter":
            event.stop()
            self._list()
        elif event.character is not None and event.is_printable:
            event.stop()
            self._jump(event.character)

    def on_click(self) -> None:
        """Focus the field and list all options; with at most two options, switch to the other."""
        self.focus()
        self._list()

    def _step(self, by: int) -> None:
        answers = [answer for answer, _ in self.options]
        here = answers.index(self.value) if self.value in answers else -1
        if answers:
            self._choose(answers[(here + by) % len(answers)])

    def _jump(self, letter: str) -> None:
        here = next((at for at, (answer, _) in enumerate(self.options) if answer == self.value), -1)
        turned = self.options[here + 1 :] + self.options[: here + 1]
        for answer, text in turned:
            if text.casefold().startswith(letter.casefold()):
                self._choose(answer)
                return

    def _list(self) -> None:
        if len(self.options) <= 2:
            self._step(1)
            return
        entries = [Entry(Content(safe(text)), text, answer) for answer, text in self.options]
        app = cast("App[object]", self.app)
        app.push_screen(
            PickList(entries), lambda answer: self._choose(answer) if answer is not None else None
        )

    def _choose(self, answer: str) -> None:
        if answer == self.value:
            return
        self.value = answer
        self.refresh(layout=True)
        self.post_message(self.Changed(self))
