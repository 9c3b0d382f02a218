"""Runs a shell: opens the shell, feeds its output to the terminal, and reports how the shell ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.ui.panes.shell.words import TAKEN_OVER, Phase
from labeltui.ui.presentation.text import safe
from labeltui.ui.widgets.terminal.engine import Engine, EngineDied, nothing
from labeltui.ui.widgets.terminal.engines import start_engine

if TYPE_CHECKING:
    from labeltui.session.connection.shells import OpenShell, Shells
    from labeltui.ui.panes.shell.view import ShellView

READ_BYTES = 60 * 1024  # fits into the pipe to an engine's helper process in one piece
# Resets what the previous program left set, so that the next shell starts on a sane terminal: a cut-off
# sequence, margins and charsets (DECSTR), mouse, paste, focus and frame modes, reverse video.
CALM = (
    b"\x18\x1b[!p\x1b[?1l\x1b>\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2026l"
    b"\x1b[?5l\x1b[4l\x1b[20l\x1b[?7h\x1b[?25h\x1b[0 q\x1b[m\r\n"
)
MAIN_SCREEN = b"\x18\x1b[?1049l"
AHEAD_MOST = 64 * 1024


class ShellRun:
    """Runs shells on one terminal, one after the other. ``changed`` is called after each change of phase."""

    def __init__(self, view: ShellView, changed: Callable[[], None]) -> None:
        self.phase = Phase.NONE
        self.ended = ""  # how the last shell ended, or why none opened
        self.opened: OpenShell | None = None  # the last shell; it runs while the phase is LIVE
        self.copied: Callable[[str], None] = nothing
        self.drew: Callable[[], None] = nothing
        self.tap: Callable[[bytes], Awaitable[None]] | None = None
        """In full screen, a function that gets all output; the real terminal then answers the program's queries.

        Else None.
        """
        self._view = view
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._hanging_up: asyncio.Task[None] | None = None
        self._ahead: bytearray | None = (
            bytearray()
        )  # bytes typed before the shell was ready; None once the shell is ready

    @property
    def live(self) -> OpenShell | None:
        """The running shell; None if no shell runs."""
        return self.opened if self.phase is Phase.LIVE else None

    @property
    def busy(self) -> bool:
        """Whether a shell is opening, running or ending."""
        return self._task is not None and not self._task.done()

    def start(
        self, shells: Shells, opening: Callable[[int, int], Awaitable[OpenShell]], history: int
    ) -> None:
        """Open a shell, unless a shell is opening, running or ending."""
        if not self.busy:
            before, self.phase = self.phase, Phase.OPENING
            self._ahead = bytearray()
            self._task = asyncio.create_task(self._run(shells, opening, before, history), name="shell")

    def stop(self) -> None:
        """Disconnect the shell and close the engine. A shell in the host's tmux continues to run there."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._view.show_present()
        if self._view.engine is not None:
            self._view.engine.close()

    def send(self, data: bytes) -> None:
        """Send typed bytes. Bytes typed while the shell opens are stored and sent once the shell is ready."""
        if self.phase not in (Phase.LIVE, Phase.OPENING):
            return
        if self._ahead is None and self.opened is not None:
            self.opened.shell.write(data)
        elif self._ahead is not None and len(self._ahead) < AHEAD_MOST:
            self._ahead += data

    def _listens(self, opened: OpenShell) -> None:
        """Send the stored bytes that were typed ahead. Later bytes go to the shell immediately."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if ahead:
                opened.shell.write(bytes(ahead))

    def resize(self, columns: int, rows: int) -> None:
        """Report the terminal's new size to the host."""
        if self.opened is not None and self.phase is Phase.LIVE:
            self.opened.shell.resize(columns, rows)

    async def _run(
        self,
        shells: Shells,
        opening: Callable[[int, int], Awaitable[OpenShell]],
        before: Phase,
        history: int,
    ) -> None:
        size = self._view.room
        making = self._engine_begins(history)
        try:
            opened = await opening(size.width, size.height)
        except BaseException as error:
            _discard(making)
            if not isinstance(error, LabeltuiError):
                raise
            if before is not Phase.LOST or isinstance(error, Refused):  # else the reason is shown already
                self.ended = f"{error.problem.message} {error.problem.hint}".strip()
            again = Phase.LOST if before is Phase.LOST else Phase.NONE
            self._became(Phase.EXITED if isinstance(error, Refused) else again)  # a refusal is never retried
            return
        try:
            engine = await self._greet(opened, making, history)
            self.opened = opened
            self._view.in_tmux = opened.farewell is not None
            self._became(Phase.LIVE)
            if opened.farewell is None:
                self._listens(opened)
            if self._view.room != size:
                opened.shell.resize(*self._view.room)
            await self._pump(engine, opened)
            await self._over(shells, opened)
        except LabeltuiError as error:
            self.ended = f"{error.problem.message} {error.problem.hint}".strip()
            self._became(Phase.EXITED)
        except EngineDied as error:  # only this shell ends; its last screen stays visible
            self.ended = f"the terminal's helper process {error}"
            self._became(Phase.EXITED)
        except Exception as error:  # no failure of a terminal may end the console
            self.ended = f"the terminal failed ({type(error).__name__}: {error})"
            self._became(Phase.EXITED)
        finally:
            self._view.live = False
            await opened.shell.close()

    def _engine_begins(self, history: int) -> asyncio.Task[Engine] | None:
        """Start an engine in parallel with the shell. Returns None if a working engine exists."""
        return None if self._working_engine() is not None else self._new_engine(history)

    def _working_engine(self) -> Engine | None:
        engine = self._view.present
        return None if engine is None or engine.died else engine

    def _new_engine(self, history: int) -> asyncio.Task[Engine]:
        columns, rows = self._view.room
        return asyncio.create_task(start_engine(columns, rows, history=history), name="terminal begins")

    async def _greet(self, opened: OpenShell, making: asyncio.Task[Engine] | None, history: int) -> Engine:
        """Return the engine for the new shell, and announce the shell on the terminal.

        Uses the working engine if there is one, else a new one.
        """
        announcement = (
            f"── {self.ended}; this is a new shell ──" if self.ended else "── this is a new shell ──"
        )
        greeting = b"" if opened.resumed else f"\x1b[2m{safe(announcement)}\x1b[m\r\n".encode()
        view = self._view
        view.show_present()
        engine = self._working_engine()
        if making is None and engine is not None:
            engine.scroll_to_end()
            if (await engine.sync()).modes.alternate_screen:
                await engine.feed(MAIN_SCREEN)
            await engine.feed(CALM + greeting)
            return engine
        making = making or self._new_engine(history)  # the working engine died in the meantime
        try:
            fresh = await making
        except BaseException:
            _discard(making)
            raise
        fresh.changed, fresh.copied, fresh.gone = self._drew, self.copied, self._engine_gone
        fresh.resize(*view.room)  # the size may have changed since the start
        if view.engine is not None:
            await fresh.feed(greeting)
        view.engine = fresh
        return fresh

    def _drew(self) -> None:
        self._view.changed()
        self.drew()

    async def _pump(self, engine: Engine, opened: OpenShell) -> None:
        taking: asyncio.Task[None] | None = None
        try:
            while data := await opened.shell.read(READ_BYTES):
                if taking is not None:
                    await taking
                taking = asyncio.create_task(self._take(engine, opened, data))  # overlaps with the next read
                await asyncio.sleep(0)  # a shell that always has output must let other tasks run
            if taking is not None:
                await taking
        finally:
            if taking is not None:
                taking.cancel()
        if engine.died:
            raise EngineDied(engine.died)

    async def _take(self, engine: Engine, opened: OpenShell, data: bytes) -> None:
        if opened.farewell is not None:
            self._listens(opened)  # before its first output, tmux loses keys, and ctrl+c ends it
            data = opened.farewell.take(data)
            if not data:
                return
        tap = self.tap
        if tap is not None:
            await tap(data)
        answers = await engine.feed(data)
        if answers and tap is None:
            opened.shell.write(answers)

    def _engine_gone(self) -> None:
        """Close the shell after its engine died, even if the shell prints nothing."""
        if self.opened is not None:
            self._hanging_up = asyncio.create_task(self.opened.shell.close(), name="shell hangs up")

    async def _over(self, shells: Shells, opened: OpenShell) -> None:
        how, code = await shells.ended(opened)
        if how.value == "lost":
            self.ended = "the connection was lost"
            self._became(Phase.LOST)
            return
        words = TAKEN_OVER if how.value == "taken" else "the shell exited"
        self.ended = f"{words} with code {code}" if code else words
        self._became(Phase.EXITED)

    def _became(self, phase: Phase) -> None:
        self.phase = phase
        self._view.live = phase is Phase.LIVE
        self._view.changed()
        self._changed()

    async def over(self) -> None:
        """Wait until the shell has ended. Returns at once if no shell was started."""
        if self._task is not None:
            await asyncio.wait({self._task})


def _discard(making: asyncio.Task[Engine] | None) -> None:
    """Close an engine that is not needed, even if it is still starting."""
    if making is None:
        return
    making.cancel()
    making.add_done_callback(_close)


def _close(made: asyncio.Task[Engine]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close()
