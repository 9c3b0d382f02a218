"""Pane 2: shells on the host, with tabs if there is more than one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from labeltui.actions import BY_ID
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Level, SessionState
from labeltui.domain.states import LinkState
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.messages import Flash, HintsChanged
from labeltui.ui.panes.shell.clipboard import Permission
from labeltui.ui.panes.shell.tab import ShellTab
from labeltui.ui.panes.shell.tab_bar import ShellRow, TabLabel
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.presentation.absence import Absence, absence
from labeltui.ui.screens.dialogs.find import FindScreen

if TYPE_CHECKING:
    from labeltui.session.connection.shells import Shells
    from labeltui.session.session import Session
    from labeltui.ui.panes.shell.view import ShellView

TABS_MOST = 9


class ShellPane(Vertical):
    """One tab per shell. On connection, opens a first shell and reopens those that still run in the host's tmux."""

    DEFAULT_CSS = "ShellPane { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self.note = self.facts = ""
        self._permission = Permission()
        self._row = ShellRow()
        self.tabs = [ShellTab(1, self._permission)]
        self.current = self.tabs[0]
        self._restored = False  # the shells in the host's tmux have been listed
        self._restoring = False
        self._absent: Absence | None = None
        # Keys that open the proxied shell; empty if the host is connected or there is no proxy.
        self._proxy_keys = ""

    def compose(self) -> ComposeResult:
        """Yield the row of tabs and the first shell."""
        yield self._row
        yield self.tabs[0]

    def on_mount(self) -> None:
        """Show why there is no shell yet."""
        self._explain()

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """Return the shell actions by their names in the action registry."""
        return {
            "new": self.new,
            "close_current": self.close_current,
            "next": self.next,
            "previous": self.previous,
            "full": self.full,
            "rename_current": self.rename_current,
            "proxy": self.proxy,
        }

    @property
    def view(self) -> ShellView:
        """The terminal of the current tab."""
        return self.current.view

    @property
    def phase(self) -> Phase:
        """The state of the current shell."""
        return self.current.phase

    # -- the Pane protocol

    def attach(self, session: Session) -> None:
        """Store the session. Shells open once the session is connected."""
        self.session = session
        for tab in self.tabs:
            tab.attach(session)
        self._explain()

    def detach(self) -> None:
        """Disconnect all shells. Shells in the host's tmux continue to run there."""
        self.session = None
        for tab in self.tabs:
            tab.detach()

    @property
    def focus_target(self) -> Widget:
        """The current tab's terminal."""
        return self.view

    @property
    def takes_keys(self) -> bool:
        """Whether keys go to the host."""
        return self.phase is Phase.LIVE

    def hints(self) -> Sequence[Hint]:
        """Return the footer's keys. Once a shell is open, all other keys go to the host."""
        if self.phase is Phase.NONE:  # without a shell, all keys go to the console
            proxy = [(self._proxy_keys, "emergency shell")] if self._proxy_keys else []
            back = [("tab", "next pane"), (self._keys("help"), "help"), (self._keys("quit"), "quit")]
            return [*proxy, (self._keys("reconnect"), "reconnect"), *back]
        hints = [("ctrl+]", "leaves the shell"), ("shift+pgup", "scrollback")]
        hints += [
            (f"ctrl+] {self._keys('shell.full')}", "full screen"),
            (f"ctrl+] {self._keys('shell.new')}", "new shell"),
        ]
        if len(self.tabs) > 1:
            hints.append((f"ctrl+] {self._keys('shell.next')}", "next shell"))
        if self.phase is Phase.EXITED:
            hints.insert(0, ("enter", "starts a new shell"))
        elif self.phase is Phase.LOST:
            hints.insert(0, ("enter", "reconnects now"))
        return hints

    def help_keys(self) -> Sequence[Hint]:
        """Return all keys of this pane, for the help screen."""
        engine = "" if self.view.engine is None else f" (screen: {self.view.engine.name})"
        return (
            ("ctrl+]", f"leaves the shell{engine}; all other keys go to the host"),
            (f"ctrl+] {self._keys('shell.full')}", "shows it full screen; ctrl+] returns to labeltui"),
            (f"ctrl+] {self._keys('shell.new')}", "new shell; ! has more shell actions"),
            ("shift+pgup", "scroll back"),
            ("shift+pgdn", "scroll forward"),
            ("ctrl+f", "find text, while scrolled back"),
            ("ctrl+p / ctrl+n", "next match above / below"),
            ("mouse", "selects and copies text; hold shift if a program uses the mouse"),
        )

    def copy_text(self) -> str:
        """Return the text of the current terminal."""
        return self.view.text()

    def show(self, state: SessionState, now: datetime) -> None:
        """Update the pane from a snapshot, and open the shells that can be opened now."""
        host = state.host.value
        connected = host is not None and host.state is LinkState.CONNECTED
        pod = state.pod.value
        self._proxy_keys = (
            self._keys("shell.proxy") if not connected and pod is not None and pod.ssh_proxy else ""
        )
        self._absent = absence(state, self._keys)
        if connected and not self._restored:
            self._begin_restore()
        for tab in self.tabs:
            tab.follow(state, now, may_open=self._restored or tab.proxied)
        self._explain()

    # -- restoring and adding shells

    def _begin_restore(self) -> None:
        """Request the list of shells that still run in the host's tmux. Runs before the first shell opens."""
        if not self._restoring and self.session is not None:
            self._restoring = True
            self.run_worker(self._restore(self.session.shells), group="restore", exit_on_error=False)

    async def _restore(self, shells: Shells) -> None:
        try:
            sessions = await shells.tmux_sessions()
            first = self.tabs[0]
            if sessions and not first.proxied:
                first.number, first.label = sessions[0].number, sessions[0].label
            elif not first.proxied:
                first.number = await shells.free_number(frozenset())
            for one in sessions[1:TABS_MOST]:
                await self._add(ShellTab(one.number, self._permission, label=one.label), show=False)
            self._restored = True
            if len(sessions) > 1:
                self.post_message(Flash(f"{len(sessions)} shells were still running on the host"))
        except LabeltuiError:
            pass  # the next snapshot with a connection tries again
        except Exception as error:  # the pane works without the restored shells
            self._restored = True
            self.post_message(
                Flash(f"the shells that still run on the host can't be listed: {error}", Level.ERROR)
            )
        finally:
            self._restoring = False
        console_of(self).paint()

    async def _add(self, tab: ShellTab, *, show: bool = True) -> None:
        tab.display = False
        if self.session is not None:
            tab.attach(self.session)
        self.tabs.append(tab)
        await self.mount(tab)
        if show:
            self._show_tab(tab)
        self._explain()

    def _show_tab(self, tab: ShellTab) -> None:
        had_keyboard = self.has_focus_within or console_of(self).current_pane == "shell"
        self.current = tab
        for other in self.tabs:
            other.display = other is tab
        tab.unseen = tab.rang = False
        if had_keyboard:
            self.screen.set_focus(tab.view)
        self._explain()
        self.call_after_refresh(console_of(self).paint)

    # -- actions

    async def new(self, *, proxied: bool = False) -> None:
        """Open another shell in a new tab. Shows a warning if ``TABS_MOST`` tabs are open."""
        if self.session is None:
            return
        if len(self.tabs) >= TABS_MOST:
            self.post_message(Flash(f"at most {TABS_MOST} shells can be open", Level.WARNING))
            return
        used = {tab.number for tab in self.tabs}
        number = next(n for n in range(1, 1000) if n not in used)
        tab = ShellTab(number, self._permission, proxied=proxied)
        tab.begin(lambda: frozenset(other.number for other in self.tabs if other is not tab))
        await self._add(tab)

    def full(self) -> None:
        """Show the current shell on the whole terminal."""
        if self.phase is not Phase.LIVE:
            self.post_message(Flash("no shell runs here yet", Level.WARNING))
            return
        self.run_worker(self._full(self.current), group="full", exclusive=True, exit_on_error=False)

    async def _full(self, tab: ShellTab) -> None:
        from labeltui.ui.panes.shell.full_screen import full_screen  # noqa: PLC0415 - Windows has no termios

        try:
            await full_screen(self.app, tab.view, tab.run)
        except Exception as error:  # a failed full screen must not end the console
            self.post_message(Flash(f"full screen failed: {type(error).__name__}: {error}", Level.ERROR))
            return
        self.post_message(Flash("back from full screen" if tab.phase is Phase.LIVE else tab.run.ended))

    async def proxy(self) -> None:
        """Show the shell that runs through the provider's proxy; open one if there is none."""
        tab = next((one for one in self.tabs if one.proxied), None)
        if tab is None:
            await self.new(proxied=True)
        else:
            self._show_tab(tab)

    def next(self) -> None:
        """Show the next shell."""
        self._step(1)

    def previous(self) -> None:
        """Show the previous shell."""
        self._step(-1)

    def _step(self, by: int) -> None:
        at = self.tabs.index(self.current)
        self._show_tab(self.tabs[(at + by) % len(self.tabs)])

    def pick(self, index: int) -> None:
        """Show the shell at position ``index``, counted from 0."""
        if index < len(self.tabs):
            self._show_tab(self.tabs[index])

    async def close_current(self) -> None:
        """Close the current shell; asks first if a program runs in it."""
        tab = self.current

        def close() -> None:
            self.run_worker(self._close(tab), group="close", exit_on_error=False)

        await tab.close_asked(close)

    async def _close(self, tab: ShellTab) -> None:
        if tab not in self.tabs:
            return
        try:
            await tab.end()
        except LabeltuiError as error:
            self.post_message(
                Flash(f"the shell may still run on the host: {error.problem.message}", Level.WARNING)
            )
        at = self.tabs.index(tab)
        if len(self.tabs) == 1:
            fresh = ShellTab(tab.number, self._permission)
            fresh.rest()
            await self._add(fresh)
        else:
            self._show_tab(self.tabs[at - 1 if at else 1])
        self.tabs.remove(tab)
        await tab.remove()
        self._explain()

    def rename_current(self) -> None:
        """Ask for a name for the current shell."""
        tab = self.current

        def named(words: str | None) -> None:
            if words is not None:
                tab.label = words.strip()
                self.run_worker(tab.store_label(), group="label", exit_on_error=False)
                self._explain()

        self.app.push_screen(
            FindScreen(f"A name for shell {tab.number}:", tab.label, title="Name", does="saves it"), named
        )

    # -- messages

    def on_shell_row_picked(self, event: ShellRow.Picked) -> None:
        """Show the clicked tab, or open another shell."""
        event.stop()
        if event.index is None:
            self.run_worker(self.new(), group="new", exit_on_error=False)
        else:
            self.pick(event.index)

    def on_shell_tab_changed(self, event: ShellTab.Changed) -> None:
        """Show a tab's new title or state."""
        event.stop()
        self._explain()

    # -- texts

    def _keys(self, action_id: str) -> str:
        return console_of(self).keymap.keys_of(BY_ID[action_id])

    def _explain(self) -> None:
        """Update the tabs, the border and the text of an empty terminal."""
        if not self.is_mounted:
            return
        tab = self.current
        tab.explain(self._keys("reconnect"), self._proxy_keys, self._absent)
        self._row.show(
            [
                TabLabel(one.number, one.title, "!" if one.rang else "•" if one.unseen else "", one is tab)
                for one in self.tabs
            ]
        )
        note, facts = tab.note, tab.facts
        if (note, facts) != (self.note, self.facts):
            self.note, self.facts = note, facts
            self.post_message(HintsChanged())
