"""The guide: every step of the session with its mark, and what the chosen step is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.style import Style

from labeltui.actions import BY_ID
from labeltui.domain.evening import evening
from labeltui.domain.guide.guide import guide, next_of
from labeltui.domain.guide.step import Mark, Step
from labeltui.ui.contract import console_of
from labeltui.ui.frame.frame import press
from labeltui.ui.presentation.guide import MARKS, keys_for
from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, Word
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.lines import Lines

TITLE_WIDTH = 15
KEYS_WIDTH = 7
DETAIL_ROWS = 5  # with these, 80x24 has room for every step
REFRESH_S = 0.5
NOTHING: Mapping[Mark, str] = {
    Mark.BUSY: "Nothing to press: it goes on by itself.",
    Mark.UNKNOWN: "Nothing to press yet: an earlier step comes first.",
}
"""What is said of a step that has no action."""


class GuideScreen(Dialog[str]):
    """Lists the steps as they are now. The answer is the id of the chosen step's action."""

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]
    TITLE_TEXT = "guide"
    KEYS = "j k choose · enter does it · h hides or shows the next step · esc"
    WORDS: ClassVar[Mapping[Mark, Word]] = MARKS
    WORD_WIDTH = 8

    def __init__(self) -> None:
        super().__init__()
        self._list, self._details = Lines(), Lines()
        self._chosen: int | None = None  # None follows the next step
        self._steps: tuple[Step, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the steps, and the details of the chosen one."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(self.TITLE_TEXT)
            box.hints = self.KEYS
            yield self._list
            yield self._details

    def on_mount(self) -> None:
        """Show the steps, and follow their changes."""
        self._details.styles.height = DETAIL_ROWS
        self._list.focus()
        self.call_after_refresh(self._show)
        self.set_interval(REFRESH_S, self._show)

    def _keys(self, action: str) -> str:
        return console_of(self).keymap.keys_of(BY_ID[action])

    def on_resize(self) -> None:
        """Cut the lines for the new width."""
        self.call_after_refresh(self._show)

    @property
    def chosen(self) -> int:
        """The index of the chosen step: the next one, until the operator moves."""
        if self._chosen is not None:
            return min(self._chosen, len(self._steps) - 1)
        found = next_of(self._steps, console_of(self).state)
        titles = [step.title for step in self._steps]
        return titles.index(found.title) if found is not None else 0

    def _read(self) -> tuple[Step, ...]:
        return guide(console_of(self).state)

    def _show(self) -> None:
        self._steps = self._read()
        chosen, width = self.chosen, max(30, self._list.size.width)
        rows = [self._row(step, width, at == chosen) for at, step in enumerate(self._steps)]
        lines = [row.stylize(Style.from_meta({"row": at})) for at, row in enumerate(rows)]
        self._list.set_lines([*lines, *self._rest(width)])
        self._list.reveal(chosen)
        about = self._about(self._steps[chosen], width)
        self._details.set_lines(about if len(about) >= DETAIL_ROWS else [Content(""), *about])

    def _rest(self, width: int) -> list[Content]:
        """Return what stands below the steps."""
        return []

    def _row(self, step: Step, width: int, chosen: bool) -> Content:
        word, keys = self.WORDS[step.mark], keys_for(step, self._keys)
        head = Content.assemble(
            ("›" if chosen else " ", "bold $text-primary"), (f"{word!s:<{self.WORD_WIDTH}}", word.tone),
            (f"{step.title:<{TITLE_WIDTH}}", "bold $foreground" if chosen else Tone.PLAIN),
            (f"{elide(keys, KEYS_WIDTH - 1):<{KEYS_WIDTH}}", "$text-accent"),
        )  # fmt: skip
        tone = Tone.BAD if step.mark is Mark.WRONG else Tone.FAINT
        return head + Content.styled(elide(safe(step.text), max(10, width - head.cell_length)), tone)

    def _about(self, step: Step, width: int) -> list[Content]:
        keys = keys_for(step, self._keys)
        lines = wrapped(step.why, width, Tone.FAINT, 2)
        tone = Tone.BAD if step.mark is Mark.WRONG else Tone.PLAIN
        lines += wrapped(f"Now: {safe(step.text).rstrip('.')}.", width, tone, 2)
        if step.todo:
            lines += wrapped(f"{safe(step.todo)} Press {keys}, or enter here.", width, Tone.BUSY, 2)
        elif step.mark in NOTHING:
            lines += wrapped(NOTHING[step.mark], width, Tone.FAINT, 1)
        return lines

    def on_click(self, event: events.Click) -> None:
        """Choose the clicked step; a click on the chosen one does it."""
        row = event.style.meta.get("row")
        if row is not None and row == self.chosen:
            press(self.app, "enter")
        elif row is not None:
            self._chosen = row
            self._show()

    def on_key(self, event: events.Key) -> None:
        """Choose a step, do it, or hide the next step."""
        step = {"j": 1, "k": -1, "down": 1, "up": -1}.get(event.key, 0)
        if step:
            event.stop()
            self._chosen = max(0, min(len(self._steps) - 1, self.chosen + step))
            self._show()
        elif event.key == "enter":
            event.stop()
            if self._steps and (action := self._steps[self.chosen].action):
                self.dismiss(action)
        elif event.key == "h":
            event.stop()
            self.app.call_later(console_of(self).dispatcher.invoke, "guide.line")


class EveningScreen(GuideScreen):
    """Says what is safe at the end of the day, and what still runs. ``e`` ends the day."""

    TITLE_TEXT = "end of the day"
    KEYS = "enter does it · e ends the day · o options · R report · esc"
    WORDS: ClassVar[Mapping[Mark, Word]] = {**MARKS, Mark.UNKNOWN: Word("?", "unknown", Tone.WARN)}
    WORD_WIDTH = 10
    ANSWERS: ClassVar = {"e": "evening.end", "o": "evening.options", "R": "report.write"}

    def _read(self) -> tuple[Step, ...]:
        return evening(console_of(self).state)

    def _rest(self, width: int) -> list[Content]:
        if all(step.mark is Mark.DONE for step in self._steps):
            return [Content(""), *wrapped("The day is ended. R writes its report.", width, Tone.GOOD)]
        rest = "e copies labels and models here, waits for the training, and stops the server"
        rest += ", then the pod" if console_of(self).state.identity.rents else ""
        return [
            Content(""),
            *wrapped(f"{rest}: it asks first, and ends at the first step that fails.", width, Tone.PLAIN),
        ]

    def on_key(self, event: events.Key) -> None:
        """End the day, or do the chosen step."""
        if event.key in self.ANSWERS:
            event.stop()
            self.dismiss(self.ANSWERS[event.key])
        elif event.key != "h":
            super().on_key(event)
