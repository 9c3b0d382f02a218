"""The used and the total space of a pod's volume.

On some volumes the file system reports the size of a whole cluster; RunPod then has the volume's size.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.host import HostMetrics
    from labeltui.domain.pod.pod import Pod

GB = 10**9
CLUSTER_FACTOR = 1.2  # a file system this much larger than the volume reports something else


def cluster_volume(pod: Pod | None, metrics: HostMetrics) -> str | None:
    """The volume's mount point, if the disk in a sample is the whole cluster that the volume is a part of.

    Else None.
    """
    size = volume_bytes(pod, metrics)
    if pod is None or size is None or metrics.disk_total is None:
        return None
    return pod.volume_path if metrics.disk_total > CLUSTER_FACTOR * size else None


def of_volume(
    metrics: HostMetrics, pod: Pod | None, used: int | None, read_at: datetime | None
) -> HostMetrics:
    """Return the sample with the volume's figures in place of the cluster's.

    These are its size and the used space that the agent has summed at ``read_at``.
    """
    return replace(metrics, disk_total=volume_bytes(pod, metrics), disk_used=used, disk_read_at=read_at)


def volume_bytes(pod: Pod | None, metrics: HostMetrics) -> int | None:
    """Size in bytes of the volume, if the disk in a sample is on it.

    None if it is on another disk, or the size is unknown.
    """
    if pod is None or not pod.volume_path:
        return None
    mount = pod.volume_path.rstrip("/")
    gigabytes = (pod.network_volume_gb if pod.network_volume_id else pod.volume_disk_gb) or 0
    inside = f"{metrics.disk_path}/".startswith(f"{mount}/")
    return gigabytes * GB if inside and gigabytes else None
