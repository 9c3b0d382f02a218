"""Asks the questions of a new profile, checks the answers as they are typed, and writes the profile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from textual.content import Content

from labeltui.config.adding import add_profile, change_profile
from labeltui.config.questions import QUESTIONS, TITLES, Question, key_in
from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.fields import Field
from labeltui.ui.screens.dialogs.form import Form


class ProfileForm(Form[str]):
    """A form that writes a new profile and returns its name. ``path`` is the profile file; it need not exist.

    With ``before``, the answers of the profile ``name``, it changes that profile instead.
    """

    def __init__(
        self, host: str, path: Path, name: str | None = None, before: Mapping[str, str] | None = None
    ) -> None:
        self._host, self._path, self._profile, self._before = host, path, name, before
        self.answers = [
            _field(one, one.default if before is None else before[one.name]) for one in QUESTIONS[host]
        ]
        title = TITLES[host] if before is None else f"{TITLES[host]} · {name}"
        super().__init__(title, "Save and open", [*self.first(), *self.answers])
        self._taken_key = (before or {}).get("key", "")
        self._saving = False
        self.summarise(Content.styled(safe(f"The profile is written to {path}."), Tone.FAINT))

    def first(self) -> list[Field]:
        """Return the fields before the questions; none by default."""
        return []

    async def prepare(self) -> None:
        """Do what is needed before the profile is written; nothing by default. Raises LabeltuiError."""

    def on_field_changed(self, message: Field.Changed) -> None:
        """Put the key of a pasted command into the field of the key, unless another key was typed there."""
        answer = message.field
        key = next((one for one in self.answers if one.key == "key"), None)
        if answer.key != "address" or key is None or key.value.strip() not in ("", self._taken_key):
            return
        if (named := key_in(answer.value.strip())) and named != key.value.strip():
            self._taken_key = named
            key.set(named)

    def submit(self) -> None:
        """Write the profile and close."""
        if not self._saving:
            self._saving = True
            self.run_worker(self._save(), exit_on_error=False)

    async def _save(self) -> None:
        answers = {answer.key: answer.value.strip() for answer in self.answers}
        try:
            await self.prepare()
            name = await asyncio.to_thread(self._write, answers)
        except LabeltuiError as error:
            self.complain(f"{error.problem.message} {error.problem.hint}")
        else:
            self.dismiss(name)
        finally:
            self._saving = False

    def _write(self, answers: Mapping[str, str]) -> str:
        if self._before is None or self._profile is None:
            return add_profile(self._path, self._host, answers, self._profile)
        change_profile(self._path, self._profile, answers)
        return self._profile


def _field(question: Question, value: str) -> Field:
    try:
        question.check("")
        required = False
    except Misused:
        required = True
    return Field(
        question.name, question.label, question.help, value,
        example=question.example, check=question.check, required=required,
    )  # fmt: skip
