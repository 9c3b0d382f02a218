"""Everything the console shows, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from labeltui.domain.host import HostMetrics, HostStatus, TunnelStatus
from labeltui.domain.pod.load import LoadSample
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerInfo, ServerStatus
from labeltui.domain.study import StudyQueue
from labeltui.domain.training.training import TrainStatus

if TYPE_CHECKING:  # on the way to first paint; decimals and hashes are not needed for it
    from labeltui.domain.guard.status import GuardStatus
    from labeltui.domain.labels.copies import LabelCopies
    from labeltui.domain.money import Account, Spend
    from labeltui.domain.pod.events import PodEvent
    from labeltui.domain.pod.pod import Pod


class Level(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something the operator should know. ``key`` makes a later alert about the same thing replace this one."""

    key: str
    level: Level
    message: str
    hint: str
    at: datetime
    log_line: int | None = None  # where in the server log the evidence is


@dataclass(frozen=True, slots=True)
class Identity:
    """Which session this is; shown in the strip so that nobody acts on the wrong one."""

    profile: str
    read_only: bool = False
    demo: bool = False
    scenario: str = ""
    rents: bool = False  # whether the profile is on RunPod


@dataclass(frozen=True, slots=True)
class RequestsLeft:
    """What RunPod still takes from the account in one window, as it said with its last answer."""

    left: int
    quota: int
    window: str  # "minute", "hour", "day"


@dataclass(frozen=True, slots=True)
class SessionState:
    """One snapshot of the session. Each field is replaced whole by the source that owns it."""

    identity: Identity
    host: Reading[HostStatus] = field(default_factory=Reading)
    metrics: Reading[HostMetrics] = field(default_factory=Reading)
    tunnel: Reading[TunnelStatus] = field(default_factory=Reading)
    server: Reading[ServerStatus] = field(default_factory=Reading)
    info: Reading[ServerInfo] = field(default_factory=Reading)
    queue: Reading[StudyQueue] = field(default_factory=Reading)
    training: Reading[TrainStatus] = field(default_factory=Reading)
    alerts: tuple[Alert, ...] = ()  # oldest first
    log_errors: int = 0  # in the output of the run that is shown
    doing: str = ""  # what runs that nobody at the keyboard started: the demo's own first steps
    pod: Reading[Pod] = field(default_factory=Reading)
    account: Reading[Account] = field(default_factory=Reading)
    pods: Reading[tuple[Pod, ...]] = field(
        default_factory=Reading
    )  # all of the account, while somebody looks
    pod_events: tuple[PodEvent, ...] = ()  # oldest first
    loads: tuple[LoadSample, ...] = ()  # oldest first
    requests_left: RequestsLeft | None = None
    labels: Reading[LabelCopies] = field(default_factory=Reading)  # copies of them on this machine
    spend: Reading[Spend] = field(default_factory=Reading)  # what the pod has cost, today and in this session
    guard: Reading[GuardStatus] = field(default_factory=Reading)
