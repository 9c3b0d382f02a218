"""The engine that uses libghostty-vt in a helper process, so that a crash ends only one pane's terminal."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import signal
import sys
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from labeltui.ui.widgets.terminal.answers import known
from labeltui.ui.widgets.terminal.engine import (
    LINES_MOST,
    Attr,
    Colour,
    Cursor,
    EngineDied,
    Frame,
    Look,
    Modes,
    Mouse,
    Row,
    Run,
    nothing,
)
from labeltui.ui.widgets.terminal.gate import COPY_MOST, plain
from labeltui.ui.widgets.terminal.ghostty import wire
from labeltui.ui.widgets.terminal.glyph import glyph

READ_BYTES = 256 * 1024
START_WITHIN_S = 10.0
END_WITHIN_S = 1.0


class GhosttyEngine:
    """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`. Made by :meth:`start`."""

    name = "ghostty"

    def __init__(self, process: asyncio.subprocess.Process, columns: int, rows: int) -> None:
        self.changed: Callable[[], None] = nothing
        self.gone: Callable[[], None] = nothing
        self.copied: Callable[[str], None] = nothing
        self._process = process
        self.died = ""
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._frame = Frame(columns, ((),) * rows, Cursor(0, 0), Modes())
        self._ready: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(self._ready)
        self._listener = asyncio.create_task(self._listen(), name="terminal helper")

    @staticmethod
    def installed() -> bool:
        """Whether the library is installed; it has no wheel for musl or Windows."""
        return importlib.util.find_spec("pyghostty") is not None

    @classmethod
    async def start(cls, columns: int, rows: int, *, history: int = LINES_MOST) -> GhosttyEngine:
        """Start the helper. Raises EngineDied if it does not start."""
        module = "labeltui.ui.widgets.terminal.ghostty.child"
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # not a module of the working directory
                "-m",
                module,
                str(columns),
                str(rows),
                str(history),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # ctrl+c in the console's own terminal is not for it
            )
        except OSError as error:
            raise EngineDied(f"could not be started: {error}") from None
        engine = cls(process, columns, rows)
        try:
            await asyncio.wait_for(engine._ready, START_WITHIN_S)
        except (TimeoutError, EngineDied, asyncio.CancelledError) as error:
            engine.close()
            if isinstance(error, TimeoutError):
                raise EngineDied("did not start in time") from None
            raise
        return engine

    # # -- requests to the helper

    def _send(self, kind: int, body: bytes = b"") -> None:
        if not self.died and self._process.stdin is not None:
            self._process.stdin.write(wire.message(kind, body))

    async def _ask(self, kind: int, body: bytes = b"") -> bytes:
        if self.died:
            raise EngineDied(self.died)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._send(kind, body)
        return await answer

    async def feed(self, data: bytes) -> bytes:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        return known(await self._ask(wire.FEED, data))

    async def sync(self) -> Frame:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        await self._ask(wire.SYNC)
        return self._frame

    async def search(self, text: str, *, older: bool) -> bool:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        return await self._ask(wire.SEARCH, (b"<" if older else b">") + text.encode()) == b"1"

    def resize(self, columns: int, rows: int) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._send(wire.RESIZE, wire.PAIR.pack(columns, rows))

    def frame(self) -> Frame:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        return self._frame

    def scroll(self, rows: int) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._send(wire.SCROLL, wire.ROWS.pack(rows))

    def scroll_to_end(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._send(wire.TO_END)

    # # -- messages from the helper

    async def _listen(self) -> None:
        stdout, reader, why = self._process.stdout, wire.Reader(), ""
        try:
            while stdout is not None and (data := await stdout.read(READ_BYTES)):
                for kind, body in reader.take(data):
                    self._hear(kind, body)
        except asyncio.CancelledError:
            why = "was ended"
            raise
        except Exception as error:  # a damaged helper is not trusted any further
            why = f"sent something that can't be read ({type(error).__name__})"
        finally:
            if not why:  # it closed its output: its exit code is known in a moment
                await self.closed()
            self._end()
            if why != "was ended":
                self._fail(why or ended(await self._process.wait()))
                self.gone()

    def _hear(self, kind: int, body: bytes) -> None:
        if kind in (wire.DONE, wire.HELLO):
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_result(body)
        elif kind == wire.FRAME:
            self._frame = frame_of(json.loads(body), self._frame)
            self.changed()
        elif kind == wire.COPIED:
            self.copied("".join(c for c in body.decode() if c in "\n\t" or c.isprintable())[:COPY_MOST])
        else:
            raise wire.Garbled(f"a message of kind {kind}")

    def _fail(self, why: str) -> None:
        self.died = self.died or why
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(EngineDied(why))
                answer.exception()  # marks it as retrieved; those who await it still get it
        self._asked.clear()

    def _end(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The id of the helper process."""
        return self._process.pid

    def close(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._listener.cancel()
        self._end()
        self._fail("was ended")

    async def closed(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_WITHIN_S)


def ended(code: int) -> str:
    """Return a clause that says how the helper ended."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"crashed ({signal.Signals(-code).name})"
    except ValueError:
        return f"crashed (signal {-code})"


def frame_of(message: dict[str, Any], before: Frame) -> Frame:
    """The frame from a helper's message and the frame before it. Raises for a malformed message."""
    columns, height = map(int, message["size"])
    rows: list[Row] = list(before.rows) if len(before.rows) == height else [()] * height
    for y, runs in message["rows"].items():
        row = tuple(_run(*run) for run in runs)
        if row != rows[int(y)]:
            rows[int(y)] = row
    cursor = None
    if message["cursor"] is not None:
        column, y, shape = message["cursor"]
        cursor = Cursor(max(0, min(int(column), columns - 1)), max(0, min(int(y), height - 1)), str(shape))
    modes = {name: bool(value) for name, value in message["modes"].items() if name != "mouse"}
    return Frame(
        columns,
        tuple(rows),
        cursor,
        Modes(mouse=Mouse(message["modes"]["mouse"]), **modes),
        plain(str(message["title"])),
        int(message["behind"]),
        int(message["bells"]),
        bool(message["reversed"]),
    )


def _run(
    text: str | list[Any], columns: int, foreground: Any, background: Any, attrs: int, underline: Any = None
) -> Run:
    if isinstance(text, list):
        text = "".join(map(glyph, text[::2], text[1::2]))
    elif len(text) != columns or not text.isprintable():
        text = "".join(glyph(char, 1) for char in text)
    return Run(text, columns, _look(_colour(foreground), _colour(background), attrs, _colour(underline)))


def _colour(colour: int | list[int] | None) -> Colour:
    if colour is None:
        return None
    if isinstance(colour, int):
        return colour & 0xFF
    red, green, blue = (int(part) & 0xFF for part in colour)
    return red, green, blue


@lru_cache(maxsize=4096)
def _look(foreground: Colour, background: Colour, attrs: int, underline: Colour) -> Look:
    return Look(foreground, background, Attr(attrs), underline)
