"""Asks the questions of a new profile, checks the answers as they are typed, and writes the profile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from labeltui.config.adding import add_profile, change_profile
from labeltui.config.questions import QUESTIONS, Question, key_in
from labeltui.domain.problems import LabeltuiError
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Button, Dialog
from labeltui.ui.widgets.columns import Static

TITLES = {"local": "This machine", "ssh": "A machine by SSH", "runpod": "A pod of RunPod"}


class Answer:
    """A question with its field, and the note below it: what the answer means, or what is wrong with it."""

    def __init__(self, question: Question, initial: str) -> None:
        self.question = question
        self.field = Input(initial, placeholder=question.example)
        self.field.cursor_blink = False
        self.note = Static("", classes="note", markup=False)

    @property
    def text(self) -> str:
        """The answer without the blanks around it, which come with a paste."""
        return self.field.value.strip()

    def check(self) -> bool:
        """Check the answer and show the result. Returns False for a wrong answer."""
        try:
            note = self.question.check(self.text)
        except LabeltuiError as error:
            wrong = f"✗ {error.problem.message} {error.problem.hint}"
            # A field that nobody has filled yet is not wrong.
            self._show(*((wrong, Tone.BAD) if self.text else (self.question.help, Tone.FAINT)))
            return False
        self._show(f"✓ {note}" if self.text else self.question.help, Tone.GOOD if self.text else Tone.FAINT)
        return True

    def _show(self, text: str, tone: str) -> None:
        self.note.update(Content.styled(safe(text), tone))


class ProfileForm(Dialog[str]):
    """A form that writes a new profile and returns its name. ``path`` is the profile file; it need not exist.

    With ``before``, the answers of the profile ``name``, it changes that profile instead.
    """

    BINDINGS: ClassVar = [Binding("ctrl+s", "submit", show=False, priority=True)]

    def __init__(
        self, host: str, path: Path, name: str | None = None, before: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._host, self._path, self._name, self._before = host, path, name, before
        self.answers = [
            Answer(one, one.default if before is None else before[one.name]) for one in QUESTIONS[host]
        ]
        self._taken_key = (before or {}).get("key", "")
        self._error = Static("", classes="error", markup=False)
        self._saving = False

    def compose(self) -> ComposeResult:
        """Yield the questions, each with its note, and two buttons."""
        with Container(classes="box -wide") as box:
            title = TITLES[self._host] if self._before is None else f"{TITLES[self._host]} · {self._name}"
            box.border_title = Content(safe(title))
            box.border_subtitle = Content("enter next field · ctrl+s saves and opens · esc cancels")
            with VerticalScroll(classes="scroll"):
                yield from self.above()
                for answer in self.answers:
                    with Container(classes="field"):
                        yield Static(Content(answer.question.label), classes="label")
                        yield answer.field
                    yield answer.note
            yield self._error
            yield Static(
                Content.styled(safe(f"The profile is written to {self._path}."), Tone.FAINT), classes="list"
            )
            with Container(classes="buttons"):
                yield Button("Cancel", "no")
                yield Button("Save and open", "yes")

    def above(self) -> ComposeResult:
        """Yield what stands above the questions; nothing by default."""
        yield from ()

    async def prepare(self) -> None:
        """Do what is needed before the profile is written; nothing by default. Raises LabeltuiError."""

    def on_mount(self) -> None:
        """Focus the first field and check what is filled in."""
        for answer in self.answers:
            answer.check()
        self.answers[0].field.focus()

    def on_key(self, event: events.Key) -> None:
        """Move between fields with up and down, as tab does."""
        if event.key in ("down", "up"):
            event.stop()
            (self.focus_next if event.key == "down" else self.focus_previous)()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check the answer that changed."""
        event.stop()
        self._error.update("")
        for answer in self.answers:
            if answer.field is event.input:
                answer.check()
                self._take_key(answer)

    def _take_key(self, answer: Answer) -> None:
        """Put the key of a pasted command into the field of the key, unless another key was typed there."""
        key = next((one for one in self.answers if one.question.name == "key"), None)
        if answer.question.name != "address" or key is None or key.text not in ("", self._taken_key):
            return
        if (named := key_in(answer.text)) and named != key.text:
            key.field.value = self._taken_key = named

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; submit from the last field."""
        event.stop()
        if event.input is self.answers[-1].field:
            self.action_submit()
        else:
            self.focus_next()

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """Save the profile, or cancel."""
        if message.button.name == "yes":
            self.action_submit()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """Write the profile and close, unless an answer is wrong."""
        for answer in self.answers:
            if not answer.check():
                answer.field.focus()
                self._error.update(self._why(answer))
                return
        if not self._saving:
            self._saving = True
            self.run_worker(self._save(), exit_on_error=False)

    def _why(self, answer: Answer) -> Content:
        text = "" if answer.text else f"{answer.question.label}: an answer is needed."
        return Content(text)

    async def _save(self) -> None:
        answers = {answer.question.name: answer.text for answer in self.answers}
        try:
            await self.prepare()
            name = await asyncio.to_thread(self._write, answers)
        except LabeltuiError as error:
            self._error.update(Content(safe(f"{error.problem.message} {error.problem.hint}")))
        else:
            self.dismiss(name)
        finally:
            self._saving = False

    def _write(self, answers: Mapping[str, str]) -> str:
        if self._before is None or self._name is None:
            return add_profile(self._path, self._host, answers, self._name)
        change_profile(self._path, self._name, answers)
        return self._name
