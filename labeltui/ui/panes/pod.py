"""Pane 1: the machine, the way to it, and its load."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.host import Gpu, HostMetrics, HostStatus, LinkState, TunnelState
from labeltui.domain.state import SessionState
from labeltui.ui import words
from labeltui.ui.facts import stale_age
from labeltui.ui.guard import guard_lines
from labeltui.ui.money import money_lines
from labeltui.ui.panes.card import Card, row, told, wrapped
from labeltui.ui.text import elide, safe
from labeltui.ui.widgets.bar import bar
from labeltui.ui.words import Tone

WARN_PCT, FULL_PCT = 80.0, 93.0
MIB = 1024 * 1024


def load_tone(percent: float | None) -> Tone:
    """Heavier load, louder colour."""
    if percent is None:
        return Tone.FAINT
    if percent >= FULL_PCT:
        return Tone.BAD
    return Tone.WARN if percent >= WARN_PCT else Tone.GOOD


def meter(
    label: str, percent: float | None, text: str, width: int, stale: bool, *, fills: bool = True
) -> Content:
    """``cpu  ━━━━━───── 21%  text``: the bar takes what the words leave.

    ``fills``: it is something that runs out, so that a lot of it is a warning.
    """
    tone = Tone.FAINT if stale else load_tone(percent) if fills else Tone.BUSY
    number = "   ?" if percent is None else f"{percent:3.0f}%"
    room = max(4, min(24, width - 9 - len(number) - len(text) - 3))
    return row(
        label,
        bar(percent, room, tone),
        (f" {number}", tone),
        (f"  {text}", Tone.FAINT if stale else Tone.PLAIN),
    )


def _share(used: float | None, total: float | None) -> float | None:
    return None if used is None or not total else 100.0 * used / total


def gpu_lines(metrics: HostMetrics, width: int, stale: bool) -> list[Content]:
    """Each GPU: memory first, since that is what ends trainings."""
    if not metrics.gpus:
        why = safe(metrics.gpu_error) if metrics.gpu_error else "no nvidia-smi"
        return [row("gpu", ("no GPU", Tone.WARN), (f"  {elide(why, max(8, width - 17))}", Tone.FAINT))]
    lines = []
    for gpu in metrics.gpus:
        lines.append(_gpu_memory(gpu, width, stale))
        lines.append(_gpu_work(gpu, width, stale))
    return lines


def _gpu_memory(gpu: Gpu, width: int, stale: bool) -> Content:
    used = None if gpu.memory_used_mib is None else gpu.memory_used_mib * MIB
    total = None if gpu.memory_total_mib is None else gpu.memory_total_mib * MIB
    return meter(
        f"vram {gpu.index}", _share(used, total), f"{words.size(used)}/{words.size(total)}", width, stale
    )


def _gpu_work(gpu: Gpu, width: int, stale: bool) -> Content:
    said = [] if gpu.temperature_c is None else [f"{gpu.temperature_c:.0f}°C"]
    said += [] if gpu.power_w is None else [f"{gpu.power_w:.0f}W"]
    if width > 52:
        said.append(safe(gpu.name))
    return meter(f"gpu {gpu.index}", gpu.utilisation_pct, " ".join(said), width, stale, fills=False)


class PodCard(Card):
    """The host: its connection in words, its load in bars, its tunnel."""

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Who and where above, age of the load below."""
        host = state.host.value
        age = words.age(state.metrics.as_of, now)
        return (safe(host.name) if host is not None else ""), (f"load {age} ago" if age else "")

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Connection, then load, then tunnel: the order in which things go wrong."""
        host = state.host.value
        if host is None:
            error = safe(state.host.error or "")
            return [
                row("host", told(words.UNKNOWN)),
                *wrapped(error or "Opening the session …", width, Tone.WARN if error else Tone.FAINT),
            ]
        lines = money_lines(state, now, width)
        lines += guard_lines(state, now, width)
        lines += self._connection(host, state, now, width)
        lines += self._load(state, now, width)
        lines += tunnel_lines(state, now, width)
        if len(lines) > height:  # what never changes goes first
            lines = [line for line in lines if not line.plain.startswith("system ")]
        return lines

    def _connection(self, host: HostStatus, state: SessionState, now: datetime, width: int) -> list[Content]:
        word = words.LINK[host.state]
        since = f" {words.age(host.since, now)}" if host.since is not None else ""
        latency = f" · {host.latency_ms:.0f} ms" if host.latency_ms is not None else ""
        roomy = width >= 46
        again = f" · {words.plural(host.reconnects, 'reconnect')}" if host.reconnects and roomy else ""
        lines = [
            row(
                "host",
                Content.assemble(
                    told(word, stale_age(state.host, now)), (since + latency + again, Tone.FAINT)
                ),
            )
        ]
        if host.detail:
            tone = Tone.BAD if host.state is LinkState.REFUSED else Tone.WARN
            lines += wrapped(
                safe(host.detail), width, Tone.FAINT if host.state is LinkState.CONNECTED else tone
            )
        if host.next_try_at is not None and host.state is LinkState.RECONNECTING:
            left = words.duration((host.next_try_at - now).total_seconds())
            lines.append(Content(f"next try in {left}; {self.key_for('reconnect')} tries now"))
        if host.state is LinkState.REFUSED:
            lines.append(Content(f"not retried by itself; {self.key_for('reconnect')} tries again"))
        lines.append(row("address", (elide(safe(host.address), width - 9), Tone.PLAIN)))
        if host.system:
            lines.append(row("system", (elide(safe(host.system), width - 9), Tone.FAINT)))
        return lines

    def _load(self, state: SessionState, now: datetime, width: int) -> list[Content]:
        metrics = state.metrics.value
        if metrics is None:
            why = safe(state.metrics.error or "not measured yet")
            return [row("load", told(words.UNKNOWN), (f"  {elide(why, max(8, width - 20))}", Tone.FAINT))]
        old = stale_age(state.metrics, now)
        stale = bool(old)
        lines = gpu_lines(metrics, width, stale)
        cores = "" if metrics.cpu_count is None else words.plural(metrics.cpu_count, "core")
        memory = f"{words.size(metrics.memory_used)}/{words.size(metrics.memory_total)}"
        disk = f"{words.size(metrics.disk_used)}/{words.size(metrics.disk_total)}"
        place = f" {elide(safe(metrics.disk_path), 16)}" if metrics.disk_path and width > 50 else ""
        lines += [
            meter("cpu", metrics.cpu_pct, cores, width, stale, fills=False),
            meter("memory", _share(metrics.memory_used, metrics.memory_total), memory, width, stale),
            meter("disk", _share(metrics.disk_used, metrics.disk_total), disk + place, width, stale),
        ]
        if stale:
            lines.append(row("", (f"load is {old} old", Tone.WARN)))
        return lines


def tunnel_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """The way to the server, and the URL that Slicer is given."""
    tunnel = state.tunnel.value
    if tunnel is None:
        return [row("tunnel", told(words.UNKNOWN))]
    word = words.TUNNEL[tunnel.state]
    extra = f" · {words.plural(tunnel.reconnects, 'rebuild')}" if tunnel.reconnects and width >= 50 else ""
    said = told(word, stale_age(state.tunnel, now))
    url = (tunnel.url or "").removeprefix("http://" if width < 44 else "")
    lines = [row("tunnel", said, (f" {url}{extra}", Tone.PLAIN if tunnel.url else Tone.FAINT))]
    if tunnel.local_port and tunnel.wanted_port and tunnel.local_port != tunnel.wanted_port:
        lines.append(row("", (f"port {tunnel.wanted_port} was taken on this machine", Tone.WARN)))
    if tunnel.detail:
        lines += wrapped(
            safe(tunnel.detail), width, Tone.FAINT if tunnel.state is TunnelState.UP else Tone.WARN, 2
        )
    return lines
