"""Screens for invited annotators: their list, and the text for one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labeltui.domain.invitations import Invitation
from labeltui.domain.state import SessionState
from labeltui.operations.invitations.text import masked
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import Console, console_of
from labeltui.ui.presentation import invitations as rows
from labeltui.ui.presentation.text import safe, safe_lines
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.table.rows import Table

MOVES = {"j": 1, "down": 1, "k": -1, "up": -1, "g": -(10**6), "home": -(10**6), "G": 10**6, "end": 10**6}


class InvitationsScreen(Dialog[None]):
    """Lists invited annotators, with keys to invite, revoke and install. ``invite`` opens the form for a name."""

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]

    def __init__(self, invite: Callable[[], None]) -> None:
        super().__init__()
        self._invite = invite
        self._table = Table(self._draw)
        self._all: tuple[Invitation, ...] = ()
        self._stop: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        """Yield a sentence, the table, and a line for reports."""
        with Box(classes="box -wide -tall") as box:
            box.hints = "n invite · x revoke · i install missing keys · esc closes"
            yield Static("", classes="message", id="about")
            yield self._table
            yield Static("", classes="flash")

    def on_mount(self) -> None:
        """Show every change of the invitations."""
        session = self.console.session
        if session is not None:
            self._stop = session.store.subscribe(self._changed)
        self.set_interval(1.0, self._again)
        self._table.focus()
        self.call_after_refresh(self._again)

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._stop()

    @property
    def console(self) -> Console:
        """The console that this screen belongs to."""
        return console_of(self)

    def _changed(self, _state: SessionState, fields: Changed) -> None:
        if Fields.invitations in fields and self.is_mounted:
            self._again()

    def _again(self) -> None:
        state, now = self.console.state, self.console.clock()
        found = state.invitations.value
        self._all = found.all if found is not None else ()
        error = safe(state.invitations.error or "") if found is None else ""
        about = self.query_one("#about", Static)
        text = error or rows.about(found)
        about.display = bool(text)
        about.update(Content.styled(text, Tone.WARN if error else Tone.FAINT))
        self._table.update_rows(len(self._all), self._table.cursor, rows.invitations_header())
        self.query_one(Box).border_title = Content(rows.invitations_title(state, now))

    def _draw(self, index: int, width: int, chosen: bool) -> Content:
        return rows.invitation_row(self._all[index], width, self.console.clock(), chosen=chosen)

    async def on_key(self, event: events.Key) -> None:
        """Move the cursor, or run an action."""
        step = MOVES.get(event.character or "", MOVES.get(event.key))
        chosen = self._all[self._table.cursor] if self._all else None
        if step is not None:
            event.stop()
            self._table.move(step)
        elif event.character == "n":
            event.stop()
            self._invite()
        elif event.character == "i":
            await self._run(event, "invite.install", {})
        elif event.character == "x" and chosen is not None:
            await self._run(event, "invite.revoke", {"name": chosen.name})

    async def _run(self, event: events.Key, action: str, params: Mapping[str, str]) -> None:
        event.stop()
        await self.console.dispatcher.invoke(action, params)
        self.ended(self.console.last_flash)

    def ended(self, text: str) -> None:
        """Show how an action ended, because this screen hides the console's message line."""
        self.query_one(".flash", Static).update(Content.styled(safe(text), Tone.FAINT))

    def progressed(self) -> None:
        """Do nothing: actions on invitations are short, so only their end is shown."""


class InvitationScreen(Dialog[None]):
    """Shows the text for an annotator.

    The private key is left out, so that no picture of the screen has it, but ``y`` copies the text with it. The
    key is in memory until the screen is closed, and nowhere else.
    """

    BINDINGS: ClassVar = [
        Binding("y", "copy", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
    ]

    def __init__(self, message: str, text: str, warnings: Sequence[str]) -> None:
        super().__init__()
        self._message, self._text, self._warnings = message, text, warnings
        self._scroll = VerticalScroll(classes="scroll fill")

    def compose(self) -> ComposeResult:
        """Yield the message, the warnings, and the text."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content("text for the annotator")
            box.hints = "y copies all of it · j k scroll · esc closes"
            copied = "y copies it to your clipboard; if your terminal does not take it, `labeltui invite` prints it."
            yield Static(
                Content.assemble(
                    (safe(self._message), "bold $foreground"),
                    *((f"\n{safe(one)}", Tone.WARN) for one in self._warnings),
                    (f"\n{copied}", Tone.FAINT),
                ),
                classes="message",
            )
            with self._scroll:
                yield Static(Content("\n".join(safe_lines(masked(self._text)))), classes="list")

    def on_mount(self) -> None:
        """Focus the text."""
        self._scroll.focus()

    def action_scroll(self, by: int) -> None:
        """Scroll the text by ``by`` rows."""
        self._scroll.scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy the whole text, with the private key."""
        console_of(self).copy(self._text)
        self.query_one(Box).hints = "copied · y copies it again · esc closes"
