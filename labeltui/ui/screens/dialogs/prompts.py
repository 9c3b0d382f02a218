"""Asks for a password or passphrase, or whether to trust a host key."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from labeltui.hosts.base import HostKey
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Button, Dialog
from labeltui.ui.widgets.columns import Static


class SecretScreen(Dialog[str]):
    """Asks for a password or passphrase. The input shows dots; this screen stores nothing."""

    def __init__(self, title: str, prompt: str) -> None:
        super().__init__()
        self._title = title
        self._prompt = prompt
        self._secret = Input(password=True)
        self._secret.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the question and a field."""
        with Box(classes="box") as box:
            box.border_title = Content(safe(self._title))
            box.hints = "enter sends it · esc cancels"
            yield Static(Content(safe(self._prompt)), classes="message")
            yield self._secret
            yield Static(
                Content.styled("Your answer is stored in memory only, for this connection.", Tone.FAINT),
                classes="message",
            )

    def on_mount(self) -> None:
        """Focus the field."""
        self._secret.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close the dialog with the secret."""
        event.stop()
        self.dismiss(event.value)


class HostKeyScreen(Dialog[bool]):
    """Asks whether to trust a new host key. Shows the fingerprint for comparison."""

    def __init__(self, key: HostKey) -> None:
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        """Yield the address, the fingerprint, an explanation, and two buttons."""
        key = self._key
        with Box(classes="box -warn") as box:
            box.border_title = Content("unknown host key")
            box.hints = "esc cancels the connection"
            message = Content.assemble(
                (safe(key.address), "bold $foreground"),
                (f" shows this {safe(key.algorithm)} key:\n\n", Tone.PLAIN),
                (f"  {safe(key.fingerprint)}\n\n", "bold $text-accent"),
                (f"{safe(key.because)}\n" if key.because else "", Tone.WARN),
                ("".join(f"  {safe(one)}\n" for one in key.expected), Tone.BAD),
                ("\n" if key.because else "", Tone.PLAIN),
                (
                    "Compare it with the fingerprint from the host's owner or provider. A trusted key is stored; "
                    "labeltui then refuses any other key at this address.",
                    Tone.FAINT,
                ),
            )
            yield Static(message, classes="message")
            with Container(classes="buttons"):
                yield Button("Do not connect", "no")
                yield Button("The key is right: trust it", "yes")

    def on_mount(self) -> None:
        """Focus the button that refuses the key."""
        self.query(Button).first().focus()

    def key_left(self) -> None:
        """Focus the previous button."""
        self.focus_previous(Button)

    def key_right(self) -> None:
        """Focus the next button."""
        self.focus_next(Button)

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """Close the dialog and return whether the operator trusts the key."""
        self.dismiss(message.button.name == "yes")
