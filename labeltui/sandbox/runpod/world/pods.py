"""A rented pod: specification, observed state and scheduled steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from labeltui.sandbox.runpod.world import money
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.support.subscribers import Subscribers

ACTIONS: dict[str, tuple[str, ...]] = {
    "PROVISIONING": ("stop", "terminate"),
    "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
    "TERMINATED": (),
}
"""The actions that each observed status allows."""

BILLED = ("PROVISIONING", "STARTING", "RUNNING")


@dataclass(frozen=True, slots=True)
class Mount:
    """A pod's only mount: a volume disk of ``size`` GB on the host, or a network volume by id."""

    path: str
    size: int = 0
    volume: str | None = None


@dataclass(slots=True)
class Spec:
    """A validated create request with all defaults filled in."""

    name: str
    image: str
    disk: int
    args: str = ""
    ports: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    registry: str | None = None
    cloud: str = "SECURE"
    gpu: str | None = None
    gpu_count: int = 1
    cuda: tuple[str, ...] | None = None  # acceptable versions; None: any
    cpu: str | None = None
    vcpus: int = 2
    mount: Mount | None = None
    centers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    global_network: bool = False
    start_ssh: bool = False
    start_jupyter: bool = False
    template: str | None = None
    stop_after: datetime | None = None
    terminate_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a pod's log. ``number`` orders lines with equal times."""

    number: int
    at: datetime
    source: str
    text: str

    @property
    def id(self) -> str:
        """The event id. A client that resumes a stream sends the last id."""
        return f"{rfc3339(self.at)}/{self.number:012d}"


class PodLog:
    """The merged container log and system log of a pod."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.ended = False
        self._listeners: Subscribers[[]] = Subscribers()

    def add(self, at: datetime, source: str, *texts: str) -> None:
        """Append lines and notify the listeners."""
        for text in texts:
            self.lines.append(Line(len(self.lines) + 1, at, source, text))
        self._listeners.notify()

    def end(self) -> None:
        """Mark the log as complete because the pod is gone."""
        self.ended = True
        self._listeners.notify()

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call ``heard`` after every change. Calling the returned function ends the subscription."""
        return self._listeners.add(heard)


@dataclass(slots=True)
class Pod:
    """A pod's current state. Each edit replaces ``spec``."""

    id: str
    spec: Spec
    created_at: datetime
    center: str
    cuda: str | None
    gpu_price: Decimal  # USD per GPU and hour, fixed when rented
    host_token: str
    machine: str
    api_key: str  # the pod's own API key
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    change: str = ""  # lastStatusChange in GraphQL
    started_at: datetime | None = None
    starts: int = 0  # containers started so far
    gpus: int = 0  # attached now
    host_taken_at: datetime | None = None  # when its GPU is rented to another user
    locked: bool = False
    volume_key: str | None = None
    mapping: dict[int, int] = field(default_factory=dict)  # private to public ports, for this start
    old_mapping: dict[int, int] = field(default_factory=dict)
    ports_at: datetime | None = None
    old_until: datetime | None = None
    exited_at: datetime | None = None
    plan: list[tuple[datetime, str]] = field(default_factory=list)
    start_faults: dict[str, dict[str, object]] = field(default_factory=dict)
    pulled: str | None = None  # the image that its host has downloaded
    load: dict[str, int] = field(default_factory=lambda: {"gpu": 0, "gpuMemory": 1, "cpu": 3, "memory": 9})
    log: PodLog = field(default_factory=PodLog)

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that the pod's status allows."""
        return ACTIONS[self.status]

    @property
    def cost(self) -> Decimal:
        """USD per hour for compute. 0 for a stopped pod, although its disk is still billed."""
        if self.status not in BILLED:
            return Decimal(0)
        return self.gpu_price * (self.spec.vcpus if self.spec.cpu else self.gpus)

    def rates(self) -> dict[str, Decimal]:
        """Return the USD per hour by kind, including disks."""
        if self.status == "TERMINATED":
            return {}
        billed = self.status in BILLED
        disk = money.per_hour(self.spec.disk, money.CONTAINER_DISK) if billed else Decimal(0)
        mount = self.spec.mount
        if mount is not None and mount.volume is None:
            disk += money.per_hour(mount.size, money.VOLUME_RUNNING if billed else money.VOLUME_STOPPED)
        return {"cpu" if self.spec.cpu else "gpu": self.cost, "disk": disk}

    def ports(self, now: datetime) -> dict[int, int]:
        """Return the port mapping that the API reports. The mapping may appear late or be outdated."""
        if self.status != "RUNNING" or self.ports_at is None or now < self.ports_at:
            return {}
        if self.old_until is not None and now < self.old_until and self.old_mapping:
            return self.old_mapping
        return self.mapping

    def schedule(self, start: datetime, *steps: tuple[float, str]) -> None:
        """Replace the plan. Each step gives its delay in seconds after the previous step."""
        at, plan = start, []
        for wait, step in steps:
            at += timedelta(seconds=wait)
            plan.append((at, step))
        self.plan = plan
