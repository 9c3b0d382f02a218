"""Builds rows for the machine's load: the current percentage and the last minutes as blocks. No I/O."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.host import Gpu, HostMetrics
from labeltui.domain.pod.load import AGENT, LoadSample, in_cells
from labeltui.domain.pod.pod import Pod
from labeltui.ui.presentation import words
from labeltui.ui.presentation.rows import row
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.bar import bar

WARN_PCT, FULL_PCT = 80.0, 93.0
MIB = 1024 * 1024
BLOCKS = "▁▂▃▄▅▆▇█"
MOST_CELLS = 24
BOTH_FROM = 18  # from this width in cells, the bar and the history are shown side by side
CELL_S = 15.0  # seconds per cell of a history


def load_tone(percent: float | None) -> Tone:
    """Return the colour of a load in percent; faint if the load is unknown."""
    if percent is None:
        return Tone.FAINT
    if percent >= FULL_PCT:
        return Tone.BAD
    return Tone.WARN if percent >= WARN_PCT else Tone.GOOD


def line_of(samples: tuple[LoadSample, ...], field: str, now: datetime, cells: int, tone: str) -> Content:
    """Draw a field's history, one block per cell. A full block is 100 %; a dot means no measurement."""
    parts: list[tuple[str, str]] = []
    for value in in_cells(samples, field, now, cells, cells * CELL_S):
        if value is None:
            parts.append(("·", "$border-blurred"))
        else:
            parts.append((BLOCKS[max(0, min(7, int(value / 100 * 7.999)))], tone))
    return Content.assemble(*parts)


class Meters:
    """Builds the load rows of one snapshot. All rows share the width, the age and the load history."""

    def __init__(self, loads: tuple[LoadSample, ...], now: datetime, width: int, *, stale: bool) -> None:
        self._loads = loads
        self._now = now
        self._width = width
        self._stale = stale

    def meter(
        self, label: str, percent: float | None, text: str, field: str = "", *, fills: bool = True
    ) -> Content:
        """``cpu  ▂▂▃▅▂ 21%  text``: the bar or history fills the width that the text does not need.

        ``fills`` is True for a resource that can run out, so that a high value is a warning. ``field`` is the
        history's name.
        """
        tone = Tone.FAINT if self._stale else load_tone(percent) if fills else Tone.BUSY
        number = "   ?" if percent is None else f"{percent:3.0f}%"
        room = max(4, min(MOST_CELLS, self._width - 9 - len(number) - len(text) - 3))
        return row(
            label,
            self._drawn(percent, field, room, tone, fills),
            (f" {number}", tone),
            (f"  {text}", Tone.FAINT if self._stale else Tone.PLAIN),
        )

    def _drawn(self, percent: float | None, field: str, room: int, tone: str, fills: bool) -> Content:
        if not field or not any(getattr(sample, field) is not None for sample in self._loads):
            return bar(percent, room, tone)
        if room >= BOTH_FROM:
            half = room // 2
            line = line_of(self._loads, field, self._now, room - half - 1, tone)
            return bar(percent, half, tone) + " " + line
        if fills:
            return bar(percent, room, tone)
        return line_of(self._loads, field, self._now, room, tone)

    def of_host(self, metrics: HostMetrics, *, brief: bool = False) -> list[Content]:
        """Return the rows for the agent's measurements. ``brief`` puts processor and memory on one line."""
        cores = "" if metrics.cpu_count is None else words.plural(metrics.cpu_count, "core")
        memory = f"{words.size(metrics.memory_used)}/{words.size(metrics.memory_total)}"
        disk = f"{words.size(metrics.disk_used)}/{words.size(metrics.disk_total)}"
        if metrics.disk_read_at is not None:
            disk += f" {words.age(metrics.disk_read_at, self._now)} ago"
        place = f" {elide(safe(metrics.disk_path), 16)}" if metrics.disk_path and self._width > 50 else ""
        used = _share(metrics.memory_used, metrics.memory_total)
        if brief:
            tone = Tone.FAINT if self._stale else load_tone(used)
            busy = "?" if metrics.cpu_pct is None else f"{metrics.cpu_pct:.0f}%"
            both = row(
                "cpu",
                (busy, Tone.FAINT if self._stale else Tone.BUSY),
                (" · memory ", Tone.FAINT),
                (memory, tone),
            )
            return [
                *self._gpus(metrics),
                both,
                self.meter("disk", _share(metrics.disk_used, metrics.disk_total), disk, "disk"),
            ]
        return [
            *self._gpus(metrics),
            self.meter("cpu", metrics.cpu_pct, cores, "cpu", fills=False),
            self.meter("memory", used, memory, "memory"),
            self.meter("disk", _share(metrics.disk_used, metrics.disk_total), disk + place, "disk"),
        ]

    def _gpus(self, metrics: HostMetrics) -> list[Content]:
        """Return two rows per GPU. Memory comes first, because a training ends if GPU memory runs out."""
        if not metrics.gpus:
            why = safe(metrics.gpu_error) if metrics.gpu_error else "no nvidia-smi"
            reason = elide(why, max(8, self._width - 17))
            return [row("gpu", ("no GPU", Tone.WARN), (f"  {reason}", Tone.FAINT))]
        only = (
            len(metrics.gpus) == 1
        )  # the history follows the busiest GPU, so it is shown only for a single GPU
        lines = []
        for gpu in metrics.gpus:
            lines.append(self._gpu_memory(gpu, "vram" if only else ""))
            lines.append(self._gpu_work(gpu, "gpu" if only else ""))
        return lines

    def _gpu_memory(self, gpu: Gpu, field: str) -> Content:
        used = None if gpu.memory_used_mib is None else gpu.memory_used_mib * MIB
        total = None if gpu.memory_total_mib is None else gpu.memory_total_mib * MIB
        text = f"{words.size(used)}/{words.size(total)}"
        return self.meter(f"vram {gpu.index}", _share(used, total), text, field)

    def _gpu_work(self, gpu: Gpu, field: str) -> Content:
        facts = [] if gpu.temperature_c is None else [f"{gpu.temperature_c:.0f}°C"]
        facts += [] if gpu.power_w is None else [f"{gpu.power_w:.0f}W"]
        if self._width > 52:
            facts.append(safe(gpu.name))
        return self.meter(f"gpu {gpu.index}", gpu.utilisation_pct, " ".join(facts), field, fills=False)

    def of_runpod(self, pod: Pod) -> list[Content]:
        """Return the rows for RunPod's measurements, which replace missing measurements of the agent.

        RunPod reports percentages only, and none for the disk.
        """
        lines = []
        for index, (work, memory) in enumerate(pod.load.gpus):
            only = len(pod.load.gpus) == 1
            lines.append(self.meter(f"vram {index}", memory, "", "vram" if only else ""))
            lines.append(self.meter(f"gpu {index}", work, "", "gpu" if only else "", fills=False))
        lines.append(self.meter("cpu", pod.load.cpu_pct, "", "cpu", fills=False))
        lines.append(self.meter("memory", pod.load.memory_pct, "", "memory"))
        return lines


def load_age(loads: tuple[LoadSample, ...], now: datetime) -> str:
    """Return ``load 3s ago``, with the source if the agent did not measure the load. Empty without a load."""
    if not loads:
        return ""
    newest = loads[-1]
    whose = "" if newest.source == AGENT else f" by {newest.source}"
    return f"load{whose} {words.age(newest.at, now)} ago"


def _share(used: float | None, total: float | None) -> float | None:
    return None if used is None or not total else 100.0 * used / total
