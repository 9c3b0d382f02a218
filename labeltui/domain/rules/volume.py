"""Texts on the space of the pod's volume, computed from the session state."""

from __future__ import annotations

from labeltui.domain.pod.volume import GB, volume_bytes
from labeltui.domain.state import SessionState

NEARLY_FULL = 95.0  # percent


def full_note(state: SessionState) -> str:
    """A sentence for the question before a stop, if the pod's volume is nearly full. Else empty."""
    metrics = state.metrics.value
    if metrics is None or volume_bytes(state.pod.value, metrics) is None or not metrics.disk_total:
        return ""
    if metrics.disk_used is None or 100 * metrics.disk_used <= NEARLY_FULL * metrics.disk_total:
        return ""
    used, total = metrics.disk_used, metrics.disk_total
    return (
        f"Its volume is {100 * used / total:.0f} % full ({used / GB:.1f} of {total / GB:.1f} GB{summed(state)}): "
        "the newest labels and models may be incomplete."
    )


def summed(state: SessionState) -> str:
    """The age of the used space, as ``, summed 4 min ago``. Empty if the value is current."""
    metrics, now = state.metrics.value, state.metrics.as_of
    if metrics is None or metrics.disk_read_at is None or now is None:
        return ""
    return f", summed {max(1, round((now - metrics.disk_read_at).total_seconds() / 60))} min ago"
