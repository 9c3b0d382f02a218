"""The host: its connection, its load, and the tunnel to its server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeltui.domain.problems import Problem
from labeltui.domain.states import LinkState, TunnelState


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The connection to one host. ``address`` has the form of an argument of ``ssh``."""

    name: str
    kind: str  # "ssh" | "local"
    address: str
    state: LinkState = LinkState.OFFLINE
    since: datetime | None = None
    detail: str = ""  # the reason for the state
    next_try_at: datetime | None = None
    reconnects: int = 0
    system: str = ""  # from the agent, such as "Linux 6.1 x86_64"
    user: str = ""
    latency_ms: float | None = None

    @property
    def connected_since(self) -> datetime | None:
        """When the present connection was made; None without one."""
        return self.since if self.state is LinkState.CONNECTED else None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as nvidia-smi reports it: memory in MiB, utilisation in percent, temperature in °C, power in W."""

    index: int
    name: str
    memory_used_mib: int | None
    memory_total_mib: int | None
    utilisation_pct: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None


@dataclass(frozen=True, slots=True)
class HostMetrics:
    """A sample of the host's load. Memory and disk are in bytes, within the container's limits if there are any."""

    gpus: tuple[Gpu, ...] = ()
    cpu_pct: float | None = None  # of all cores, 0..100
    cpu_count: int | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    disk_used: int | None = None
    disk_total: int | None = None
    disk_path: str = ""
    disk_read_at: datetime | None = None  # when the used space was summed; None for now
    gpu_error: str = ""  # why nvidia-smi fails, if it does


URL_OPENS = "while a console or `labeltui tunnel` is open"
"""When Slicer's URL can be reached. A command forwards another port, and only until it ends."""


@dataclass(frozen=True, slots=True)
class TunnelStatus:
    """The local port that leads to the server on the host."""

    state: TunnelState = TunnelState.DOWN
    local_port: int | None = None
    preferred_port: int | None = None
    remote_port: int = 8000
    reconnects: int = 0
    detail: str = ""
    problem: Problem | None = None  # why it failed
    port_reason: str = ""  # why local_port is not the server's port
    url_open: bool = (
        True  # whether a program holds the URL open for Slicer; a command's own requests do not need it
    )

    @property
    def url(self) -> str | None:
        """The address for Slicer; None while no local port is open."""
        return None if self.local_port is None else f"http://127.0.0.1:{self.local_port}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a host has for the profile's server, whether or not one runs.

    ``studies`` is True if the folder of studies has a file; None if that is unknown, as for DICOMweb.
    """

    installed: bool  # MONAI Label, with the profile's app
    studies: bool | None = None
