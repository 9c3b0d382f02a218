"""Shows pods as rows of a list, and one pod's details as lines. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from textual.content import Content

from labeltui.domain.amounts import rate_text
from labeltui.domain.money import month_text
from labeltui.domain.pod.pod import Pod, PodAction, PodStatus, Port
from labeltui.domain.rules.pod import called, why_not
from labeltui.domain.state import RequestsLeft
from labeltui.ui.presentation import words
from labeltui.ui.presentation.money import POD
from labeltui.ui.presentation.rows import row, wrapped
from labeltui.ui.presentation.text import elide, elide_middle, fit, safe
from labeltui.ui.presentation.words import Tone

PUBLIC = "PUBLIC"
COLUMNS = (  # name, width in cells, and the list's least width that shows the column
    ("pod", 0, 0),
    ("state", 14, 0),
    ("gpu", 12, 60),
    ("$/h", 9, 0),
    ("stopped", 10, 76),
    ("up", 6, 64),
    ("place", 10, 90),
    ("open", 7, 0),
    ("id", 16, 118),
)


def widths(room: int) -> dict[str, int]:
    """Return the width of each column that fits, in cells; the column ``pod`` gets the rest."""
    shown = {name: cells for name, cells, least in COLUMNS if room >= least}
    taken = sum(shown.values()) + len(shown) - 1
    return {**shown, "pod": max(8, room - taken)}


def header(room: int) -> Content:
    """Return the header with the names of the columns that fit."""
    return Content.styled(" ".join(fit(name, cells) for name, cells in widths(room).items()), Tone.FAINT)


def pod_row(pod: Pod, room: int, *, own: bool, chosen: bool, stale: bool) -> Content:
    """Return a pod's row. It marks the profile's pod (``own``) and a pod with a port open to the internet."""
    cells = widths(room)
    word = POD[pod.status]
    plain = Tone.FAINT if stale else Tone.PLAIN
    mark = "▸ " if own else "  "
    texts: dict[str, tuple[str, str]] = {
        "pod": (mark + elide_middle(safe(called(pod)), cells["pod"] - 2), f"bold {plain}" if own else plain),
        "state": (str(word), Tone.FAINT if stale else word.tone),
        "gpu": (gpu(pod), plain),
        "$/h": (rate_text(pod.cost_per_hour).removesuffix("/h"), plain),
        "stopped": (rate_text(pod.cost_per_hour_stopped).removesuffix("/h"), Tone.FAINT),
        "up": ("" if pod.uptime_s is None else words.duration(pod.uptime_s), Tone.FAINT),
        "place": (safe(pod.data_centre or ""), Tone.FAINT),
        "open": (PUBLIC if pod.is_public else "", f"bold {Tone.BAD}"),
        "id": (safe(pod.id), Tone.FAINT),
    }
    parts = [(fit(texts[name][0], width), texts[name][1]) for name, width in cells.items()]
    line = Content(" ").join([Content.styled(*part) for part in parts])
    if not chosen:
        return line
    return Content.styled(line.plain, "bold $block-cursor-foreground on $block-cursor-background")


def gpu(pod: Pod) -> str:
    """Return the pod's GPU, such as ``2× A100``; without one, ``CPU only``, or ``?`` if unknown."""
    name = safe(pod.gpu_name or pod.gpu_id)
    if not name:
        return "CPU only" if pod.cpu_id else "?"
    return f"{pod.gpu_count}× {name}" if pod.gpu_count > 1 else name


def port_text(port: Port) -> str:
    """Describe a port: ``22/tcp → 203.0.113.7:40022``. A running pod's http port is public."""
    if port.protocol == "http":
        return f"{port.private}/http open to the internet"
    return f"{port.private}/tcp" + (
        f" → {safe(port.ip or '?')}:{port.public}" if port.public else " not mapped"
    )


def money(per_hour: Decimal | None) -> str:
    """Format a rate per hour and per month of 730 hours."""
    return rate_text(per_hour) + ("" if per_hour is None else f" · {month_text(per_hour)}")


def legal_words(pod: Pod) -> str:
    """Return the actions that are allowed on the pod now, and why the first barred one is not."""
    can = [action.value for action in PodAction if why_not(pod, action) is None]
    barred = next((why for action in pod.actions if (why := why_not(pod, action)) is not None), "")
    return (", ".join(can) or "nothing") + (f"; {barred}" if barred else "")


def pod_lines(pod: Pod, width: int, now: datetime, *, own: bool, left: RequestsLeft | None) -> list[Content]:
    """Return a pod's details.

    ``own`` is True for the profile's pod. ``left`` is the rate limit's remaining requests.
    """
    room = max(8, width - 11)

    def line(label: str, text: str, tone: str = Tone.PLAIN) -> list[Content]:
        parts = wrapped(text, room, tone, 4) if text else []
        return [row(label if not i else "", part, width=11) for i, part in enumerate(parts)]

    word = POD[pod.status]
    asked = f"  (requested: {pod.desired})" if pod.desired not in (None, pod.status) else ""
    lines = [row("state", (str(word), word.tone), (asked, Tone.WARN), width=11)]
    lines += line("can", legal_words(pod))
    lines += line("profile", "this profile's pod" if own else "not this profile's pod", Tone.FAINT)
    lines += line("id", safe(pod.id))
    lines += line("gpu", _gpu_words(pod), Tone.BAD if pod.lost_its_gpu else Tone.PLAIN)
    lines += line("machine", _machine(pod))
    lines += line("cost now", money(pod.cost_per_hour))
    if pod.status.is_up:
        lines += line("stopped", f"{money(pod.cost_per_hour_stopped)} (RunPod shows 0)", Tone.FAINT)
    lines += line("up", "" if pod.uptime_s is None else words.duration(pod.uptime_s))
    lines += line("place", " · ".join(filter(None, (safe(pod.data_centre or ""), str(pod.cloud or "")))))
    lines += line("image", safe(pod.image), Tone.FAINT)
    lines += line("disks", _disks(pod))
    lines += line(
        "ssh", f"ssh {pod.ssh.user}@{pod.ssh.host} -p {pod.ssh.port}" if pod.ssh else "no address now"
    )
    for index, port in enumerate(pod.ports):
        tone = f"bold {Tone.BAD}" if port.protocol == "http" else Tone.PLAIN
        url = pod.proxy_url(port.private)
        reachable_at = f"{PUBLIC} {port_text(port)}, without a password: {url}" if url else port_text(port)
        lines += line("ports" if not index else "", reachable_at, tone)
    lines += line("env", _names(pod), Tone.FAINT)
    lines += line("why", safe(pod.last_change), Tone.FAINT)
    if left is not None:
        lines += line(
            "limits",
            f"RunPod allows {left.left} of {left.quota} more requests this {left.window}",
            Tone.FAINT,
        )
    lines += line("last read", f"{words.age(pod.read_at, now)} ago", Tone.FAINT)
    return lines


def _names(pod: Pod) -> str:
    """Return the names of the environment variables without their values.

    Values may be secret, and every key of the account can read them.
    """
    return ", ".join(safe(name) for name in sorted(pod.env))


def _gpu_words(pod: Pod) -> str:
    if pod.lost_its_gpu:
        return f"rented with {gpu(pod)}, started without one"
    return gpu(pod) + (f" · {pod.gpu_vram_gb} GB" if pod.gpu_vram_gb else "")


def _machine(pod: Pod) -> str:
    parts = [] if pod.vcpu_count is None else [f"{pod.vcpu_count:g} vCPU"]
    parts += [] if pod.ram_gb is None else [f"{pod.ram_gb:g} GB RAM"]
    parts += [f"CUDA {safe(pod.cuda)}"] if pod.cuda else []
    return " · ".join(parts)


def _disks(pod: Pod) -> str:
    parts = [f"container {pod.container_disk_gb} GB"] if pod.container_disk_gb else []
    where = safe(pod.volume_path or "")
    if pod.volume_disk_gb:
        parts.append(f"volume {pod.volume_disk_gb} GB at {where}, deleted with the pod")
    if pod.network_volume_id:
        size = "" if pod.network_volume_gb is None else f" {pod.network_volume_gb} GB"
        parts.append(f"network volume {safe(pod.network_volume_id)}{size} at {where}")
    return " · ".join(parts)


def first(pods: tuple[Pod, ...], own_id: str | None) -> tuple[Pod, ...]:
    """Sort the pods: the profile's, then active, stopped and terminated pods, each group by name."""
    order = {PodStatus.TERMINATED: 2, PodStatus.STOPPED: 1}
    return tuple(sorted(pods, key=lambda p: (p.id != own_id, order.get(p.status, 0), p.name, p.id)))


def total(pods: tuple[Pod, ...]) -> str:
    """Return the count and total rate: ``3 pods · $0.83/h now``. Pods of unknown price are counted apart."""
    known = [pod.cost_per_hour for pod in pods if pod.cost_per_hour is not None]
    unknown = len(pods) - len(known)
    sums = rate_text(sum(known, Decimal(0))) + (f" plus {unknown} of unknown price" if unknown else "")
    return f"{words.plural(len(pods), 'pod')} · {elide(sums, 60)} now"
