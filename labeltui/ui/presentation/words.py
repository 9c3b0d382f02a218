"""Shows states as a glyph, a word and a colour, and formats quantities. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from labeltui.domain import text
from labeltui.domain.state import Level
from labeltui.domain.states import LinkState, ServerState, StudyState, TrainState, TunnelState

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.server.server import ServerStatus


class Tone(StrEnum):
    """A text colour, as a variable of the theme."""

    PLAIN = "$foreground"
    GOOD = "$text-success"
    BUSY = "$text-accent"
    WARN = "$text-warning"
    BAD = "$text-error"
    FAINT = "$text-muted"


duration, size, plural = text.duration, text.size, text.plural


@dataclass(frozen=True, slots=True)
class Word:
    """The text of a state on screen; readable without colour and without the glyph."""

    glyph: str
    text: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.glyph} {self.text}"


UNKNOWN = Word("?", "unknown", Tone.FAINT)

LINK = {
    LinkState.OFFLINE: Word("○", "offline", Tone.FAINT),
    LinkState.CONNECTING: Word("◌", "connecting", Tone.BUSY),
    LinkState.CONNECTED: Word("●", "connected", Tone.GOOD),
    LinkState.RECONNECTING: Word("◌", "reconnecting", Tone.WARN),
    LinkState.REFUSED: Word("✗", "refused", Tone.BAD),
}
TUNNEL = {
    TunnelState.DOWN: Word("○", "down", Tone.FAINT),
    TunnelState.FAILED: Word("✗", "failed", Tone.BAD),
    TunnelState.OPEN: Word("◌", "open", Tone.BUSY),
    TunnelState.UP: Word("●", "up", Tone.GOOD),
}
SERVER = {
    ServerState.STOPPED: Word("○", "stopped", Tone.FAINT),
    ServerState.STARTING: Word("◌", "starting", Tone.BUSY),
    ServerState.RUNNING: Word("●", "running", Tone.GOOD),
    ServerState.STOPPING: Word("◌", "stopping", Tone.BUSY),
    ServerState.CRASHED: Word("✗", "crashed", Tone.BAD),
    ServerState.UNREACHABLE: Word("▲", "unreachable", Tone.WARN),
}
TRAINING = {
    TrainState.IDLE: Word("○", "idle", Tone.FAINT),
    TrainState.QUEUED: Word("◌", "queued", Tone.BUSY),
    TrainState.RUNNING: Word("▶", "running", Tone.BUSY),
    TrainState.DONE: Word("✓", "done", Tone.GOOD),
    TrainState.ERROR: Word("✗", "error", Tone.BAD),
    TrainState.STOPPED: Word("■", "stopped", Tone.FAINT),
    TrainState.ORPHANED: Word("▲", "orphaned", Tone.WARN),
}
UNKNOWN_END = Word("?", "unknown", Tone.WARN)
STUDY = {
    StudyState.UNLABELLED: Word("·", "unlabelled", Tone.FAINT),
    StudyState.OPEN: Word("▶", "open", Tone.BUSY),
    StudyState.ORIGINAL: Word("○", "original", Tone.PLAIN),
    StudyState.FINAL: Word("●", "final", Tone.GOOD),
}
LEVEL = {
    Level.INFO: Word("✓", "info", Tone.GOOD),
    Level.WARNING: Word("▲", "warning", Tone.WARN),
    Level.ERROR: Word("✗", "error", Tone.BAD),
}
ALERT = {**LEVEL, Level.INFO: Word("•", "info", Tone.PLAIN)}
"""The words for alerts, which are no results: one that only informs is not a success."""


def server(status: ServerStatus) -> Word:
    """Return the word for a server's state. A running server that has a problem is not shown as good."""
    word = SERVER[status.state]
    trouble = status.state is ServerState.RUNNING and status.problem is not None
    return Word("▲", f"{word.text}, fails", Tone.WARN) if trouble else word


def age(at: datetime | None, now: datetime) -> str:
    """Return the time since ``at``, such as ``3m``; empty if ``at`` is None."""
    return "" if at is None else duration((now - at).total_seconds())


def remaining(seconds: float) -> str:
    """Format the seconds left as ``14m``, ``2m30`` or ``40s``; omits seconds from ten minutes on."""
    whole = int(max(0.0, seconds))
    if 60 <= whole < 600 and whole % 60:
        return f"{whole // 60}m{whole % 60:02}"
    return duration(whole)


def clock_time(at: datetime) -> str:
    """Format a time as ``17:02:31`` in the local time zone."""
    return at.astimezone().strftime("%H:%M:%S")


def score(value: float | None) -> str:
    """Format a study's score: whole numbers as they are, others with three decimals; ``?`` for None."""
    return str(value) if isinstance(value, int) else metric(value)


def metric(value: float | None) -> str:
    """Format a Dice value or a loss with three decimals; ``?`` for None."""
    return "?" if value is None else f"{value:.3f}"
