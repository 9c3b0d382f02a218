"""The console's core: first paint, the session, painting, focus and keys.

This module must import and paint the frame quickly, so slow imports follow the first paint.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding
from textual.widget import Widget

from labeltui.domain.state import Level, SessionState
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import Pane, ShowsLines
from labeltui.ui.crash import report_crash
from labeltui.ui.debounce import call_after
from labeltui.ui.dispatch import Dispatcher
from labeltui.ui.frame.frame import FrameScreen, PaneFrame
from labeltui.ui.frame.layout import PANES, Shape
from labeltui.ui.frame.lines import Lines
from labeltui.ui.frame.themes import Appearance, automatic_theme
from labeltui.ui.keyboard import Keyboard
from labeltui.ui.keys import KeyMap
from labeltui.ui.messages import Flash, HintsChanged, LeaveShell
from labeltui.ui.restore import HUNG_UP, ConsoleDriver, why_not_on_terminal
from labeltui.ui.running import Running
from labeltui.ui.switching import Switching, unopened

if TYPE_CHECKING:
    from textual.filter import LineFilter

    from labeltui.opening.launch import Launch
    from labeltui.session.session import Session
    from labeltui.ui.frame.user_themes import Themes
    from labeltui.ui.screens.opener import Screens

PAINT_EVERY_S = 0.1
Clock = Callable[[], datetime]
utc_now: Clock = partial(datetime.now, UTC)


class Core(App[int], inherit_bindings=False):
    """The console for one session. After the first paint, it opens a session unless one was passed in."""

    TITLE = "labeltui"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False  # ctrl+p goes through the registry, so that the shell pane can have it
    ESCAPE_TO_MINIMIZE: ClassVar[bool] = False
    BINDINGS: ClassVar = [Binding("ctrl+c", "interrupt", show=False, system=True)]

    def __init__(
        self, launch: Launch | None = None, *, session: Session | None = None, clock: Clock = utc_now
    ) -> None:
        super().__init__(driver_class=ConsoleDriver)
        self.launch = launch
        self.clock = clock
        self.session: Session | None = None
        self.keymap = KeyMap()
        self.appearance = Appearance(self)
        self.dispatcher = Dispatcher(self)
        self.panes: dict[str, Pane] = {}
        self.frame_screen = FrameScreen()
        self.lines = Lines(self, self.frame_screen)
        self.keyboard = Keyboard(self, self.frame_screen)
        self._given = session
        self._dirty = False
        self._switching = Switching(self)
        self._before_shell = "log"
        self._unopened = unopened(launch)
        theme = automatic_theme(self.console.color_system)
        self.register_theme(theme)
        self.theme = theme.name

    # -- opening

    @property
    def state(self) -> SessionState:
        """The newest snapshot, or an empty one before a session is open."""
        return self._unopened if self.session is None else self.session.store.state

    @property
    def current_pane(self) -> str:
        """The name of the pane that has the focus."""
        return self.frame_screen.current

    @cached_property
    def screens(self) -> Screens:
        """The opener of the screens over the panes; imported on first use."""
        from labeltui.ui.screens.opener import Screens  # noqa: PLC0415 - a tenth of a second, not before first paint

        return Screens(self)

    def get_default_screen(self) -> FrameScreen:
        """Return the frame, which is the lowest screen."""
        return self.frame_screen

    def get_line_filters(self) -> list[LineFilter]:
        """Return the filters for every row that is drawn."""
        return [*super().get_line_filters(), *self.appearance.filters]

    def on_mount(self) -> None:
        """Paint the empty frame first; panes and session follow after the first refresh."""
        self.frame_screen.arrange_panes()
        wanted = {} if self.launch is None else self.launch.overrides
        self.appearance.choose(wanted.get("glyphs", "auto"), wanted.get("motion", "auto"))
        if "theme" in wanted:
            self.themes.use(wanted["theme"])
        self.lines.paint()
        self.call_after_refresh(self._fill)

    async def _fill(self) -> None:
        """Mount the panes and open the session, after the first paint since both need slow imports."""
        await self.mount_panes()
        self.set_interval(1.0, self._tick)
        if self._given is not None:
            await self.adopt(self._given)
        else:
            self.open(self.launch)
        self.call_after_refresh(lambda: self.screens)  # while the session opens, not at the first key

    async def mount_panes(self) -> None:
        """Mount new panes in place of the present ones, which are detached."""
        from labeltui.ui.panes.mounting import make_panes  # noqa: PLC0415 - as above

        panes, self.panes = make_panes(), {}
        for frame in self.frame_screen.query(PaneFrame):
            await frame.remove_children()
            await frame.mount(cast(Widget, panes[frame.pane]))
        self.panes = panes
        self.focus_pane(self.frame_screen.current)

    def open(self, launch: Launch | None) -> None:
        """Open a session in the background; if ``launch`` is None, the default profile's."""
        from labeltui.ui.opening import open_in_background  # noqa: PLC0415 - as above

        self.launch, self._unopened = launch, unopened(launch)
        open_in_background(self, launch)

    async def adopt(self, session: Session) -> None:
        """Start a session and show it in place of the present one, which closes in the background."""
        self.dispatcher.forget()
        await self._switching.show(session)
        self.lines.welcome()
        self.paint()

    @cached_property
    def themes(self) -> Themes:
        """Applies themes; imported on first use."""
        from labeltui.ui.frame.user_themes import Themes, user_folder  # noqa: PLC0415 - as above

        return Themes(self, lambda: user_folder(self.launch))

    def _fatal_error(self) -> None:
        """Print a short message instead of Textual's traceback, which shows local variables such as passwords."""
        error = sys.exc_info()[1] or self._exception or RuntimeError("unknown")
        self.bell()
        self.panic(Text(report_crash(error)))

    async def on_unmount(self) -> None:
        """Close the panes and the session."""
        await self._switching.close()

    # -- painting

    def changed(self, _state: SessionState, _fields: Changed) -> None:
        """Schedule one paint after ``PAINT_EVERY_S``; it also covers the changes made during the delay."""
        if not self._dirty:
            self._dirty = True
            call_after(self, PAINT_EVERY_S, self.paint)

    def _tick(self) -> None:
        """Paint once a second, since the ages on screen grow, unless a paint is scheduled."""
        if isinstance(self._driver, ConsoleDriver) and self._driver.is_gone():
            self.exit(HUNG_UP)
        self.themes.refresh()
        if not self._dirty:
            self.paint()

    def paint(self) -> None:
        """Show the newest snapshot in every visible pane and in the rows around the panes."""
        self._dirty = False
        if not self.is_running or not self.frame_screen.is_mounted:
            return
        state, now = self.state, self.clock()
        self.lines.paint()
        for name, pane in self.panes.items():
            if name in self.visible_panes:
                pane.show(state, now)
        self._restore_focus()

    def _restore_focus(self) -> None:
        """Focus the current pane again if a late focus request moved the focus elsewhere."""
        screen = self.frame_screen
        pane = self.panes.get(screen.current)
        if pane is None or screen.shape is Shape.SMALL:
            return
        frame = screen.query_one(f"#pane-{screen.current}", PaneFrame)
        if screen.focused is None or frame not in screen.focused.ancestors:
            screen.set_focus(pane.focus_target)

    @property
    def visible_panes(self) -> frozenset[str]:
        """The panes to paint: those on screen, and always log and shell, because their streams continue."""
        placed = self.frame_screen.planned(self.frame_screen.body.size).regions
        return frozenset(placed) | {"log", "shell"}

    def flash(self, text: str, level: Level = Level.INFO, *, failure: bool = False) -> None:
        """Show one line above the keys. For the ``failure`` of an action, with the key of what may solve it."""
        self.lines.flash(text, level, failure=failure)

    def refuse(self, why: str) -> None:
        """Flash why a key does nothing. Keys typed ahead are dropped: they were meant for the screen that it opens."""
        self.flash(why, Level.WARNING)
        self.keyboard.drop_ahead()

    @property
    def last_flash(self) -> str:
        """The text that was flashed last."""
        return self.lines.last_flash

    # -- messages from panes

    def on_flash(self, message: Flash) -> None:
        """Flash the text that a pane sent."""
        self.flash(message.text, message.level)

    def on_leave_shell(self, _message: LeaveShell) -> None:
        """Focus the pane that had the focus before the shell."""
        self.focus_pane(self._before_shell)

    def on_hints_changed(self, message: HintsChanged) -> None:
        """Update the borders of the panes and the keys in the footer."""
        # A query would visit every widget, and a log changes its facts several times a second.
        for pane in self.panes.values():
            for frame in pane.focus_target.ancestors_with_self:
                if isinstance(frame, PaneFrame):
                    frame.set_titles(pane.note, pane.facts)
        self.lines.paint_keys()
        message.stop()

    def on_pane_frame_picked(self, message: PaneFrame.Picked) -> None:
        """Focus the pane that was clicked."""
        if message.pane in PANES and message.pane != self.frame_screen.current:
            self.focus_pane(message.pane)

    def on_resize(self, _event: events.Resize) -> None:
        """Arrange the panes for the new size."""
        self.call_later(self._resized)  # the screen has its new size only after this event

    def _resized(self) -> None:
        self.frame_screen.arrange_panes()
        self.call_after_refresh(self._after_layout)

    def _after_layout(self) -> None:
        self.paint()
        if self.frame_screen.focused is None:
            self.focus_pane(self.frame_screen.current)

    # -- keys

    async def on_event(self, event: events.Event) -> None:
        """Give each key and each paste to ``Keyboard`` before any widget gets it."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self.keyboard.typed(event)
        else:
            await super().on_event(event)

    async def pass_on(self, event: events.Key | events.Paste) -> None:
        """Send a key or a paste to the widget that has the focus."""
        await super().on_event(event)

    def failed(self, error: Exception) -> None:
        """End the console after an unexpected exception."""
        self._handle_exception(error)

    async def on_key(self, event: events.Key) -> None:
        """Handle a key that no widget took."""
        await self.keyboard.unwanted(event)

    def focus_pane(self, name: str) -> None:
        """Focus a pane. If only one pane fits on screen, show that pane."""
        screen = self.frame_screen
        if name == "shell" and screen.current != "shell":
            self._before_shell = screen.current
        screen.current = name
        screen.arrange_panes()
        if name in self.panes:
            screen.set_focus(self.panes[name].focus_target)  # at once: the next keys are for this pane
            self.call_after_refresh(self._focus_laid_out, name, screen.focused)

    def _focus_laid_out(self, name: str, earlier: Widget | None) -> None:
        """Focus a pane that had no place before its layout, unless a key has moved the focus since."""
        if self.frame_screen.current == name:
            if self.frame_screen.focused in (None, earlier):
                self.frame_screen.set_focus(self.panes[name].focus_target)
            self.paint()

    # -- methods for the dispatcher, panes and screens

    def why_no_terminal(self) -> str | None:
        """Why a shell can't take over the whole terminal, as text; None if it can."""
        driver = self._driver
        if self.is_headless or driver is None or not driver.can_suspend:
            return "labeltui does not control a terminal, which a full-screen shell needs"
        return why_not_on_terminal()

    def confirm(
        self, title: str, question: str, answered: Callable[[bool], None], *, typed: str | None = None
    ) -> None:
        """Ask a yes-or-no question. If ``typed`` is given, the user must type that text to say yes."""
        self.screens.confirm(title, question, answered, typed=typed)

    def open_leader(self, leader: str) -> None:
        """Show the keys behind a leader."""
        self.screens.leader(leader)

    def open_log(self, line: int) -> None:
        """Focus the log pane and show line ``line``, counted from 0, with the lines around it."""
        self.focus_pane("log")
        pane = self.panes.get("log")
        if isinstance(pane, ShowsLines):
            pane.show_line(line)

    def copy(self, text: str) -> None:
        """Put ``text`` on the terminal's clipboard (OSC 52) and flash a confirmation."""
        self.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.flash(f"copied {lines} lines" if lines > 1 else f"copied {text}")

    def action_started(self, running: Running) -> None:
        """Show that an action runs."""
        self.lines.paint()

    def action_progressed(self, running: Running) -> None:
        """Schedule a paint that shows the action's progress."""
        self.changed(self.state, frozenset())

    def action_ended(self, running: Running, level: Level) -> None:
        """Show that the action has ended; the dispatcher has flashed the result already."""
        self.lines.paint()
