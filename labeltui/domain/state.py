"""The state of a session, as one frozen value that the console shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from labeltui.domain.reading import Reading

if TYPE_CHECKING:  # keeps first paint light: an empty console has none of these values
    from labeltui.domain.consoles import OtherConsole
    from labeltui.domain.guard.status import GuardStatus
    from labeltui.domain.host import HostMetrics, HostStatus, Prepared, TunnelStatus
    from labeltui.domain.invitations import Invitations
    from labeltui.domain.labels.copies import LabelCopies
    from labeltui.domain.models import Models
    from labeltui.domain.money import Account, Spend
    from labeltui.domain.pod.events import PodEvent
    from labeltui.domain.pod.load import LoadSample
    from labeltui.domain.pod.pod import Pod
    from labeltui.domain.server.server import ServerInfo, ServerStatus
    from labeltui.domain.studies.study import StudyQueue
    from labeltui.domain.studies.worklist import Worklist
    from labeltui.domain.training.record import TrainingRecord
    from labeltui.domain.training.training import TrainStatus


class Level(StrEnum):
    """The severity of an alert."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that the operator should know. A later alert with the same ``key`` replaces this one."""

    key: str
    level: Level
    message: str
    hint: str
    at: datetime
    log_line: int | None = None  # line of the server log with the evidence


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of this session, always on screen so that nobody acts on the wrong one."""

    profile: str
    read_only: bool = False
    demo: bool = False
    scenario: str = ""
    rents: bool = False  # the profile uses RunPod
    client_id: str = "labeltui"  # by which this console fetches studies


@dataclass(frozen=True, slots=True)
class RequestsLeft:
    """RunPod's rate limit for the account in one window, from its last answer."""

    left: int
    quota: int
    window: str  # "minute", "hour", "day"


@dataclass(frozen=True, slots=True)
class SessionState:
    """One snapshot of the session. Each field is replaced whole by the poller that owns it."""

    identity: Identity
    host: Reading[HostStatus] = field(default_factory=Reading)
    metrics: Reading[HostMetrics] = field(default_factory=Reading)
    tunnel: Reading[TunnelStatus] = field(default_factory=Reading)
    server: Reading[ServerStatus] = field(default_factory=Reading)
    info: Reading[ServerInfo] = field(default_factory=Reading)
    queue: Reading[StudyQueue] = field(default_factory=Reading)
    training: Reading[TrainStatus] = field(default_factory=Reading)
    alerts: tuple[Alert, ...] = ()  # oldest first
    log_errors: int = 0  # number of errors in the output of the shown run
    demo_step: str = ""  # the step of the demo's own start-up that is running
    pod: Reading[Pod] = field(default_factory=Reading)
    account: Reading[Account] = field(default_factory=Reading)
    pods: Reading[tuple[Pod, ...]] = field(
        default_factory=Reading
    )  # pods of the account, read only while they are on screen
    pod_events: tuple[PodEvent, ...] = ()  # oldest first
    loads: tuple[LoadSample, ...] = ()  # oldest first
    requests_left: RequestsLeft | None = None
    labels: Reading[LabelCopies] = field(default_factory=Reading)  # copies of the labels on this machine
    spend: Reading[Spend] = field(default_factory=Reading)  # costs of today and of this session
    guard: Reading[GuardStatus] = field(default_factory=Reading)
    trainings: tuple[TrainingRecord, ...] = ()  # of this server and earlier ones, oldest first
    invitations: Reading[Invitations] = field(default_factory=Reading)
    day_ended: bool = False  # by labeltui, and neither pod nor server was started since
    report_written: bool = False  # to a file, since the day was ended
    session_began: datetime | None = None  # the start of its first server; None if unknown
    worklist: Reading[Worklist] = field(default_factory=Reading)
    models: Reading[Models] = field(default_factory=Reading)  # on the host, and their copies on this machine
    consoles: Reading[tuple[OtherConsole, ...]] = field(default_factory=Reading)  # the others on this host
    cut_off: frozenset[str] = frozenset()  # studies whose image file on the host is known to lack its end
    prepared: Reading[Prepared] = field(default_factory=Reading)  # MONAI Label and studies on the host
