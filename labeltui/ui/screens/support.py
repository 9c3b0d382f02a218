"""The support bundle: which files it would have, and how large each is, before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.text import size
from labeltui.operations import run
from labeltui.operations.progress import Silent
from labeltui.operations.support.command import default_name
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.lines import Lines

NAME_WIDTH = 14
SIZE_WIDTH = 7


class SupportScreen(Dialog[dict[str, object]]):
    """Lists the files. The answer has the parameters of ``support`` that save them."""

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]
    KEYS = "enter saves · n with or without names · esc"

    def __init__(self) -> None:
        super().__init__()
        self._lines = Lines()
        self._names = False
        self._document: Mapping[str, Any] = {}
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content("support bundle")
            box.hints = self.KEYS
            yield self._lines

    def on_mount(self) -> None:
        """Begin to read the files."""
        self._lines.focus()
        self._read()

    def on_resize(self) -> None:
        """Wrap the lines for the new width."""
        self.call_after_refresh(self._show)

    @property
    def _file(self) -> Path:
        return Path(default_name(console_of(self).clock())).absolute()

    def _read(self) -> None:
        self._document, self._problem = {}, ""
        self.run_worker(self._list(), group="support", exclusive=True)
        self.call_after_refresh(self._show)

    async def _list(self) -> None:
        session = console_of(self).session
        if session is None:
            self._problem = "No session is open. `labeltui support` does the same from a shell."
        else:
            try:
                self._document = await run.run_action(session, "support", {"names": self._names}, Silent())
            except LabeltuiError as error:
                self._problem = f"{error.problem.message} {error.problem.hint}"
        self._show()

    def _show(self) -> None:
        width = max(30, self._lines.size.width)
        if self._problem:
            self._lines.set_lines(wrapped(safe(self._problem), width, Tone.BAD))
            return
        if not self._document:
            self._lines.set_lines([Content.styled("◌ Reading …", Tone.BUSY)])
            return
        files = self._document["files"]
        whole = sum(int(one["bytes"]) for one in files)
        lines = [self._row(str(one["file"]), int(one["bytes"]), str(one["about"]), width) for one in files]
        lines += [self._row("all", whole, "before compression", width), Content("")]
        lines += wrapped(
            safe(str(self._document["redacted"])), width, Tone.WARN if self._names else Tone.GOOD
        )
        lines += [
            Content(""),
            *wrapped(f"Nothing is saved yet. Enter saves {safe(str(self._file))}.", width, Tone.BUSY),
        ]
        lines += wrapped(
            "Nothing is sent: you decide who gets the file. Read it before you pass it on.", width, Tone.FAINT
        )
        self._lines.set_lines(lines)

    @staticmethod
    def _row(name: str, count: int, about: str, width: int) -> Content:
        head = Content.assemble(
            (f"{name:<{NAME_WIDTH}}", "bold $foreground"), (f"{size(count):>{SIZE_WIDTH}}  ", Tone.PLAIN)
        )
        return head + Content.styled(elide(safe(about), max(10, width - head.cell_length)), Tone.FAINT)

    def on_key(self, event: events.Key) -> None:
        """Save the listed files, list them with or without names, or scroll."""
        step = {"j": 1, "k": -1, "down": 1, "up": -1}.get(event.key, 0)
        if step:
            event.stop()
            self._lines.move(step)
        elif event.key == "n":
            event.stop()
            self._names = not self._names
            self._read()
        elif event.key == "enter" and self._document:
            event.stop()
            self.dismiss({"file": str(self._file), "names": self._names})
