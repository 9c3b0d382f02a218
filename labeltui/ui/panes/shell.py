"""Pane 2: a live shell on the host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from labeltui.actions import BY_ID
from labeltui.domain.host import HostStatus, LinkState
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import SessionState
from labeltui.ui.contract import Hint
from labeltui.ui.messages import Flash, HintsChanged, LeaveShell
from labeltui.ui.text import safe
from labeltui.ui.widgets.terminal.engine import Engine, EngineDied
from labeltui.ui.widgets.terminal.engines import start_engine
from labeltui.ui.widgets.terminal.view import LEAVE_KEY, TerminalView

if TYPE_CHECKING:
    from labeltui.hosts.base import Shell
    from labeltui.ui.core import Core

READ_BYTES = 60 * 1024  # a pipe to an engine's helper takes one piece whole
AGAIN_AFTER = timedelta(seconds=3)
# What the program before left on, off again, so that the next shell starts on a sane terminal: a sequence
# that broke off, margins and charsets (DECSTR), mouse, paste, focus and frame modes, reverse video.
CALM = (
    b"\x18\x1b[!p\x1b[?1l\x1b>\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2026l"
    b"\x1b[?5l\x1b[4l\x1b[20l\x1b[?7h\x1b[?25h\x1b[0 q\x1b[m\r\n"
)
MAIN_SCREEN = b"\x18\x1b[?1049l"


class Phase(Enum):
    """How the shell stands."""

    NONE = "none"  # there has not been one yet
    OPENING = "opening"
    LIVE = "live"
    EXITED = "exited"
    LOST = "lost"


class ShellPane(Vertical):
    """Opens a shell as soon as there is a connection and room, and a new one when both are back."""

    DEFAULT_CSS = "ShellPane { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.view = TerminalView()
        self.session: Any = None
        self.phase = Phase.NONE
        self.note = ""
        self.facts = ""
        self._shell: Shell | None = None
        self._worker_task: asyncio.Task[None] | None = None
        self._hanging_up: asyncio.Task[None] | None = None
        self._host: HostStatus | None = None
        self._now: datetime | None = None
        self._not_before: datetime | None = None
        self._may_copy: bool | None = (
            None  # what the operator said of programs that copy; None: not asked yet
        )
        self._offered: str | None = None  # what one wants to copy while that is being asked
        self._ended = ""  # how the last shell ended, in words

    def compose(self) -> ComposeResult:
        """The terminal has all of it."""
        yield self.view

    def on_mount(self) -> None:
        """Wire the terminal up."""
        self.view.send = self._send
        self.view.resized = self._resized
        self._explain()

    # -- what the frame asks

    def attach(self, session: Any) -> None:
        """A session is open: its shell comes with the connection."""
        self.session = session
        self._explain()

    def detach(self) -> None:
        """The session is being closed, and the shell with it."""
        self.session = None
        if self._worker_task is not None:
            self._worker_task.cancel()
            self._worker_task = None
        if self.view.engine is not None:
            self.view.engine.close()

    @property
    def focus_target(self) -> Widget:
        """The terminal takes every key."""
        return self.view

    def hints(self) -> Sequence[Hint]:
        """Keys for the footer: the others belong to the remote."""
        hints = [("ctrl+]", "leaves the shell"), ("shift+pgup", "scrollback")]
        if self.phase is Phase.EXITED:
            hints.insert(0, ("enter", "starts a new shell"))
        elif self.phase is Phase.LOST:
            hints.insert(0, ("enter", "reconnects now"))
        return hints

    def help_keys(self) -> Sequence[Hint]:
        """Every key of this pane, for the help screen."""
        engine = "" if self.view.engine is None else f" (screen: {self.view.engine.name})"
        return (
            ("ctrl+]", f"leaves the shell{engine}"),
            ("shift+pgup", "back"),
            ("shift+pgdn", "forward"),
            ("ctrl+f", "while back: find"),
            ("ctrl+p / ctrl+n", "the next one above / below"),
            ("mouse", "selects and copies; with shift where a program has the mouse"),
        )

    def copy_text(self) -> str:
        """What ``y`` copies."""
        return self.view.text()

    def show(self, state: SessionState, now: datetime) -> None:
        """Follow the connection; open a shell where there is none and could be one."""
        self._host, self._now = state.host.value, now
        connected = self._host is not None and self._host.state is LinkState.CONNECTED
        ready = self.phase in (Phase.NONE, Phase.LOST) and self.session is not None and self.view.size.area
        if connected and ready and (self._not_before is None or now >= self._not_before):
            self._open()
        self._explain()

    # -- the shell

    def _open(self) -> None:
        if self._worker_task is None or self._worker_task.done():
            before, self.phase = self.phase, Phase.OPENING
            self._worker_task = asyncio.create_task(self._run(before), name="shell pane")

    async def _run(self, before: Phase) -> None:
        try:
            columns, rows = self.view.size
            shell: Shell = await self.session.open_shell(columns, rows)
        except LabeltuiError as error:
            self.phase = Phase.LOST if before is Phase.LOST else Phase.NONE
            self._ended = f"{error.problem.message} {error.problem.hint}".strip()
            if self._now is not None:
                self._not_before = self._now + AGAIN_AFTER
            self._explain()
            return
        try:
            await self._greet(before)
            self._shell = shell
            self._became(Phase.LIVE)
            if self.view.size != (columns, rows):
                shell.resize(*self.view.size)
            await self._pump(shell)
            self._over(await shell.wait())
        except EngineDied as error:  # only this pane ends; the last screen stays on it
            self._ended = f"the terminal's helper {error}"
            self._became(Phase.EXITED)
        except Exception as error:  # whatever it is, the pane says so, and the console goes on
            self._ended = f"the terminal failed ({type(error).__name__}: {error})"
            self._became(Phase.EXITED)
        finally:
            self._shell = None
            self.view.live = False
            await shell.close()

    async def _greet(self, before: Phase) -> None:
        """An engine for the first shell; the later ones go on below what is there, and say that they are new."""
        said = f"── {self._ended}; this is a new shell ──" if self._ended else "── a new shell ──"
        engine = self.view.engine
        if engine is None or engine.died:
            engine = await start_engine(*self.view.size)
            engine.changed, engine.copied, engine.gone = self.view.changed, self._copied, self._engine_gone
            if self.view.engine is not None:
                await engine.feed(f"\x1b[2m{safe(said)}\x1b[m\r\n".encode())
            self.view.engine = engine
            return
        engine.scroll_to_end()
        if (await engine.sync()).modes.alternate_screen:
            await engine.feed(MAIN_SCREEN)
        await engine.feed(CALM + f"\x1b[2m{safe(said)}\x1b[m\r\n".encode())

    async def _pump(self, shell: Shell) -> None:
        engine = self.view.engine
        assert engine is not None  # noqa: S101 - made in _greet
        taking: asyncio.Task[None] | None = None
        try:
            while data := await shell.read(READ_BYTES):
                if taking is not None:
                    await taking
                taking = asyncio.create_task(
                    self._take(engine, shell, data)
                )  # while the next piece is on its way
                await asyncio.sleep(0)  # a reader that always has something must not keep the others waiting
            if taking is not None:
                await taking
        finally:
            if taking is not None:
                taking.cancel()
        if engine.died:
            raise EngineDied(engine.died)

    async def _take(self, engine: Engine, shell: Shell, data: bytes) -> None:
        answers = await engine.feed(data)
        if answers:
            shell.write(answers)

    def _engine_gone(self) -> None:
        """The emulator died, perhaps while the shell was silent: reading ends, and the shell with it."""
        if self._shell is not None:
            self._hanging_up = asyncio.create_task(self._shell.close(), name="shell hangs up")

    def _over(self, code: int | None) -> None:
        self.view.live = False
        if code is None:
            self._ended = "the connection was lost"
            self._became(Phase.LOST)
            self._not_before = None if self._now is None else self._now + timedelta(seconds=1)
        else:
            self._ended = "the shell exited" if code == 0 else f"the shell exited with code {code}"
            self._became(Phase.EXITED)

    def _became(self, phase: Phase) -> None:
        self.phase = phase
        self.view.live = phase is Phase.LIVE
        self.view.changed()
        self._explain()

    def _send(self, data: bytes) -> None:
        if self._shell is not None:
            self._shell.write(data)

    def _resized(self, columns: int, rows: int) -> None:
        if self._shell is not None:
            self._shell.resize(columns, rows)
        self._explain()

    def on_unmount(self) -> None:
        """Nothing outlives the pane."""
        self.detach()

    # -- keys and events

    def on_key(self, event: events.Key) -> None:
        """Without a shell: enter brings one; typing that was meant for it goes nowhere else."""
        if self.phase is Phase.NONE:
            return
        event.stop()
        event.prevent_default()
        if event.key == LEAVE_KEY:
            self.post_message(LeaveShell())
        elif event.key == "enter" and self.phase is Phase.EXITED:
            self._open()
            self._explain()
        elif event.key == "enter" and self.phase is Phase.LOST and self.session is not None:
            self._not_before = None
            self.session.reconnect()

    def on_terminal_view_changed(self, event: TerminalView.Changed) -> None:
        """Title, size or scrollback."""
        event.stop()
        self._explain()

    def on_terminal_view_rang(self, event: TerminalView.Rang) -> None:
        """The bell, as a word: nothing blinks."""
        event.stop()
        self.post_message(Flash("the shell rang its bell"))

    def on_terminal_view_selected(self, event: TerminalView.Selected) -> None:
        """What the mouse selects is copied: the keys for it belong to the remote."""
        event.stop()
        app: Core = self.app  # type: ignore[assignment]
        app.copy(event.text)

    def _copied(self, text: str) -> None:
        """A program wants text on the operator's clipboard (OSC 52): only with leave, asked for once."""
        if self._may_copy:
            self.app.copy_to_clipboard(text)
            self.post_message(Flash(f"a program in the shell copied {len(text)} characters"))
        elif self._may_copy is None and self._offered is None:
            self._offered = text
            self._ask_to_copy(text)

    def _ask_to_copy(self, text: str) -> None:
        from labeltui.ui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when first needed

        start = safe(" ".join(text.split()))[:60]
        question = (
            f"A program in the shell wants to put {len(text)} characters on your clipboard: “{start}”. "
            "Allow this, and from now on until you leave labeltui?"
        )

        def answered(yes: bool | None) -> None:
            self._may_copy, offered, self._offered = bool(yes), self._offered, None
            if yes and offered is not None:
                self._copied(offered)

        self.app.push_screen(ConfirmScreen("Copy", question), answered)

    def on_terminal_view_find(self, event: TerminalView.Find) -> None:
        """Look through the scrollback."""
        from labeltui.ui.screens.find import FindScreen  # noqa: PLC0415 - when first needed

        event.stop()

        def found(words: str | None) -> None:
            if words:
                self.view.wanted = words
                self.run_worker(self._find(older=True), exclusive=True, group="find")

        if event.older is None or not self.view.wanted:
            self.app.push_screen(
                FindScreen("Look upwards in the shell's scrollback for:", self.view.wanted), found
            )
        else:
            self.run_worker(self._find(older=event.older), exclusive=True, group="find")

    async def _find(self, *, older: bool) -> None:
        engine = self.view.engine
        if engine is None or engine.died:
            return
        if not await engine.search(self.view.wanted, older=older):
            where = "above" if older else "below"
            self.post_message(
                Flash(f"{safe(self.view.wanted)} is nowhere {where} · ctrl+f looks for something else")
            )
        self.view.refresh()

    def on_terminal_view_ask_paste(self, event: TerminalView.AskPaste) -> None:
        """Each line would be run as it arrives."""
        from labeltui.ui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when first needed

        event.stop()
        lines = event.text.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        question = f"Paste {len(lines)} lines? The program in the shell takes each one at once, as typed."

        def answered(yes: bool | None) -> None:
            if yes:
                self.view.paste(event.text)

        self.app.push_screen(ConfirmScreen("Paste", question), answered)

    # -- words

    def _explain(self) -> None:
        """The border says where this is and how it stands; the middle says why there is nothing yet."""
        self.view.say(*self._teaching())
        title = "" if self.view.shown is None else self.view.shown.title
        where = "" if self._host is None else self._host.address
        note = " · ".join(part for part in (where, title) if part)
        facts = " · ".join(part for part in (self._standing(), self._size_words()) if part)
        if (note, facts) != (self.note, self.facts):
            self.note, self.facts = note, facts
            self.post_message(HintsChanged())

    def _size_words(self) -> str:
        return f"{self.view.size.width}×{self.view.size.height}" if self.view.engine is not None else ""

    def _standing(self) -> str:
        if self.phase is Phase.LIVE:
            behind = 0 if self.view.shown is None else self.view.shown.behind
            return f"▲ {behind} rows back · shift+pgdn · ctrl+f finds" if behind else "ctrl+] leaves"
        if self.phase is Phase.EXITED:
            return f"{self._ended} · enter starts a new one"
        if self.phase is Phase.LOST:
            return f"✕ {self._ended} · enter reconnects now"
        return ""

    def _teaching(self) -> Sequence[str]:
        if self.session is None:
            return ("No session is open.",)
        app: Core = self.app  # type: ignore[assignment]
        reconnect = app.keymap.keys_of(BY_ID["reconnect"]) if "reconnect" in BY_ID else ""
        state = None if self._host is None else self._host.state
        address = "the host" if self._host is None else safe(self._host.address)
        if self.phase is Phase.OPENING or state is LinkState.CONNECTED:
            return (f"Opening a shell on {address} …", *((safe(self._ended),) if self._ended else ()))
        if state in (LinkState.CONNECTING, LinkState.RECONNECTING):
            detail = "" if self._host is None else safe(self._host.detail)
            return (f"Connecting to {address} …", *((detail,) if detail else ()))
        if state is LinkState.REFUSED:
            return (f"{address} refused the connection; pane 1 says why.", f"{reconnect} tries again.")
        return (f"Not connected to {address}.", f"A shell opens here by itself; {reconnect} connects.")
