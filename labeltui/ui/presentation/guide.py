"""Shows a step of the guide as text: its mark, its keys, and the line above the footer."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from labeltui.actions import BY_ID
from labeltui.domain.guide.guide import next_step
from labeltui.domain.guide.step import Mark, Step
from labeltui.domain.state import SessionState
from labeltui.ui.presentation.absence import Keys
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, Word

MARKS = {
    Mark.DONE: Word("✓", "done", Tone.GOOD),
    Mark.BUSY: Word("◌", "wait", Tone.BUSY),
    Mark.TODO: Word("▸", "next", Tone.BUSY),
    Mark.WRONG: Word("✗", "wrong", Tone.BAD),
    Mark.UNKNOWN: Word("·", "later", Tone.FAINT),
}


def keys_for(step: Step, keys: Keys) -> str:
    """Return the keys of the step's action; for an action without keys the palette's, and its title. Empty if none."""
    if not step.action:
        return ""
    return keys(step.action) or f"{keys('palette')} {BY_ID[step.action].title}"


def next_line(state: SessionState, keys: Keys, width: int) -> Content:
    """Return the line with the next step, at most ``width`` cells; empty if there is none. The keys come first.

    A click runs the step's action.
    """
    step = next_step(state)
    if step is None:
        return Content("")
    word, pressed = MARKS[step.mark], keys_for(step, keys)
    head = f"now press {pressed}: " if pressed else "wait: "
    tail = f"  [{keys('guide')}] guide"
    text = (
        f"{step.todo} ({safe(step.title)}: {safe(step.text)})"
        if step.todo
        else safe(f"{step.title}: {step.text}")
    )
    room = max(10, width - len(f" {word.glyph} {head}{tail}") - 1)
    body = elide(text, room)
    gap = " " * max(0, room - Content(body).cell_length)
    line = Content.assemble(
        (f" {word.glyph} ", word.tone), (head, "bold $text-accent"), (body, Tone.PLAIN), gap
    )
    does = Style.from_meta({"action": step.action or "guide"})
    return line.stylize(does) + Content.styled(tail, Tone.FAINT).stylize(Style.from_meta({"action": "guide"}))
