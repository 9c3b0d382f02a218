"""Describes the guard: a countdown for the strip, and lines for the pod pane. Pure."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.amounts import dollars
from labeltui.domain.guard.status import UNPROVEN, GuardStatus
from labeltui.domain.state import SessionState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import Fact, stale_age
from labeltui.ui.presentation.rows import row, wrapped
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, Word

NAMES = ("", "", "")
CELLS = len("stop 44m")  # the widest of the short texts that change while all is well
STATES = {
    "dead": (Word("✗", "no guard", Tone.BAD), "no guard", "no guard"),
    "off": (Word("○", "guard off", Tone.WARN), "guard off", "g off"),
    "waiting": (Word("▲", "stop on hold", Tone.WARN), "stop on hold", "on hold"),
    "stuck": (Word("✗", "can't stop the pod", Tone.BAD), "can't stop", "no stop"),
    "stopping": (Word("■", "stopping the pod", Tone.WARN), "stopping", "stop"),
}


def guard_fact(state: SessionState, now: datetime) -> Fact | None:
    """Return the countdown for the strip; None if no pod runs."""
    reading = state.guard
    status = reading.value
    if status is None:
        return Fact(NAMES, ("guard unknown", "guard ?", "g ?"), "?", Tone.WARN) if reading.error else None
    pod = state.pod.value
    if status.state == "none" or (pod is not None and not pod.status.is_up):
        return None
    old = stale_age(reading, now)
    if status.state in STATES:
        word, medium, short = STATES[status.state]
        return Fact(NAMES, (word.text, medium, short), word.glyph, word.tone, old)
    return _counting(status, status.left_at(reading.as_of, now), old)


def _counting(status: GuardStatus, left: float | None, old: str) -> Fact:
    if left is None:
        why = "no idle stop: training" if status.working else "no idle stop"
        return Fact(NAMES, (why, "no idle stop", "no stop"), "", Tone.FAINT, old, CELLS)
    cause, time, brief = status.cause or "idle", words.remaining(round(left)), words.duration(round(left))
    unproven = "" if status.is_proven else f" ({UNPROVEN})"
    texts = (f"{cause}-stop in {time}{unproven}", f"stop {time}", f"stop {brief}")
    if status.state == "warning":
        return Fact(NAMES, texts, "▲", Tone.WARN, old, CELLS)
    return Fact(NAMES, texts, "", Tone.PLAIN, old, CELLS)


def guard_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return the guard's countdown, last activity and budget, for the pod pane; empty if no pod runs."""
    fact = guard_fact(state, now)
    status = state.guard.value
    if fact is None or status is None:
        return []
    lines = [row("guard", fact.at(0))]
    if status.uses and not status.working:
        lines += [
            row("", (line.plain, Tone.FAINT)) for line in wrapped(idle_text(status), width - 9, Tone.FAINT, 2)
        ]
    if status.budget is not None and status.spent is not None:
        share = status.spent / status.budget if status.budget else 1.0
        tone = Tone.BAD if share >= 1 else Tone.WARN if share >= 0.8 else Tone.PLAIN
        lines.append(row("budget", (f"{dollars(status.spent)} of {dollars(status.budget)}", tone)))
    if status.state in ("waiting", "stuck", "dead"):
        lines += wrapped(safe(status.words), width, Tone.BAD if status.state != "waiting" else Tone.WARN)
    return lines


def idle_text(status: GuardStatus) -> str:
    """Return the idle time and the last activity: ``idle 12 min, last use: a label by ana 17:02``."""
    text = safe(status.idle_words)
    last = status.last if status.uses else None
    if last is None or last.at is None or last.kind == "start" or last.ago_s < 1:
        return text
    return f"{text} {last.at.astimezone():%H:%M}"
