"""The card with labels, pace and cost. Only wide screens show this card."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.amounts import dollars
from labeltui.domain.rules.pace import pace, people
from labeltui.domain.state import SessionState
from labeltui.ui.panes.card import Card
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.rows import row, wrapped
from labeltui.ui.presentation.strip import labels_here
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.bar import bar


class CostCard(Card, can_focus=False):
    """Shows the session's labels, pace, budget and annotators."""

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Return an empty text for the upper border, and for the lower one the budget, if one is set."""
        guard = state.guard.value
        return "", f"budget {dollars(guard.budget)}" if guard is not None and guard.budget else ""

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return rows for the copied labels and their folder, the pace, the budget and the annotators."""
        lines = self._labels(state, now, width)
        going = pace(state, now)
        if going is not None:
            hour = "" if going.per_hour is None else f" · {going.per_hour:.1f} per hour"
            pace_text = f"{words.plural(going.labels, 'label')} in {words.age(going.since, now)}{hour}"
            lines.append(
                row("session", (pace_text, Tone.FAINT if stale_age(state.queue, now) else Tone.PLAIN))
            )
            if going.cost_per_label is not None:
                lines.append(row("", (f"{dollars(going.cost_per_label)} per label", Tone.PLAIN)))
        lines += self._budget(state, now, width)
        names = ", ".join(people(state))
        if names:
            lines.append(row("open by", (elide(safe(names), width - 9), Tone.PLAIN)))
        return lines or [Content.styled("No figures for this session yet.", Tone.FAINT)]

    def _labels(self, state: SessionState, now: datetime, width: int) -> list[Content]:
        copies = state.labels.value
        if copies is None:
            why = safe(state.labels.error or "")
            return wrapped(f"labels: {why}", width, Tone.WARN) if why else []
        bad = bool(copies.reason)
        tone = Tone.FAINT if stale_age(state.labels, now) else Tone.BAD if bad else Tone.PLAIN
        lines = wrapped(safe(labels_here(state, now)), width, tone, 2)
        if bad and copies.hint:
            lines += wrapped(safe(copies.hint), width, Tone.FAINT, 2)
        if copies.last:
            who = f" by {safe(copies.last_by)}" if copies.last_by else ""
            ago = words.age(copies.last_at, now)
            room = max(8, width - 9 - len(who) - len(ago) - 5)
            lines.append(row("last", (f"{elide(safe(copies.last), room)}{who} {ago} ago", Tone.FAINT)))
        if copies.folder:
            lines.append(row("folder", (elide(safe(copies.folder), width - 9), Tone.FAINT)))
        return lines

    def _budget(self, state: SessionState, now: datetime, width: int) -> list[Content]:
        """Return a bar with the spent share of the budget. The spend is this console's own estimate."""
        guard, spend = state.guard.value, state.spend.value
        if guard is None or not guard.budget or spend is None or spend.session is None:
            return []
        share = 100 * float(spend.session) / guard.budget
        text = f" {dollars(spend.session)} / {dollars(guard.budget)}"
        tone = (
            Tone.FAINT
            if stale_age(state.spend, now)
            else Tone.BAD
            if share >= 95
            else Tone.WARN
            if share >= 80
            else Tone.GOOD
        )
        return [row("budget", bar(min(100.0, share), max(4, width - 9 - len(text)), tone), (text, tone))]
