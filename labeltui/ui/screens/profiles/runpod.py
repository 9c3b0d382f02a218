"""Asks for RunPod's API key, tests it at once, and writes a profile for a pod of RunPod."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused, Unreachable
from labeltui.operations.api_key import describe_account
from labeltui.runpod.keys import CONFIG, FoundKey, find_key, store_key, typed_key
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.widgets.columns import Static

TYPED_S = 0.4  # a key is tested when nobody has typed for this long
MISSING = (
    "Make a key at https://console.runpod.io/user/settings, under API Keys, and paste it. "
    f"It is tested at once, never shown, and stored in {CONFIG}, which only you can read."
)


class RunpodForm(ProfileForm):
    """The form for RunPod. A key that is found on this machine is tested; else a field asks for one."""

    key_found: FoundKey | None = None
    _wrong: LabeltuiError | None = None  # why no key could be read
    _accepted = ""  # the typed key that RunPod has accepted

    def above(self) -> ComposeResult:
        """Yield the field for the API key, and its note."""
        self.key_field = Input(password=True, placeholder="searching for a key …", disabled=True)
        self.key_field.cursor_blink = False
        self._key_note = Static("", classes="note", markup=False)
        with Container(classes="field"):
            yield Static(Content("API key"), classes="label")
            yield self.key_field
        yield self._key_note

    def on_mount(self) -> None:
        """Search for a key."""
        self.run_worker(self._search(), group="key", exit_on_error=False)

    async def _search(self) -> None:
        try:
            self.key_found = await find_key()
        except LabeltuiError as error:
            missing = error.problem.code == Code.RUNPOD_NO_KEY
            self.key_field.disabled = (
                not missing
            )  # another key would not be used while a wrong one is found first
            self.key_field.placeholder = "" if missing else "a wrong key was found"
            self._note(
                MISSING if missing else f"✗ {error.problem.message} {error.problem.hint}",
                Tone.PLAIN if missing else Tone.BAD,
            )
            if missing:
                self.key_field.focus()
            return
        self.key_field.placeholder = f"found in {self.key_found.origin}"
        try:
            self._note("testing the key …", Tone.FAINT)
            self._note(f"✓ {await describe_account(self.key_found.secret)}", Tone.GOOD)
        except LabeltuiError as error:
            self._note(f"✗ {error.problem.message} {error.problem.hint}", Tone.BAD)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Test a new key when nobody types any more."""
        if event.input is self.key_field:
            self.run_worker(self._test(event.value), group="key", exclusive=True, exit_on_error=False)

    async def _test(self, text: str) -> None:
        if not text:
            self._note(MISSING, Tone.PLAIN)
            return
        await asyncio.sleep(TYPED_S)
        self._note("testing the key …", Tone.FAINT)
        try:
            self._note(f"✓ {await describe_account(typed_key(text))}", Tone.GOOD)
            self._accepted = text
        except LabeltuiError as error:
            self._note(f"✗ {error.problem.message} {error.problem.hint}", Tone.BAD)

    def _note(self, text: str, tone: str) -> None:
        self._key_note.update(Content.styled(safe(text), tone))

    async def prepare(self) -> None:
        """Store a typed key, unless RunPod refuses it. Raises LabeltuiError."""
        text = self.key_field.value
        if self.key_found is not None:
            return
        if not text:
            raise Misused(
                Code.RUNPOD_NO_KEY, "There is no RunPod API key.", "Paste one into the first field."
            )
        secret = typed_key(text)
        if text != self._accepted:
            with suppress(Unreachable):  # the panes show it, and labeltui tries again
                await describe_account(secret)
        await asyncio.to_thread(store_key, secret)
        self.key_found = FoundKey(secret, CONFIG)
