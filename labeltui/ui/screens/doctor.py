"""The doctor's report while checks run: each part's verdict and the recommended next step."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from labeltui.domain.checks import Verdict
from labeltui.operations.doctor.doctor import PARTS
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, Word
from labeltui.ui.running import Running
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.lines import Lines

WORDS = {
    Verdict.OK: Word("✓", "ok", Tone.GOOD),
    Verdict.WARNING: Word("▲", "warning", Tone.WARN),
    Verdict.WRONG: Word("✗", "wrong", Tone.BAD),
    Verdict.UNKNOWN: Word("?", "unknown", Tone.FAINT),
}
LABEL = 24


class DoctorScreen(Dialog[None]):
    """Lists the checks of ``labeltui doctor``, each one below the checks that it depends on.

    Closing the screen does not stop the checks.
    """

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]

    def __init__(self, running: Running) -> None:
        super().__init__()
        self._job = running
        self._lines = Lines()
        self._over = ""

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(self._job.action.title)
            box.hints = "checking … · j k scroll · y copies · esc closes"
            yield self._lines

    def on_mount(self) -> None:
        """List the verdicts reported so far."""
        self._lines.focus()
        self.call_after_refresh(self.progressed)

    def on_resize(self) -> None:
        """Wrap the lines for the new width."""
        self.call_after_refresh(self.progressed)

    def progressed(self) -> None:
        """List the verdicts reported so far."""
        found = {str(name): entry for name, entry in self._job.steps.items() if "verdict" in entry}
        lines: list[Content] = []
        for part in sorted(found, key=lambda name: PARTS.index(name) if name in PARTS else len(PARTS)):
            lines += self._line(part, found[part])
        if not self._over:
            lines.append(Content.styled(f"◌ {safe(self._job.last or 'Checking …')}", Tone.BUSY))
        self._lines.set_lines(lines)

    def _line(self, part: str, entry: dict[str, object]) -> list[Content]:
        word = WORDS[Verdict(str(entry["verdict"]))]
        room = max(20, self._lines.size.width - LABEL)
        message = wrapped(safe(str(entry.get("message", ""))), room, Tone.PLAIN, 4)
        hint = entry.get("hint")
        texts = message + (wrapped(safe(str(hint)), room, Tone.FAINT, 4) if hint else [])
        head = Content.assemble((f"{word!s:<11}", word.tone), (f"{part:<{LABEL - 11}}", "bold $foreground"))
        return [(head if not i else Content(" " * LABEL)) + line for i, line in enumerate(texts)]

    def ended(self, text: str) -> None:
        """Show the number of each verdict, once the doctor has finished."""
        self._over = text
        self.progressed()
        box = self.query_one(Box)
        counted = [str(entry.get("verdict")) for entry in self._job.steps.values()]
        counts = ", ".join(f"{counted.count(v.value)} {v.value}" for v in Verdict if v.value in counted)
        box.hints = f"{counts or safe(text)} · j k scroll · y copies · esc closes"

    def on_key(self, event: events.Key) -> None:
        """Scroll the report or copy it."""
        step = {"j": 1, "k": -1, "down": 1, "up": -1}.get(event.key, 0)
        if step:
            event.stop()
            self._lines.move(step)
        elif event.key == "y":
            event.stop()
            console_of(self).copy("\n".join(line.plain.rstrip() for line in self._lines.lines))
