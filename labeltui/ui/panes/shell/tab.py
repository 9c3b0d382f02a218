"""One tab of the shell pane: a shell with its terminal, questions and texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from labeltui.domain.host import HostStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState
from labeltui.ui.contract import console_of
from labeltui.ui.messages import LEAVE_KEY, Flash, LeaveShell
from labeltui.ui.panes.shell import words as shell_words
from labeltui.ui.panes.shell.clipboard import Clipboard, Permission
from labeltui.ui.panes.shell.history import Past
from labeltui.ui.panes.shell.run import ShellRun
from labeltui.ui.panes.shell.view import ShellView
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.presentation.text import safe
from labeltui.ui.screens.dialogs.find import FindScreen
from labeltui.ui.widgets.terminal.engine import Modes
from labeltui.ui.widgets.terminal.keys import key_bytes
from labeltui.ui.widgets.terminal.view import TerminalView

if TYPE_CHECKING:
    from labeltui.session.connection.shells import OpenShell, Shells
    from labeltui.session.session import Session
    from labeltui.ui.presentation.absence import Absence

AGAIN_AFTER = timedelta(seconds=3)


class ShellTab(Vertical):
    """One tab with a terminal.

    Opens a shell once the tab is visible and the host is connected, and again after a lost connection.
    """

    DEFAULT_CSS = "ShellTab { height: 1fr; }"

    class Changed(Message):
        """The tab's title, state or size changed."""

    def __init__(
        self, number: int, permission: Permission, *, label: str = "", proxied: bool = False
    ) -> None:
        super().__init__()
        self.number = number
        self.label = label  # the operator's name for the shell
        self.proxied = proxied  # whether the shell runs through the provider's proxy
        self.unseen = False  # whether there is output that was not visible yet
        self.rang = False
        self.view = ShellView()
        self.run = ShellRun(self.view, self._changed)
        self._clipboard = Clipboard(self, self.view, permission)
        self.run.copied, self.run.drew = self._clipboard.copied, self._drew
        self._session: Session | None = None
        self._host: HostStatus | None = None
        self._absent: Absence | None = None
        self._now: datetime | None = None
        self._not_before: datetime | None = None
        self._phase = Phase.NONE
        self._was_lost = False
        self._past = Past(self, self.view, self.run, lambda: self.shells)
        self._others: Callable[[], frozenset[int]] | None = (
            None  # returns the other tabs' numbers; None once this tab's number is final
        )

    def compose(self) -> ComposeResult:
        """Yield the terminal."""
        yield self.view

    def on_mount(self) -> None:
        """Connect the terminal with the shell."""
        self.view.send = self.run.send
        self.view.resized = self._resized

    @property
    def phase(self) -> Phase:
        """The shell's state."""
        return self.run.phase

    @property
    def opened(self) -> OpenShell | None:
        """The running shell; None without one."""
        return self.run.live

    @property
    def shells(self) -> Shells | None:
        """The session's shells; None while no session is open."""
        return None if self._session is None else self._session.shells

    # -- following the session

    def attach(self, session: Session) -> None:
        """Store the session."""
        self._session = session

    def detach(self) -> None:
        """Disconnect the shell. A shell in the host's tmux continues to run there."""
        self._session = None
        self.run.stop()

    def on_unmount(self) -> None:
        """Disconnect the shell."""
        self.detach()

    def follow(self, state: SessionState, now: datetime, *, may_open: bool) -> None:
        """Update the tab from a snapshot. Opens a shell if one is due and can be opened."""
        self._host, self._now = state.host.value, now
        connected = self._host is not None and self._host.state is LinkState.CONNECTED
        first = self.phase in (Phase.NONE, Phase.OPENING) and self.display and not self.run.busy
        wanted = self.phase is Phase.LOST or first
        due = self._not_before is None or now >= self._not_before
        possible = may_open and self.shells is not None and not self.shells.read_only
        if wanted and due and possible and self.view.room.area and (connected or self.proxied):
            self.open()

    def open(self) -> None:
        """Open a shell, unless a shell is opening, running or ending."""
        if self.shells is None:
            return
        opening = self.shells.open_proxy if self.proxied else partial(self._open_numbered, self.shells)
        self.run.start(self.shells, opening, self.shells.section.scrollback)

    async def _open_numbered(self, shells: Shells, columns: int, rows: int) -> OpenShell:
        if self._others is not None:
            self.number = await shells.free_number(self._others())
            self._others = None
            self.post_message(self.Changed())
        return await shells.open(self.number, columns, rows)

    def _changed(self) -> None:
        if self.proxied and self.phase in (Phase.NONE, Phase.LOST):
            self.run.phase = (
                Phase.EXITED
            )  # only enter retries: no poller reports whether the proxy would answer
        before, self._phase = self._phase, self.phase
        if self.phase is Phase.LOST and self._now is not None:
            self._not_before = self._now + (timedelta(seconds=1) if before is Phase.LIVE else AGAIN_AFTER)
        elif self.phase is Phase.NONE and self._now is not None:
            self._not_before = self._now + AGAIN_AFTER
        elif self.phase is Phase.LIVE:
            opened = self.run.opened
            if self._was_lost and opened is not None and self.view.in_tmux and not opened.resumed:
                self.post_message(Flash(f"{self.run.ended}: this is a new shell; the earlier one has ended"))
        if self.phase in (Phase.LOST, Phase.LIVE, Phase.EXITED):
            self._was_lost = self.phase is Phase.LOST
        self.post_message(self.Changed())

    def _drew(self) -> None:
        if not self.display and not self.unseen:
            self.unseen = True
            self.post_message(self.Changed())

    def _resized(self, columns: int, rows: int) -> None:
        present = self.view.present
        if self.view.shows_past and present is not None:
            present.resize(columns, rows)
        self.run.resize(columns, rows)
        self.post_message(self.Changed())

    # -- keys and events

    def on_key(self, event: events.Key) -> None:
        """Handle keys while no shell runs. Keys typed while a shell opens are sent to the shell later."""
        if self.phase is Phase.NONE or self.view.leaving:
            return
        event.stop()
        event.prevent_default()
        if event.key == LEAVE_KEY:
            self.view.leaving = True
            self.post_message(LeaveShell())
        elif event.key == "enter" and self.phase is Phase.EXITED:
            self.open()
            self.post_message(self.Changed())
        elif event.key == "enter" and self.phase is Phase.LOST and self._session is not None:
            self._not_before = None
            self._session.reconnect()
        elif self.phase is Phase.OPENING:
            self.run.send(key_bytes(event, Modes()))

    def on_terminal_canvas_changed(self, event: TerminalView.Changed) -> None:
        """Return to the live shell once the scrollback is scrolled to its end, and report the change."""
        event.stop()
        if self.view.shows_past and self.view.shown is not None and not self.view.shown.behind:
            self.view.show_present()
        self.post_message(self.Changed())

    def on_terminal_canvas_rang(self, event: TerminalView.Rang) -> None:
        """Show a message about the bell."""
        event.stop()
        self.rang = not self.display
        self.post_message(
            Flash("the shell rang its bell" if self.display else f"shell {self.number} rang its bell")
        )
        self.post_message(self.Changed())

    def on_terminal_view_selected(self, event: TerminalView.Selected) -> None:
        """Copy the mouse's selection at once, because a copy key would go to the host."""
        event.stop()
        console_of(self).copy(event.text)

    # -- scrolling back

    def on_shell_view_wheel(self, event: ShellView.Wheel) -> None:
        """Scroll back, or send arrow keys, after the wheel moved over a shell in tmux."""
        event.stop()
        self.run_worker(self._past.wheel(event.rows), group="wheel", exit_on_error=False)

    def on_shell_view_recall(self, event: ShellView.Recall) -> None:
        """Fetch the scrollback of a shell in tmux."""
        event.stop()
        self._past.recall(event.rows)

    # -- pasting and finding

    def on_terminal_view_ask_paste(self, event: TerminalView.AskPaste) -> None:
        """Ask the operator before several lines are pasted."""
        event.stop()
        self._clipboard.ask_paste(event.text)

    def on_terminal_view_find(self, event: TerminalView.Find) -> None:
        """Search the scrollback; asks for a text if needed."""
        event.stop()

        def found(words: str | None) -> None:
            if words:
                self.view.wanted = words
                self.run_worker(self._find(older=True), exclusive=True, group="find")

        if event.older is None or not self.view.wanted:
            self.app.push_screen(FindScreen("Search the scrollback upwards for:", self.view.wanted), found)
        else:
            self.run_worker(self._find(older=event.older), exclusive=True, group="find")

    async def _find(self, *, older: bool) -> None:
        engine = self.view.engine
        if engine is None or engine.died:
            return
        if not await engine.search(self.view.wanted, older=older):
            where = "above" if older else "below"
            self.post_message(
                Flash(f"{safe(self.view.wanted)} is not found {where} · ctrl+f searches for something else")
            )
        self.view.refresh()

    # -- closing

    async def close_asked(self, close: Callable[[], None]) -> None:
        """Call ``close``. Asks first if a program runs in the shell, or if that is unknown."""
        opened, shells = self.opened, self.shells
        program: str | None = ""
        if opened is not None and shells is not None:
            program = await shells.foreground(opened)
        if program == "":
            close()
            return
        question = shell_words.closing_question(program, in_tmux=self.view.in_tmux)
        console_of(self).confirm("Close", question, lambda yes: close() if yes else None)

    async def end(self) -> None:
        """End the shell, including its tmux session. Raises LabeltuiError if the host can't be reached."""
        opened, shells = self.opened, self.shells
        in_tmux = self.view.in_tmux and opened is not None
        self.run.stop()
        if in_tmux and shells is not None:
            await shells.end(self.number)

    async def store_label(self) -> None:
        """Store the operator's name for the shell in the host's tmux."""
        if self.opened is not None and self.shells is not None:
            await self.shells.relabel(self.opened, self.label)

    # -- texts

    @property
    def title(self) -> str:
        """The operator's name for the shell, else the program's title, for the row of tabs."""
        program_title = "" if self.view.shown is None else self.view.shown.title
        return self.label or ("proxy" if self.proxied else program_title)

    @property
    def note(self) -> str:
        """The host's address, the shell's name and the program's title, for the upper border."""
        title = "" if self.view.shown is None else self.view.shown.title
        where = "" if self._host is None else self._host.address
        if self.proxied:
            where = "through RunPod's proxy"
        return " · ".join(part for part in (where, self.label, title) if part)

    @property
    def facts(self) -> str:
        """The shell's state, for the lower border."""
        size = self.view.size
        behind = 0 if self.view.shown is None else self.view.shown.behind
        words = (
            shell_words.standing(
                self.phase, self.run.ended, behind, in_tmux=self.view.in_tmux, absent=self._absent
            ),
            shell_words.lifetime_text(self.opened),
            f"{size.width}×{size.height}" if self.phase is Phase.LIVE else "",
        )
        return " · ".join(word for word in words if word)

    def explain(self, reconnect: str, proxy_keys: str, absent: Absence | None) -> None:
        """Show the reason for a missing shell in the terminal. ``reconnect`` and ``proxy_keys`` are keys."""
        self._absent = absent
        if self._session is None:
            self.view.show_message("No session is open.")
            return
        if self._session.read_only:
            self.view.show_message(
                "This session is read-only, so it opens no shell: a shell could change things."
            )
            return
        if self.proxied:
            self.view.show_message(*shell_words.empty_proxy_text(self.phase, self.run.ended))
            return
        words = shell_words.empty_text(
            self._host, self.phase, self.run.ended, reconnect=reconnect, proxy_keys=proxy_keys, absent=absent
        )
        self.view.show_message(*words)

    def begin(self, others: Callable[[], frozenset[int]]) -> None:
        """Prepare the tab for a new shell: store typed keys until the shell is ready.

        The shell's number must not be among the numbers that ``others`` returns.
        """
        self._others = others
        self.run.phase = Phase.OPENING

    def rest(self) -> None:
        """Mark the shell as closed, so that a new shell opens only after enter."""
        self.run.phase, self.run.ended = Phase.EXITED, "the shell was closed"
