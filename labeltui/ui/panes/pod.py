"""Pane 1: the host's cost, connection, load and tunnel, and the pod's events."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.host import HostStatus
from labeltui.domain.pod.load import of_runpod
from labeltui.domain.pod.pod import Port
from labeltui.domain.rules.pod import called
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, TunnelState
from labeltui.ui.panes import meters
from labeltui.ui.panes.card import Card
from labeltui.ui.presentation import words
from labeltui.ui.presentation.absence import absence
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.guard import guard_lines
from labeltui.ui.presentation.invitations import invited_line
from labeltui.ui.presentation.money import brief_money_lines, money_lines
from labeltui.ui.presentation.pods import PUBLIC, legal_words, port_text
from labeltui.ui.presentation.rows import row, state_text, wrapped
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone

TROUBLED = (
    "waiting",
    "stuck",
    "dead",
    "warning",
    "stopping",
)  # guard states whose reasons are shown at the top


REFUSAL_LINES = 12
"""The most lines for why a host refused the connection: its end says what to do."""


class PodCard(Card):
    """Shows the pod's cost, the host's connection and load, and the tunnel."""

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Return the name and data centre for the upper border, and the load's age for the lower border."""
        host, pod = state.host.value, state.pod.value
        age = words.age(state.metrics.as_of, now)
        name = safe(host.name) if host is not None else ""
        if pod is not None:
            name = " · ".join(filter(None, (safe(called(pod)), safe(pod.data_centre or ""))))
        return name, meters.load_age(state.loads, now) or (f"load {age} ago" if age else "")

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return rows for cost, guard, connection, load and tunnel; then annotators, pod and events that fit."""
        host = state.host.value
        if host is None:
            error = safe(state.host.error or "")
            return [
                row("host", state_text(words.UNKNOWN)),
                *wrapped(error or "Opening the session …", width, Tone.WARN if error else Tone.FAINT),
            ]
        at_work, present = other_consoles(state, now, width)
        connection = self._connection(host, state, now, width) + at_work
        guard = guard_lines(state, now, width)
        lines = money_lines(state, now, width) + guard + connection
        lines += self._load(state, now, width)
        lines += tunnel_lines(state, now, width)
        if len(lines) > height:  # first leave out the rows that never change
            spare = ("system ", "address ") if state.pod.value is not None else ("system ",)
            lines = [line for line in lines if not line.plain.startswith(spare)]
            if len(lines) > height and state.pod.value is not None:
                connection = [line for line in connection if not line.plain.startswith(spare)]
                lines = self._brief(state, now, width, guard, connection)
        facts = present + invited_line(state, now, width) + pod_facts(state, now, width)
        lines += facts[: max(0, height - len(lines))]
        lines += event_lines(state, width, height - len(lines))
        return lines

    def _brief(
        self, state: SessionState, now: datetime, width: int, guard: list[Content], connection: list[Content]
    ) -> list[Content]:
        """Return the fewest useful rows for a low pane. If the guard is calm, its reasons come last."""
        status = state.guard.value
        calm = status is not None and status.state not in TROUBLED and not status.problem
        first, reasons = (guard[:1], guard[1:]) if calm else (guard, [])
        return [
            *brief_money_lines(state, now, width),
            *first,
            *connection,
            *self._load(state, now, width, brief=True),
            *tunnel_lines(state, now, width),
            *reasons,
        ]

    def _connection(self, host: HostStatus, state: SessionState, now: datetime, width: int) -> list[Content]:
        if (why := absence(state, self.key_for)) is not None:
            line = row("host", state_text(why.word, stale_age(state.pod, now)))
            shown_above = state.pod.value is None
            text = why.next if shown_above else f"{why.reason} {why.next}"
            return [line, *(wrapped(text, width, Tone.FAINT) if text else [])]
        word = words.LINK[host.state]
        since = f" {words.age(host.since, now)}" if host.since is not None else ""
        latency = f" · {host.latency_ms:.0f} ms" if host.latency_ms is not None else ""
        roomy = width >= 46
        again = f" · {words.plural(host.reconnects, 'reconnect')}" if host.reconnects and roomy else ""
        lines = [
            row(
                "host",
                Content.assemble(
                    state_text(word, stale_age(state.host, now)), (since + latency + again, Tone.FAINT)
                ),
            )
        ]
        if host.detail:
            refused = host.state is LinkState.REFUSED
            tone = Tone.BAD if refused else Tone.WARN
            lines += wrapped(
                safe(host.detail), width, Tone.FAINT if host.state is LinkState.CONNECTED else tone,
                REFUSAL_LINES if refused else 3,
            )  # fmt: skip
        if host.next_try_at is not None and host.state is LinkState.RECONNECTING:
            left = words.duration((host.next_try_at - now).total_seconds())
            lines.append(Content(f"next try in {left}; {self.key_for('reconnect')} tries now"))
        if host.state is LinkState.REFUSED:
            lines.append(Content(f"no automatic retry; {self.key_for('reconnect')} tries again"))
        lines.append(row("address", (elide(safe(host.address), width - 9), Tone.PLAIN)))
        if host.system:
            lines.append(row("system", (elide(safe(host.system), width - 9), Tone.FAINT)))
        return lines

    def _load(self, state: SessionState, now: datetime, width: int, *, brief: bool = False) -> list[Content]:
        metrics, pod = state.metrics.value, state.pod.value
        old = stale_age(state.metrics, now)
        if pod is not None and (metrics is None or old) and of_runpod(pod) is not None:
            stale = bool(stale_age(state.pod, now))
            return meters.Meters(state.loads, now, width, stale=stale).of_runpod(pod)
        if metrics is None:
            why = safe(state.metrics.error or "not measured yet")
            return [
                row("load", state_text(words.UNKNOWN), (f"  {elide(why, max(8, width - 20))}", Tone.FAINT))
            ]
        lines = meters.Meters(state.loads, now, width, stale=bool(old)).of_host(metrics, brief=brief)
        if old:
            lines.append(row("", (f"load is {old} old", Tone.WARN)))
        return lines


def other_consoles(state: SessionState, now: datetime, width: int) -> tuple[list[Content], list[Content]]:
    """Return a row for each other console on this host: those that run an action now, and all others."""
    old = stale_age(state.consoles, now)
    at_work: list[Content] = []
    present: list[Content] = []
    for one in state.consoles.value or ():
        parts = [f"{safe(one.action)} for {words.age(one.action_since, now)}" if one.action else ""]
        parts += [safe(one.shown), words.age(one.since, now), "read-only" if one.read_only else ""]
        parts += [f"no answer for {words.age(one.silent_since, now)}" if one.silent_since else ""]
        parts += [f"list is {old} old" if old else ""]
        text = elide(" · ".join(filter(None, parts)), max(8, width - 9))
        lines, tone = (at_work, Tone.BUSY) if one.action else (present, Tone.PLAIN)
        lines.append(row("also", (text, tone)))
    return at_work, present


def pod_facts(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return details of the rented pod, most useful first; empty without a pod."""
    pod = state.pod.value
    if pod is None:
        return []
    room = max(8, width - 9)
    lines = [row("can", (elide(legal_words(pod), room), Tone.PLAIN))]
    if pod.uptime_s is not None:
        since = "" if pod.started_at is None else f" since {pod.started_at.astimezone():%H:%M}"
        lines.append(row("up", (words.duration(pod.uptime_s) + since, Tone.PLAIN)))
    lines += [port_line(port, room) for port in pod.ports]
    if pod.ssh is not None:
        command = f"ssh -p {pod.ssh.port} {pod.ssh.user}@{pod.ssh.host}"
        lines.append(row("ssh", (elide(command, room), Tone.PLAIN)))
    lines.append(row("id", (elide(safe(pod.id), room), Tone.FAINT)))
    left = state.requests_left
    if left is not None:
        text = f"{left.left} of {left.quota} requests left this {left.window}"
        lines.append(row("limits", (elide(text, room), Tone.FAINT)))
    return lines


def port_line(port: Port, room: int) -> Content:
    """Return a port's row. An HTTP port is marked as public, because the internet can reach it."""
    if port.protocol != "http":
        return row("port", (elide(port_text(port), room), Tone.PLAIN))
    return row(
        "port", (f"{PUBLIC} ", f"bold {Tone.BAD}"), (elide(port_text(port), max(8, room - 7)), Tone.BAD)
    )


def event_lines(state: SessionState, width: int, room: int) -> list[Content]:
    """Return the pod's newest events that fit in ``room`` rows, oldest first."""
    if room < 2 or not state.pod_events:
        return []
    lines: list[Content] = []
    for event in reversed(state.pod_events):
        event_rows = wrapped(safe(event.text), max(8, width - 9), Tone.FAINT, 2)
        if len(lines) + len(event_rows) > room:
            break
        label = f"{event.at.astimezone():%H:%M}"
        lines = [*(row(label if not i else "", part) for i, part in enumerate(event_rows)), *lines]
    return lines


def tunnel_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return rows for the tunnel's state and the URL for Slicer."""
    tunnel = state.tunnel.value
    if tunnel is None:
        return [row("tunnel", state_text(words.UNKNOWN))]
    word = words.TUNNEL[tunnel.state]
    extra = f" · {words.plural(tunnel.reconnects, 'rebuild')}" if tunnel.reconnects and width >= 50 else ""
    state_content = state_text(word, stale_age(state.tunnel, now))
    url = (tunnel.url or "").removeprefix("http://" if width < 44 else "")
    lines = [row("tunnel", state_content, (f" {url}{extra}", Tone.PLAIN if tunnel.url else Tone.FAINT))]
    if tunnel.port_reason:
        lines += wrapped(safe(tunnel.port_reason), width, Tone.FAINT, 2)
    if tunnel.detail:
        lines += wrapped(
            safe(tunnel.detail), width, Tone.FAINT if tunnel.state is TunnelState.UP else Tone.WARN, 2
        )
    return lines
