"""Sample pods for the screens: the profile's own and four others, one with a hostile name."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from labeltui.domain.money import Account
from labeltui.domain.pod.events import PodEvent
from labeltui.domain.pod.load import LoadSample
from labeltui.domain.pod.pod import Cloud, Load, Pod, PodAction, PodStatus, Port, SshEndpoint
from labeltui.domain.state import RequestsLeft, SessionState
from tests.ui.fake_session import NOW, ago, connected, fresh

UP = (PodAction.STOP, PodAction.RESTART, PodAction.TERMINATE)
DOWN = (PodAction.START, PodAction.TERMINATE)
OWN = Pod(
    "k7x9m2qabc", "annot-a5000", PodStatus.RUNNING, ago(4), actions=UP, image="runpod/pytorch:2.8.0",
    gpu_id="NVIDIA RTX A5000", gpu_name="RTX A5000", gpu_count=1, gpu_vram_gb=24, gpus_attached=1,
    vcpu_count=9, ram_gb=50, container_disk_gb=50, volume_disk_gb=100, volume_path="/workspace",
    ports=(Port(22, "tcp", 40022, "203.0.113.7"),), cloud=Cloud.SECURE, data_centre="EU-RO-1", cuda="12.8",
    env={"PUBLIC_KEY": "ssh-ed25519 AAAA"}, compute_per_hour=Decimal("0.27"),
    ssh=SshEndpoint("203.0.113.7", 40022, "root"), load=Load(((93.0, 59.0),), 21.0, 44.0), uptime_s=11520,
    created_at=ago(90000), started_at=ago(11520),
)  # fmt: skip
OPEN = replace(
    OWN, id="p0p0public", name="jupyter [red]x[/] \x1b[31m", gpu_name="A100 80GB PCIe", gpu_count=2,
    compute_per_hour=Decimal("3.28"), ports=(Port(8888, "http"), Port(22, "tcp", 41000, "203.0.113.9")),
    data_centre="US-KS-2", uptime_s=300,
)  # fmt: skip
STOPPED = replace(
    OWN, id="s70pp3d", name="yesterday", status=PodStatus.STOPPED, actions=DOWN, ssh=None, uptime_s=None,
    compute_per_hour=Decimal(0), ports=(Port(22, "tcp"),), load=Load(),
)  # fmt: skip
LOCKED = replace(
    OWN, id="l0ck3d", name="study-7", locked=True, gpu_name="L4", compute_per_hour=Decimal("0.43")
)
MEMBER = replace(OWN, id="clu573r", name="node-0", cluster_id="c1", compute_per_hour=Decimal("2.00"))
PODS = (STOPPED, OPEN, OWN, LOCKED, MEMBER)
EVENTS = (
    PodEvent(ago(11600), "starting", "annot was stopped and is starting now."),
    PodEvent(ago(11520), "running", "annot was starting and is running now."),
    PodEvent(ago(11500), "restarted", "A new container runs: its host keys are new."),
    PodEvent(
        ago(600), "address", "The ssh address changed from root@203.0.113.7:40011 to root@203.0.113.7:40022."
    ),
)


def with_pod(pod: Pod = OWN, pods: tuple[Pod, ...] = PODS, balance: str = "18.40") -> SessionState:
    """The state of a session connected to ``pod``, with ``pods`` in the account's list."""
    return replace(
        connected(), pod=fresh(pod), pods=fresh(pods, every=10.0), pod_events=EVENTS,
        account=fresh(Account(Decimal(balance), Decimal("0.27"))),
        requests_left=RequestsLeft(58, 60, "minute"), loads=busy_loads(),
    )  # fmt: skip


LATER = NOW + timedelta(minutes=5)


def busy_loads(every: float = 5.0, count: int = 150, source: str = "agent") -> tuple[LoadSample, ...]:
    """Samples of a GPU whose load rises and falls, one each ``every`` seconds."""
    samples = []
    for index in range(count):
        wave = 50 + 45 * math.sin(index / 9)
        at = ago((count - index) * every)
        disk = 71.0 if source == "agent" else None
        samples.append(LoadSample(at, source, wave, 40 + index / 7, 20 + (index % 7), 44.0, disk))
    return tuple(samples)
