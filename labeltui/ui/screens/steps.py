"""Shows a running action's steps and output. Closing the screen does not stop the action."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.text import fit, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.running import Running
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.lines import Lines

STATES = {
    "done": ("✓", Tone.GOOD),
    "ok": ("✓", Tone.GOOD),
    "skipped": ("✓", Tone.FAINT),
    "true": ("✓", Tone.FAINT),
    "running": ("▶", Tone.BUSY),
    "started": ("▶", Tone.BUSY),
    "waiting": ("·", Tone.FAINT),
    "cancelled": ("■", Tone.WARN),
    "failed": ("✗", Tone.BAD),
    "error": ("✗", Tone.BAD),
}


class StepsScreen(Dialog[None]):
    """Shows an action's steps above and its newest output below."""

    BINDINGS: ClassVar = [Binding("ctrl+c", "cancel", show=False), Binding("enter", "close", show=False)]

    def __init__(self, running: Running) -> None:
        super().__init__()
        self._job = running
        self._steps = Lines(classes="steps")
        self._output = Lines(classes="output")
        self._result = ""

    def compose(self) -> ComposeResult:
        """Yield the steps and the output."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(self._job.action.title)
            box.hints = "esc continues in the background · ctrl+c cancels"
            yield self._steps
            yield self._output

    def on_mount(self) -> None:
        """Show the steps and output reported so far."""
        self._steps.styles.height = 3
        self.call_after_refresh(self.progressed)

    def progressed(self) -> None:
        """Update the steps and the output."""
        steps = [self._step(str(name), entry) for name, entry in self._job.steps.items()]
        lines = steps or [Content.styled("Checking what is there …", Tone.FAINT)]
        self._steps.styles.height = min(len(lines) + 1, max(3, self.size.height // 2))
        self._steps.set_lines(lines)
        self._steps.move(len(lines))
        self._show_output()

    def _show_output(self) -> None:
        """Show the newest output lines that fit, and below them the whole result once there is one."""
        room, width = max(1, self._output.size.height), max(10, self._output.size.width)
        result = wrapped(safe(self._result), width, Tone.PLAIN) if self._result else []
        newest = self._job.lines[-max(1, room - len(result)) :]
        lines = [Content.styled(fit(safe(line), width).rstrip(), Tone.FAINT) for line in newest]
        self._output.set_lines([*lines, *result])

    def ended(self, text: str) -> None:
        """Show how the action ended: ``text``, below the output."""
        self._result = text
        self.progressed()
        self.query_one(Box).hints = "enter or esc closes"

    def action_close(self) -> None:
        """Close the screen of an action that has ended."""
        if self._job.worker is None or self._job.worker.is_finished:
            self.dismiss(None)

    @staticmethod
    def _step(name: str, entry: dict[str, object]) -> Content:
        state = str(entry.get("state", ""))
        glyph, tone = STATES.get(state, ("·", Tone.FAINT))
        return Content.assemble(
            (f"{glyph} ", tone),
            (safe(str(entry.get("title") or name)), Tone.PLAIN),
            (f"  {safe(state)}", tone),
        )

    def action_cancel(self) -> None:
        """Cancel the action, and leave its steps on the screen; after its end, close the screen."""
        if self._job.worker is None or self._job.worker.is_finished:
            self.dismiss(None)
        else:
            self._job.worker.cancel()
