"""The state of one emulated account: pods, volumes, keys and money. Does no I/O and starts no tasks.

:mod:`.timeline` and :mod:`.life` change this state.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from labeltui.sandbox.runpod.world import money
from labeltui.sandbox.runpod.world.catalog import Catalog, default_catalog
from labeltui.sandbox.runpod.world.clock import Clock, RealClock
from labeltui.sandbox.runpod.world.faults import Faults
from labeltui.sandbox.runpod.world.pods import BILLED, Pod
from labeltui.sandbox.runpod.world.refusals import Refusal


class Hardware(Protocol):
    """The hardware that runs the containers. Every method returns at once and may finish the work later."""

    def container_up(self, pod: Pod) -> None:
        """Start the pod's container, then call :meth:`World.container_ready`."""
        ...

    def container_down(self, pod: Pod) -> None:
        """End the container and its processes, and wipe the container disk."""
        ...

    def move(self, pod: Pod) -> None:
        """Give a running pod another public port."""
        ...

    def discard(self, volume_key: str) -> None:
        """Destroy the data of a volume."""
        ...


@dataclass(slots=True)
class Timing:
    """Durations of the stages of a pod's start, in seconds."""

    provision: float = 1.0
    pull: float = 4.0
    boot: float = 1.0
    ports: float = 1.0  # delay from RUNNING until the API reports the ports
    old_ports: float = 0.0  # how long the API reports the old port after a new start
    stale: float = 60.0  # how long GraphQL reports the runtime of a stopped pod


@dataclass(slots=True)
class Volume:
    """A network volume of ``size`` GB."""

    id: str
    name: str
    size: int
    center: str
    type: str
    created_at: datetime


@dataclass(slots=True)
class Key:
    """An API key. ``scope`` is all, read or none. If ``pod`` is set, the key belongs to this pod."""

    scope: str = "all"
    pod: str | None = None


@dataclass(slots=True)
class World:
    """One account with its pods, volumes, keys and money."""

    clock: Clock = field(default_factory=RealClock)
    catalog: Catalog = field(default_factory=default_catalog)
    timing: Timing = field(default_factory=Timing)
    funds: Decimal = Decimal("25.00")  # USD paid in so far
    spend_limit: Decimal = Decimal(80)
    seed: int = 7
    hardware: Hardware | None = None
    faults: Faults = field(default_factory=Faults)
    pods: dict[str, Pod] = field(default_factory=dict)
    gone: dict[str, tuple[Pod, datetime]] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    ssh_keys: list[str] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    ledger: money.Ledger = field(default_factory=money.Ledger)
    extra_env: dict[str, str] = field(default_factory=dict)  # environment variables for every pod
    proxy: tuple[str, int] = ("ssh.runpod.io", 22)  # address of the proxy shell
    broke: bool = False
    _chance: random.Random | None = None

    # ------------------------------------------------------------------ time and money
    @property
    def now(self) -> datetime:
        """The present time of the emulated account."""
        return self.clock.now()

    def balance(self) -> Decimal:
        """Return the USD left. Negative if storage is still billed after the money has run out."""
        return self.funds - self.ledger.spent(self.now)

    def meter(self, pod: Pod, at: datetime) -> None:
        """Start billing the pod at its present rates. ``at`` is the time at which they begin to apply."""
        self.ledger.set_rates(pod.id, pod.rates(), at)

    # ------------------------------------------------------------------ pods
    def pod(self, pod_id: str) -> Pod:
        """Find a pod; raises :class:`Refusal` 404."""
        pod = self.pods.get(pod_id)
        if pod is None or self.faults.take("hidden", pod=pod_id) is not None:
            raise Refusal(404, "pod not found")
        return pod

    def list_pods(self) -> list[Pod]:
        """List the pods, newest first. The fault ``list_lag`` makes the list outdated."""
        pods = list(self.pods.values())
        lag = self.faults.take("list_lag")
        if lag is not None:
            edge = self.now - timedelta(seconds=float(lag.get("seconds", 10)))
            pods = [pod for pod in pods if pod.created_at <= edge]
            pods += [pod for pod, at in self.gone.values() if at > edge]
        return sorted(pods, key=lambda pod: (pod.created_at, pod.id), reverse=True)

    def container_ready(self, pod: Pod, start: int, mapping: dict[int, int], lines: list[str]) -> None:
        """Record that the container of start number ``start`` is running. Ignored if this start is over."""
        if pod.starts != start or pod.status != "RUNNING":
            return
        pod.log.add(self.now, "container", *lines)
        if "no_ports" not in pod.start_faults:
            pod.mapping = mapping

    # ------------------------------------------------------------------ ids and rates
    def compute_rate(self) -> Decimal:
        """Return the USD per hour for the compute of all pods."""
        return sum((pod.cost for pod in self.pods.values() if pod.status in BILLED), Decimal(0))

    def new_id(self, length: int = 14) -> str:
        """Make up an id in RunPod's format."""
        if self._chance is None:
            self._chance = random.Random(self.seed)
        return "".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))

    def new_key(self, pod_id: str) -> str:
        """Make an API key that permits requests for one pod only."""
        key = f"rpa_{self.new_id(32).upper()}"
        self.keys[key] = Key(pod=pod_id)
        return key
