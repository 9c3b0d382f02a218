"""Asks for RunPod's API key, tests it at once, and writes a profile for a pod of RunPod."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual.widgets import Input

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused, Unreachable
from labeltui.operations.api_key import describe_account
from labeltui.runpod.keys import CONFIG, FoundKey, find_key, store_key, typed_key
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.fields import Field
from labeltui.ui.screens.profiles.form import ProfileForm

TYPED_S = 0.4  # a key is tested when nobody has typed for this long
# RunPod's API description names only "the Runpod console", and its SDK this address.
MISSING = (
    "Make an API key in RunPod's console, https://console.runpod.io/user/settings, and paste it. Let it change pods: "
    "RunPod refuses what a key's permissions leave out. "
    f"It is tested at once, never shown, and stored in {CONFIG}, which only you can read."
)


class KeyField(Field):
    """The field for the API key. Its note is set by the form, after RunPod has answered."""

    def check(self) -> bool:
        """Accept every text."""
        return True


class RunpodForm(ProfileForm):
    """The form for RunPod. A key that is found on this machine is tested; else a field asks for one."""

    key_found: FoundKey | None = None
    _accepted = ""  # the typed key that RunPod has accepted

    def first(self) -> list[Field]:
        """Return the field for the API key."""
        self.key_field = KeyField("api_key", "API key", secret=True, example="searching for a key …")
        self.key_field.control.disabled = True
        return [self.key_field]

    def on_mount(self) -> None:
        """Search for a key."""
        self.run_worker(self._search(), group="key", exit_on_error=False)

    async def _search(self) -> None:
        field = self.key_field
        try:
            self.key_found = await find_key()
        except LabeltuiError as error:
            missing = error.problem.code == Code.RUNPOD_NO_KEY
            # A typed key would not be used while a wrong one is found first.
            field.control.disabled = not missing
            self._hint("" if missing else "a wrong key was found")
            if missing:
                field.help = MISSING
                field.say("")
                self.set_focus(field.control)
            else:
                field.say(f"✗ {error.problem.message} {error.problem.hint}", Tone.BAD)
            return
        self._hint(f"found in {self.key_found.origin}")
        try:
            field.say("testing the key …", Tone.FAINT)
            field.say(f"✓ {await describe_account(self.key_found.secret)}", Tone.GOOD)
        except LabeltuiError as error:
            field.say(f"✗ {error.problem.message} {error.problem.hint}", Tone.BAD)

    def _hint(self, text: str) -> None:
        if isinstance(self.key_field.control, Input):
            self.key_field.control.placeholder = text

    def on_field_changed(self, message: Field.Changed) -> None:
        """Test a new key when nobody types any more."""
        if message.field is self.key_field:
            text = message.field.value
            self.run_worker(self._test(text), group="key", exclusive=True, exit_on_error=False)

    async def _test(self, text: str) -> None:
        field = self.key_field
        if not text:
            field.say("")
            return
        await asyncio.sleep(TYPED_S)
        field.say("testing the key …", Tone.FAINT)
        try:
            field.say(f"✓ {await describe_account(typed_key(text))}", Tone.GOOD)
            self._accepted = text
        except LabeltuiError as error:
            field.say(f"✗ {error.problem.message} {error.problem.hint}", Tone.BAD)

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
