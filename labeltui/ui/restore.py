"""Restores the terminal, however the console ends: by a key, a signal, a crash, or because the terminal is gone.

Textual restores the terminal when its message loop ends. Here, signals end that loop. If the loop can't end,
because it hangs or never began, the terminal is restored directly.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import chain
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO, cast

from textual._xterm_parser import XTermParser
from textual.app import App

from labeltui.support.desk import WINDOWS
from labeltui.ui.crash import report_crash
from labeltui.ui.widths import steady

if WINDOWS:
    from textual.drivers.windows_driver import WindowsDriver as PlatformDriver
else:
    import termios

    from textual.drivers.linux_driver import LinuxDriver as PlatformDriver

if TYPE_CHECKING:
    from labeltui.ui.graphics.terminal import Terminal

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT", "SIGBREAK")
    if hasattr(signal, name)
)
HUNG_UP = 129  # the exit code after SIGHUP, which is not sent to a console without a controlling terminal
POLL_S = 0.1
READ_BYTES = 4096
GRACE_S = 5.0
"""Seconds in which the console closes its session after a signal. Then the process ends at once."""
# Ends a cut-off sequence, then undoes what Textual's driver switches on. The order matters: terminals keep one stack
# of kitty's keyboard modes per screen.
UNDO = (
    b"\x18\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2026l\x1b[?2048l\x1b[?2004l\x1b[?7h\x1b[<u"
    b"\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[m"
)


def why_not_on_terminal() -> str | None:
    """Return why the process is not on a terminal, as text; None if it is."""
    if sys.__stdin__ is None or sys.__stderr__ is None:
        return "there is no terminal"
    if not (sys.__stdin__.isatty() and sys.__stderr__.isatty()):
        return "labeltui's input or output is not a terminal"
    return None


class ConsoleDriver(PlatformDriver):
    """Textual's driver, which also restores the terminal after a signal, and survives when it is closed."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.undo = b""
        """The bytes that restore the terminal. Empty while there is nothing to undo."""
        self.pictures = ""
        """What removes the pictures from the terminal."""
        self.answers: Callable[[str], str] = str
        """Takes the terminal's answers out of what is typed, in the thread that reads the keyboard."""
        self._queued = 0
        self.screen = _Screen(cast(TextIO, self._file), self._hung_up)
        vars(self)["_file"] = self.screen

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        self.undo = UNDO
        start: Callable[[], None] = super().start_application_mode  # has no annotations in Textual
        start()

    def stop_application_mode(self) -> None:
        """Restore the terminal."""
        if "terminal" in vars(self):
            self.terminal.leave()
        super().stop_application_mode()
        self.undo = b""

    @cached_property
    def terminal(self) -> Terminal:
        """What the terminal can show; imported on first use."""
        from labeltui.ui.graphics.terminal import Terminal  # noqa: PLC0415 - not before first paint

        return Terminal(self)

    @property
    def is_behind(self) -> bool:
        """Whether something that was written is still on its way to the terminal."""
        return self.screen.written < self._queued

    def window_cell(self) -> tuple[int, int] | None:
        """Return a cell's width and height in pixels by the window's size; None if that is not known."""
        from labeltui.ui.graphics.window import cell_of  # noqa: PLC0415 - not before first paint

        return cell_of(self.screen.fileno())

    def write(self, data: str) -> None:
        """Draw on the terminal."""
        self._queued += 1
        super().write(steady(data))

    def run_input_thread(self) -> None:
        """Read keys until the console ends. A failure ends the console, because nobody could quit it without keys."""
        try:
            if not WINDOWS:
                self._read_keyboard(self.fileno)
        except OSError:
            self._hung_up()
        except Exception as error:
            self._app.call_later(self._app._handle_exception, error)

    def _read_keyboard(self, terminal: int) -> None:
        """Read keys from a descriptor. Textual's own loop would take the terminal's answers for keys."""
        parser, decode = XTermParser(self._debug), getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(terminal, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = selector.select(POLL_S)
                data = os.read(terminal, READ_BYTES) if ready else b""
                if ready and not data:
                    self.exit_event.wait(POLL_S)
                text = self.answers(decode(data))
                for message in chain(parser.feed(text) if text else (), parser.tick()):
                    self.process_message(message)

    def is_gone(self) -> bool:
        """Whether the terminal was closed. Reading from it then gives nothing, and no error."""
        try:
            os.get_terminal_size(self.screen.fileno())
        except OSError:
            return True
        return False

    def _hung_up(self) -> None:
        """End the console, from any thread."""
        loop = self._app._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed, so the console has ended
                loop.call_soon_threadsafe(self._app.exit, HUNG_UP)


class _Screen:
    """The file that Textual draws on. Once the terminal is gone, it drops all output and raises nothing."""

    def __init__(self, file: TextIO, lost: Callable[[], None]) -> None:
        self._file = file
        self._lost = lost
        self.dropping = False
        self.written = 0
        """How often something was written."""

    def write(self, text: str) -> None:
        """Write to the terminal."""
        self._attempt(lambda: self._file.write(text))
        self.written += 1

    def flush(self) -> None:
        """Send buffered output to the terminal."""
        self._attempt(self._file.flush)

    def fileno(self) -> int:
        """The terminal's file descriptor."""
        return self._file.fileno()

    def _attempt(self, act: Callable[[], object]) -> None:
        if self.dropping:
            return
        try:
            act()
        except OSError:
            self.dropping = True
            # Python flushes the file once more at exit, and would end with code 120 if that failed.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._file.fileno())
            os.close(nowhere)
            self._lost()


def run_restored(app: App[int]) -> int:
    """Run the console until it ends, and leave the terminal as it was.

    Raises nothing. Returns: The console's exit code; 1 after a crash; 128 + n after signal n, 129 if the
    terminal is gone.
    """
    end = _End(app)
    try:
        with end.by_signals():
            result = app.run()
    except Exception as error:  # Textual handles failures of handlers, not those of its own start and end
        end.restore()
        print(report_crash(error), file=sys.stderr)
        return 1
    finally:
        end.restore()
    return result if result is not None else app.return_code or 0


class _End:
    """Ends the console when a signal arrives, and restores the terminal if Textual can't."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._ending = False
        if not WINDOWS:
            self._settings = termios.tcgetattr(sys.stdin.fileno())

    @contextmanager
    def by_signals(self) -> Iterator[None]:
        """Within the block, the signals of ``ENDING`` end the console."""
        before = {number: signal.signal(number, self._signalled) for number in ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """Close the console in order; at once on a second signal, and before and after the message loop."""
        code, loop = 128 + number, self._app._loop
        if self._ending or loop is None:
            self._end_now(code)
        self._ending = True
        timer = threading.Timer(GRACE_S, self._end_now, (code,))
        timer.daemon = True
        timer.start()
        loop.call_soon_threadsafe(self._app.exit, code)

    def _end_now(self, code: int) -> NoReturn:
        self.restore()
        os._exit(code)

    def restore(self) -> None:
        """Restore the terminal. Does nothing if it is restored already, and never blocks."""
        driver = self._app._driver
        if (
            not WINDOWS and isinstance(driver, ConsoleDriver) and driver.undo
        ):  # Textual restores that of Windows
            driver.screen.dropping = True
            undo, driver.undo = b"\x18" + driver.pictures.encode() + driver.undo, b""
            with suppress(OSError, termios.error):
                # Opened anew, because a stalled terminal must not block and other programs share the open file.
                terminal = os.open(os.ttyname(driver.fileno), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
                os.write(terminal, undo)
                os.close(terminal)
                termios.tcflush(driver.fileno, termios.TCIFLUSH)
                termios.tcsetattr(driver.fileno, termios.TCSANOW, self._settings)
