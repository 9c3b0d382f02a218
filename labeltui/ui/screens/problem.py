"""Shows a problem and its details, which can be copied."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content

from labeltui.domain.problems import Problem
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import safe, safe_lines
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Static


class ProblemScreen(Dialog[None]):
    """Shows a problem's message and hint, and its traceback or last output."""

    BINDINGS: ClassVar = [
        Binding("y", "copy", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("q", "dismiss_none", show=False),
        Binding("G,end", "scroll(100000)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
    ]

    def __init__(self, title: str, problem: Problem) -> None:
        super().__init__()
        self._title = title
        self._problem = problem
        self._evidence = VerticalScroll(classes="scroll fill")

    def compose(self) -> ComposeResult:
        """Yield message, hint and details."""
        problem = self._problem
        with Box(classes="box -wide -tall -bad") as box:
            box.border_title = Content(safe(self._title))
            box.hints = "y copies all · j k scroll · esc closes"
            message = Content.assemble(
                (safe(problem.message), f"bold {Tone.BAD}"),
                (f"\n{safe(problem.hint)}" if problem.hint else "", Tone.PLAIN),
            )
            yield Static(message, classes="message")
            with self._evidence:
                lines = safe_lines(problem.detail) if problem.detail else ["There are no further details."]
                yield Static(Content.styled("\n".join(lines), Tone.FAINT), classes="list")

    def on_mount(self) -> None:
        """Scroll to the end of the details, because a traceback's last lines matter most."""
        self._evidence.focus()
        self._evidence.scroll_end(animate=False)

    def action_scroll(self, by: int) -> None:
        """Scroll the details by ``by`` rows."""
        self._evidence.scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy message, hint and details."""
        problem = self._problem
        console_of(self).copy("\n".join(filter(None, (problem.message, problem.hint, problem.detail))))
        self.dismiss(None)
