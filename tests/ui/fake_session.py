"""A fake session with a real store, and the states in which screens are tested."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textual.pilot import Pilot

from labeltui.config.model import Profile, ServerSection, ShellSection, SshSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.host import Gpu, HostMetrics, HostStatus, TunnelStatus
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ModelInfo, ServerInfo, ServerStatus
from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState, TunnelState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus
from labeltui.session.connection.shells import Shells
from labeltui.session.history.journal import Journal
from labeltui.session.models.folder import ModelFolder
from labeltui.session.runtime.store import Store
from labeltui.ui.app import Console
from tests.indexed_log import IndexedLog

NOW = datetime(2026, 11, 23, 17, 2, 48, tzinfo=UTC)
GIB = 1024**3
LOG = b"""[2026-11-23 17:02:11,683] [4242] [MainThread] [INFO] (datastore:101) - Saving label liver_042
[2026-11-23 17:02:14,120] [4301] [MainThread] [INFO] (ignite.engine:214) - Epoch 12/50 val_mean_dice 0.7130
[2026-11-23 17:02:20,004] [4242] [MainThread] [ERROR] (uvicorn.error:408) - Exception in ASGI application
Traceback (most recent call last):
  File "infer.py", line 12, in <module>
RuntimeError: CUDA out of memory. Tried to allocate 1.25 GiB
[2026-11-23 17:02:31,201] [4242] [MainThread] [INFO] (monailabel.activelearning:58) - Next sample: liver_077
"""


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def fresh(value: Any, *, old: float = 1.0, every: float = 5.0) -> Reading[Any]:
    return Reading(value, ago(old), 0.04, None, 0, every)


def studies() -> tuple[Study, ...]:
    listed = [
        Study(
            "liver_042",
            {"final": ago(60), "original": ago(9000)},
            (Fetch("random", "ana", ago(400)),),
            authors={"final": "ana"},
        ),
        Study("liver_077", {}, (Fetch("random", "ana", ago(30)),)),
        Study("liver_081", {}, (Fetch("first", "ben", ago(240)), Fetch("random", "ana", ago(300)))),
        Study("liver_012", {"original": ago(7300)}),
        Study("liver_014", {"original": ago(86500)}, review="flagged"),
    ]
    listed += [Study(f"liver_{number:03}") for number in range(100, 112)]
    listed += [Study(f"spleen_{n:03}", {"final": ago(3600 + 60 * n)}) for n in range(20, 26)]
    return tuple(listed)


def points(count: int) -> tuple[EpochPoint, ...]:
    return tuple(
        EpochPoint(
            e,
            0.9 / (1 + 0.35 * e) + 0.02 * (e % 3),
            {"val_mean_dice": 0.85 - 0.6 / (1 + 0.5 * e) - 0.015 * (e % 4)},
        )
        for e in range(1, count + 1)
    )


def training() -> TrainStatus:
    return TrainStatus(
        TrainState.RUNNING, "deepedit", "b41f", 12, 50, 7, 16, Best("val_mean_dice", 0.779, 11), 840.0, None,
        points(11), 0.211,
        ("Epoch: 12/50, Iter: 6/16 -- train_loss: 0.2204", "Epoch: 12/50, Iter: 7/16 -- train_loss: 0.2113"),
        1, ago(320),
    )  # fmt: skip


def connected() -> SessionState:
    host = HostStatus(
        "liver-ct", "ssh", "root@203.0.113.7:40022", LinkState.CONNECTED, ago(11520), "", None, 2,
        "Linux 6.1 x86_64", "root", 38.0,
    )  # fmt: skip
    metrics = HostMetrics(
        (Gpu(0, "NVIDIA RTX A5000", 14541, 24564, 93.0, 61.0, 118.0),), 21.0, 16, 22 * GIB, 50 * GIB,
        71 * GIB, 100 * GIB, "/workspace",
    )  # fmt: skip
    server = ServerStatus(
        ServerState.RUNNING, "http://127.0.0.1:8000", 4242, None, "radiology", ("deepedit", "segmentation"),
        "/workspace/studies", "0.8.5", started_at=ago(4000), run_id="r1", log_path="/workspace/r1.log",
    )  # fmt: skip
    listed = studies()
    trainer = ModelInfo("deepedit", config={"max_epochs": 50, "name": "train_01"})
    done = sum(1 for s in listed if "final" in s.tags)
    return SessionState(
        Identity("liver-ct"),
        fresh(host), fresh(metrics), fresh(TunnelStatus(TunnelState.UP, 8000, 8000, 8000, 2)), fresh(server),
        fresh(ServerInfo("Radiology", "0.8.5", models={"deepedit": trainer}, trainers={"deepedit": trainer})),
        fresh(StudyQueue(len(listed), done, listed)), fresh(training()),
        (
            Alert("oom", Level.ERROR, "CUDA out of memory in infer", "Restart the server.", ago(28)),
            Alert("twice", Level.WARNING, "liver_081 is open at two people (ben, ana)", "Ask.", ago(240)),
        ),
    )  # fmt: skip


def stale() -> SessionState:
    """Reconnecting: every value is 130 seconds old and its poll has failed."""
    state = connected()
    host = replace(
        state.host.value, state=LinkState.RECONNECTING, detail="Connection reset by peer",
        next_try_at=NOW + timedelta(seconds=4), since=ago(130),
    )  # fmt: skip

    def old(reading: Reading[Any]) -> Reading[Any]:
        return replace(reading, as_of=ago(130), error="the host is not connected", failures=4)

    return replace(
        state, host=fresh(host), metrics=old(state.metrics), tunnel=old(state.tunnel),
        server=old(state.server), info=old(state.info), queue=old(state.queue), training=old(state.training),
    )  # fmt: skip


def dead() -> SessionState:
    """The host refuses the connection, and no value has ever been read."""
    host = HostStatus(
        "liver-ct", "ssh", "root@203.0.113.7:40022", LinkState.REFUSED, ago(20),
        "The host key changed: pinned SHA256:aaaa, offered SHA256:bbbb.",
    )  # fmt: skip
    return SessionState(Identity("liver-ct"), fresh(host))


def crashed() -> SessionState:
    """The server crashed and left its training running."""
    problem = Problem(
        "oom", "The server ran out of GPU memory.", "Use a smaller spatial_size.", "Traceback\n  line"
    )
    left = Problem(
        "orphaned", "A training of deepedit (process 4301) is running, but its server has ended.",
        "Stop the training to free the GPU (`labeltui train stop`); a new server does not know of it.",
    )  # fmt: skip
    state = connected()
    return replace(
        state,
        server=fresh(replace(state.server.value, state=ServerState.CRASHED, exit_code=-9, problem=problem)),
        training=fresh(TrainStatus(TrainState.ORPHANED, "deepedit", pid=4301, started_at=ago(900), problem=left)),
        queue=Reading(), info=Reading(),
    )  # fmt: skip


def stopped() -> SessionState:
    """Connected, and no server was started."""
    state = connected()
    return replace(
        state, server=fresh(ServerStatus(ServerState.STOPPED)), tunnel=fresh(TunnelStatus()), info=Reading(),
        queue=Reading(), training=Reading(), alerts=(),
    )  # fmt: skip


STATES: Mapping[str, Callable[[], SessionState]] = {
    "connected": connected, "stale": stale, "dead": dead, "crashed": crashed, "stopped": stopped,
    "empty": lambda: SessionState(Identity("liver-ct")),
}  # fmt: skip


class SilentShell:
    """A shell that prints its prompt and nothing else."""

    def __init__(self, prompt: bytes) -> None:
        self._prompt = prompt
        self.gone = asyncio.Event()

    async def read(self, limit: int = 65536) -> bytes:
        prompt, self._prompt = self._prompt, b""
        if not prompt:
            await self.gone.wait()
        return prompt

    def write(self, data: bytes) -> None:
        """Drop the input."""

    def resize(self, columns: int, rows: int) -> None:
        """Ignore the size."""

    async def wait(self) -> int | None:
        await self.gone.wait()
        return 0

    async def close(self) -> None:
        self.gone.set()

    def foreground(self) -> str | None:
        return ""


class _ShellHost:
    """The one method of a host that shells call; it opens the fake session's shells."""

    def __init__(self, session: FakeSession) -> None:
        self._session = session

    async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Any:
        return await self._session.open_shell(columns, rows, command)


class PastAlerts:
    """The alerts that have ended; a test may set them."""

    alerts: tuple[Alert, ...] = ()

    async def earlier(self) -> tuple[Alert, ...]:
        return self.alerts


class MemoryFolder:
    """A state folder that keeps its documents in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {"guide": {"hidden": True}}  # it has tests of its own

    def read(self, name: str) -> dict[str, Any]:
        return self.documents.get(name, {})

    def write(self, name: str, document: dict[str, Any]) -> None:
        self.documents[name] = document


class StoredTrainings:
    """A history that has only the trainings in the state."""

    async def load(self) -> None:
        """Do nothing, because the state has the trainings already."""


class FakeSession:
    """The parts of a session that the console uses. Its shells fail to open unless ``prompt`` is set."""

    prompt: bytes | None = None

    def __init__(self, state: SessionState, *, profile: Profile | None = None, log: bytes = LOG) -> None:
        self.name = state.identity.profile
        self.profile = profile or Profile(
            host="ssh",
            ssh=SshSection(address="root@203.0.113.7:40022"),
            server=ServerSection(models=("deepedit",)),
        )
        self.read_only = state.identity.read_only
        self.shells = Shells(self._host, ShellSection(tmux=False), self.name, read_only=self.read_only)
        self.demo = None
        self.store = Store(state)
        self.journal = Journal()
        self.alert_history = PastAlerts()
        self.trainings = StoredTrainings()
        self.state_folder = MemoryFolder()
        self.models = SimpleNamespace(folder=ModelFolder(Path("/nonexistent")))
        self.log = IndexedLog()
        if log:
            self.log.begin("r1", "/workspace/labeltui/r1.log")
            self.log.feed(0, log)
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.reconnects = 0
        self.closed = False

    def clock(self) -> datetime:
        return NOW

    async def start(self) -> None:
        """Do nothing, because a fake session has no pollers."""

    async def close(self) -> None:
        self.closed = True

    async def _host(self) -> Any:
        return _ShellHost(self)

    async def open_shell(self, columns: int, rows: int, command: str | None = None) -> Any:
        if self.prompt is not None:
            return SilentShell(self.prompt)
        from labeltui.domain.problems import Unreachable

        raise Unreachable(Code.NOT_CONNECTED, "The host is not connected.", "Wait, or press p c.")

    def watch_pods(self) -> Callable[[], None]:
        return lambda: None

    def reconnect(self) -> None:
        self.reconnects += 1


async def wait_for(pilot: Pilot[Any], holds: Callable[[], object], what: str = "the condition") -> None:
    """Let the app run until ``holds()``; fails after 20 seconds, naming ``what``."""
    end = time.monotonic() + 20.0
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        await pilot.pause(0.01)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until the console has its session and a pane has the focus."""
    app = pilot.app
    assert isinstance(app, Console)
    await wait_for(
        pilot, lambda: app.session is not None and app.frame_screen.focused is not None, "a session"
    )
    app.paint()
    await pilot.pause()


def console(state: SessionState, **options: Any) -> Console:
    """A console over a fake session, at the time ``NOW``."""
    return Console(session=FakeSession(state, **options), clock=lambda: NOW)
