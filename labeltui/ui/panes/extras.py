"""Cards that only wide screens show: the server with its tunnel, and the alerts."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.rules.ohif import ohif_url
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.ui.panes.card import Card
from labeltui.ui.panes.pod import event_lines, tunnel_lines
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.models import NOISE, weights_text
from labeltui.ui.presentation.rows import row, state_text, wrapped
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone


class TunnelsCard(Card, can_focus=False):
    """Shows facts about the server, and its tunnel."""

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return rows for the server, then for the tunnel."""
        server = state.server.value
        if server is None:
            return [row("server", state_text(words.UNKNOWN)), *tunnel_lines(state, now, width)]
        lines = [row("server", state_text(words.server(server), stale_age(state.server, now)))]
        room = width - 9
        trainers = state.info.value.trainers if state.info.value is not None else {}
        labels = [(f"{name} labels", ", ".join(server.labels.get(name, ()))) for name in trainers]
        weights = [(name, weights_text(state, name)) for name in trainers]
        for label, value in (
            ("version", server.version),
            ("app", server.app),
            ("models", ", ".join(server.models)),
            ("studies", server.studies),
        ):
            if value:
                lines.append(row(label, (elide(safe(value), room), Tone.PLAIN)))
        for model, text in weights:
            tone = Tone.WARN if text == NOISE else Tone.FAINT
            lines += wrapped(safe(f"{model}: {text}"), width, tone) if text else []
        for model, names in labels:
            lines += wrapped(safe(f"{model}: {names}"), width, Tone.FAINT) if names else []
        if server.phase and server.state is ServerState.STARTING:
            lines.append(row("phase", (elide(safe(server.phase), room), Tone.BUSY)))
        if server.started_at is not None and server.state is ServerState.RUNNING:
            lines.append(row("up", (words.age(server.started_at, now), Tone.PLAIN)))
        lines += tunnel_lines(state, now, width)
        tunnel = state.tunnel.value
        if tunnel is not None and tunnel.url is not None:
            lines.append(row("", (f"{self.key_for('copy.url')} copies the URL for Slicer", Tone.FAINT)))
        if (ohif := ohif_url(state)) is not None:
            lines.append(row("ohif", (elide(ohif, room), Tone.PLAIN)))
        return lines


class AlertsCard(Card, can_focus=False):
    """Shows the alerts, newest first."""

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Return the number of alerts, and the key that lists them; both empty without alerts."""
        return (
            str(len(state.alerts)) if state.alerts else ""
        ), f"{self.key_for('alerts')} opens the list" if state.alerts else ""

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return each alert with its time and hint, then the pod's events if they fit."""
        lines: list[Content] = []
        if not state.alerts:
            lines.append(Content.styled("Nothing needs attention.", Tone.FAINT))
        for alert in reversed(state.alerts):
            word = words.ALERT[alert.level]
            head = Content.assemble((f"{word.glyph} ", word.tone), (words.clock_time(alert.at), Tone.FAINT))
            lines.append(head)
            lines += wrapped(safe(alert.message), width, Tone.PLAIN)
            if alert.hint:
                lines += wrapped(safe(alert.hint), width, Tone.FAINT, 2)
            if len(lines) > height:
                return lines
        events = event_lines(state, width, height - len(lines) - 2)
        return (
            [*lines, Content(""), Content.styled("what happened to the pod", Tone.FAINT), *events]
            if events
            else lines
        )
