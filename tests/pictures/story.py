"""A session of the demo as frames: a study is fetched, its label comes home, and a model learns from it.

The values are those of ``labeltui demo``: its pod, prices, studies and annotators, and the lines of its server. Times
and numbers are fixed, so that the pictures are the same each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from labeltui.domain.guard.status import GuardStatus, StopMethod, Use
from labeltui.domain.host import Gpu, HostMetrics, HostStatus, Prepared, TunnelStatus
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.money import Account, Spend
from labeltui.domain.pod.pod import Cloud, Pod, PodAction, PodStatus, Port, SshEndpoint
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ModelInfo, ServerInfo, ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState, TunnelState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus

BEGAN = datetime(2026, 11, 23, 17, 2, 4, tzinfo=UTC)
EPOCHS = 20
COST = Decimal("0.14")
GIB = 1024**3
NAMES = tuple(f"spleen_{number:03d}" for number in (2, 3, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18))
PROMPT = b"root@annot-demo:~# "
SHELL = (
    PROMPT + b"nvidia-smi --query-gpu=name,memory.total --format=csv\r\nname, memory.total [MiB]\r\n"
    b"NVIDIA RTX A5000, 24564 MiB\r\n" + PROMPT
)


@dataclass(frozen=True)
class Scene:
    """What happens until a frame: the time that passes, log lines, and keys. ``seconds`` is how long it is shown."""

    at: datetime
    state: SessionState
    log: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    seconds: float = 0.8


class Day:
    """The values of the session, which the scenes change."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.labelled = {name: ("ana", "ben")[index % 2] for index, name in enumerate(NAMES[:5])}
        self.submitted = {
            name: BEGAN - timedelta(minutes=14 - 2 * index) for index, name in enumerate(NAMES[:5])
        }
        self.open = {NAMES[5]: ("ben", BEGAN - timedelta(seconds=40))}
        self.here = 5
        self.epoch = 0
        self.train_began = BEGAN

    def log(self, logger: str, text: str, child: bool = False) -> str:
        """A line of the server's log, now."""
        stamp = f"{self.now:%Y-%m-%d %H:%M:%S},{self.now.microsecond // 1000:03d}"
        pid = 2210 if child else 1874
        return f"[{stamp}] [{pid}] [MainThread] [INFO] ({logger}) - {text}"

    def passed(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def points(self) -> tuple[EpochPoint, ...]:
        """The finished epochs."""
        return tuple(
            EpochPoint(one, round(3.4 / (1 + 0.22 * one) + 0.05 * (one % 3), 4), {"val_mean_dice": dice(one)})
            for one in range(1, self.epoch + 1)
        )

    def state(self) -> SessionState:
        """The session now."""
        return SessionState(
            Identity("demo", demo=True, scenario="story", rents=True),
            self._fresh(self._host()), self._fresh(self._metrics()),
            self._fresh(TunnelStatus(TunnelState.UP, 8000, 8000, 8000)), self._fresh(self._server()),
            self._fresh(self._info()), self._fresh(self._queue()), self._fresh(self._training()),
            pod=self._fresh(self._pod()), account=self._fresh(Account(Decimal("24.86"), Decimal("0.29"))),
            labels=self._fresh(self._copies()), guard=self._fresh(self._guard()),
            spend=self._fresh(Spend(COST, BEGAN - timedelta(minutes=28), Decimal("0.29"), COST, self.now)),
            prepared=self._fresh(Prepared(True, True)),
        )  # fmt: skip

    def _fresh(self, value: Any) -> Reading[Any]:
        return Reading(value, self.now, 0.02, None, 0, 5.0)

    def _host(self) -> HostStatus:
        return HostStatus(
            "demo", "ssh", "root@127.0.0.1:40022", LinkState.CONNECTED, BEGAN - timedelta(minutes=26), "", None, 0,
            "Linux 6.1 x86_64", "root", 21.0,
        )  # fmt: skip

    def _metrics(self) -> HostMetrics:
        busy = 0 < self.epoch < EPOCHS
        load = 91.0 + self.epoch % 4 if busy else 0.0
        used = 9830 if busy else 1210
        return HostMetrics(
            (Gpu(0, "NVIDIA RTX A5000", used, 24564, load, 67.0 if busy else 38.0, 212.0 if busy else 26.0),),
            34.0 if busy else 6.0, 9, 11 * GIB if busy else 6 * GIB, 50 * GIB, 31 * GIB, 100 * GIB, "/workspace",
        )  # fmt: skip

    def _server(self) -> ServerStatus:
        return ServerStatus(
            ServerState.RUNNING, "http://127.0.0.1:8000", 1874, None, "radiology", ("deepedit",), "/root/studies",
            "0.8.5",
            run_id="r1", log_path="/root/labeltui/r1.log", started_at=BEGAN - timedelta(minutes=16),
        )  # fmt: skip

    def _info(self) -> ServerInfo:
        model = ModelInfo("deepedit", config={"max_epochs": EPOCHS, "name": "train_01"})
        return ServerInfo("Radiology", "0.8.5", models={"deepedit": model}, trainers={"deepedit": model})

    def _queue(self) -> StudyQueue:
        studies = tuple(self._study(name) for name in NAMES)
        return StudyQueue(len(studies), len(self.labelled), studies)

    def _study(self, name: str) -> Study:
        if name in self.labelled:
            return Study(name, {"final": self.submitted[name]}, authors={"final": self.labelled[name]})
        fetch = self.open.get(name)
        return Study(name, {}, (Fetch("worklist", *fetch),) if fetch else ())

    def _copies(self) -> LabelCopies:
        last = list(self.labelled)[self.here - 1]
        missing = tuple(f"final/{name}.nii.gz" for name in list(self.labelled)[self.here :])
        return LabelCopies(
            len(self.labelled), self.here, "~/demo-labels", missing, last=f"final/{last}.nii.gz",
            last_at=self.now, last_by=self.labelled[last], source="annot-demo",
        )  # fmt: skip

    def _guard(self) -> GuardStatus:
        method = "the pod's own key"
        use = Use("label", 60.0, self.now, "a label by ana")
        return GuardStatus(
            "watching", "Idle stop in 44 min; idle 1 min, last use: a label by ana.", cause="idle", left_s=2640.0,
            idle_s=2700.0, uses=(use,), uncopied=len(self.labelled) - self.here, method=method,
            methods=(StopMethod(method, True, "proven"),),
        )  # fmt: skip

    def _training(self) -> TrainStatus:
        points = self.points()
        if not points:
            return TrainStatus(TrainState.IDLE)
        best = max(points, key=lambda one: one.metrics["val_mean_dice"])
        done = self.epoch == EPOCHS
        lines = tuple(
            f"Epoch: {self.epoch}/{EPOCHS}, Iter: {number}/5 -- train_loss: {points[-1].loss:.4f}"
            for number in (4, 5)
        )
        return TrainStatus(
            TrainState.DONE if done else TrainState.RUNNING, "deepedit", "b41f", self.epoch, EPOCHS,
            None if done else 5, 5, Best("val_mean_dice", best.metrics["val_mean_dice"], best.epoch),
            None if done else 1.5 * (EPOCHS - self.epoch), None, points, points[-1].loss, lines, 0,
            self.train_began, self.now if done else None,
        )  # fmt: skip

    def _pod(self) -> Pod:
        return Pod(
            "k7x9m2qabc", "annot-demo", PodStatus.RUNNING, self.now,
            actions=(PodAction.STOP, PodAction.RESTART, PodAction.TERMINATE), image="runpod/pytorch:2.8.0",
            gpu_id="NVIDIA RTX A5000", gpu_name="RTX A5000", gpu_count=1, gpu_vram_gb=24, gpus_attached=1,
            vcpu_count=9, ram_gb=50, container_disk_gb=50, volume_disk_gb=100, volume_path="/workspace",
            ports=(Port(22, "tcp", 40022, "127.0.0.1"),), cloud=Cloud.SECURE, data_centre="EU-RO-1", cuda="12.8",
            compute_per_hour=Decimal("0.27"), ssh=SshEndpoint("127.0.0.1", 40022, "root"), uptime_s=1680,
            created_at=BEGAN - timedelta(minutes=28), started_at=BEGAN - timedelta(minutes=28), has_runtime=True,
        )  # fmt: skip


def dice(epoch: int) -> float:
    """The validation score after an epoch."""
    return round(0.93 - 0.86 / (1 + 0.42 * epoch) - 0.012 * (epoch % 3), 4)


def scenes() -> Iterator[Scene]:
    """The session from its first frame to its last."""
    day = Day()
    yield Scene(day.now, day.state(), tuple(_started(day)), seconds=1.6)
    yield from _label(day, "ana", NAMES[6])
    yield Scene(day.now, day.state(), keys=("t",), seconds=1.8)
    day.passed(2)
    day.train_began = day.now
    asked = day.log("monailabel.utils.async_tasks.task:41", "Train request: {'model': 'deepedit'}")
    yield Scene(day.now, day.state(), (asked,), ("s",))
    for epoch in range(1, EPOCHS + 1):
        yield _trained(day, epoch)


def _trained(day: Day, epoch: int) -> Scene:
    """The end of an epoch. Meanwhile ana fetches the next study and submits its label, which is copied."""
    day.passed(1.5)
    day.epoch = epoch
    lines = _epoch(day, epoch)
    if epoch == 3:
        lines += _fetch(day, "ana", NAMES[7])
    if epoch == 10:
        lines += _submit(day, "ana", NAMES[7])
    if epoch == 11:
        day.here = len(day.labelled)
        lines += _fetch(day, "ana", NAMES[8])
    return Scene(day.now, day.state(), tuple(lines), seconds=0.5 if epoch < EPOCHS else 4.0)


def _started(day: Day) -> Iterator[str]:
    start = day.now
    day.now = start - timedelta(minutes=16)
    yield day.log("uvicorn.error:103", "Started server process [1874]")
    yield day.log("monailabel.interfaces.app:135", "Init Datastore for: /root/studies")
    yield day.log("uvicorn.error:62", "Application startup complete.")
    for name, when in list(day.submitted.items()):
        day.now = when
        yield _saved(day, name)
    day.now = start


def _saved(day: Day, name: str) -> str:
    return day.log("monailabel.endpoints.datastore:101", f"Saving Label for {name} for tag: final by admin")


def _label(day: Day, who: str, name: str) -> Iterator[Scene]:
    day.passed(3)
    fetched = _fetch(day, who, name)
    yield Scene(day.now, day.state(), tuple(fetched), seconds=1.4)
    day.passed(9)
    saved = _submit(day, who, name)
    yield Scene(day.now, day.state(), tuple(saved), seconds=1.4)
    day.passed(1)
    day.here += 1
    yield Scene(day.now, day.state(), seconds=1.6)


def _fetch(day: Day, who: str, name: str) -> list[str]:
    day.open[name] = (who, day.now)
    return [day.log("monailabel.endpoints.activelearning:60", f"Next sample: {{'id': '{name}'}}")]


def _submit(day: Day, who: str, name: str) -> list[str]:
    del day.open[name]
    day.labelled[name], day.submitted[name] = who, day.now
    return [_saved(day, name)]


def _epoch(day: Day, epoch: int) -> list[str]:
    stamp = f"{day.now:%Y-%m-%d %H:%M:%S},{day.now.microsecond // 1000:03d}"
    point = day.points()[-1]
    lines = [
        f"{stamp} - INFO - Epoch: {epoch}/{EPOCHS}, Iter: 5/5 -- train_loss: {point.loss:.4f}",
        f"{stamp} - INFO - Epoch[{epoch}] Metrics -- spleen_dice: {dice(epoch):.4f} val_mean_dice: {dice(epoch):.4f}",
    ]
    if epoch == EPOCHS:
        lines.append(
            day.log("monailabel.tasks.train.handler:86", "New Model published: model/deepedit.pt", child=True)
        )
    return lines
