"""A problem in the server's output becomes an alert with its line; another run's output dismisses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from labeltui.domain.pod.load import LoadSample
from labeltui.domain.server.state import ServerRun
from labeltui.domain.state import Identity, Level, SessionState
from labeltui.hosts.agent.messages import Chunk, Job, JobState
from labeltui.session.alerts import Alerts
from labeltui.session.log.store import LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch
from tests.fakes.store import put

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
HEAD = b"[2026-11-23 17:02:20,004] [4242] [MainThread] [ERROR] (uvicorn.error:416) - "


class Output:
    """What a server prints, as it arrives."""

    def __init__(self) -> None:
        self.store = Store(SessionState(Identity("p")))
        self.watch = ServerWatch(self.store, LogStore(), lambda: NOW, lambda: None)
        self.watch.zone = timezone(timedelta(hours=1))
        alerts = Alerts(self.store, lambda: NOW)
        self.watch.on_problem.append(alerts.log_problem)
        self.watch.on_run.append(alerts.dismiss_log_problems)
        self.watch.begin("r1", "/log")

    @property
    def alerts(self) -> list[tuple[str, int | None]]:
        """Key and line of each."""
        return [(alert.key, alert.log_line) for alert in self.store.state.alerts]

    def prints(self, data: bytes) -> None:
        self.watch.feed.own(Chunk("/log", "1:2", self.watch.log.size, data, at_end=True))


def test_one_alert_for_each_kind_at_its_newest_line() -> None:
    output = Output()
    output.prints(b"ready\n" + HEAD + b"Exception in ASGI application\nTraceback (most recent call last):\n")
    output.prints(b"torch.OutOfMemoryError: CUDA out of mem")
    output.prints(b"ory.\n")
    asgi, memory = output.store.state.alerts
    assert (asgi.key, asgi.level, asgi.log_line) == ("log:request_failed", Level.ERROR, 1)
    assert (memory.key, memory.log_line) == ("log:gpu_memory", 3)
    assert memory.at == datetime(2026, 11, 23, 16, 2, 20, 4000, tzinfo=UTC), "when the server said it"
    assert "GPU" in memory.message
    assert memory.hint
    output.prints(b"torch.OutOfMemoryError: CUDA out of memory.\n")
    assert output.alerts == [
        ("log:request_failed", 1),
        ("log:gpu_memory", 4),
    ]


def test_a_task_that_its_stopped_server_kills_is_no_problem() -> None:
    killed = (
        b"[2026-11-23 17:02:20,004] [4242] [ThreadPoolExecutor-1_0] [INFO] (monailabel.utils.async_tasks.utils:83)"
        b" - Return code: -9\n"
    )

    def alerts(*, expected: bool = False, **job: Any) -> list[str]:
        output = Output()
        output.watch.run = ServerRun("running", "r1")
        if expected:
            output.watch.expect_stop()
        if job:
            output.watch._on_job(Job("server", **job))
        output.prints(killed)
        return [key for key, _line in output.alerts]

    stopping = {"state": JobState.STOPPING, "stopped_by_us": True}
    assert alerts() == alerts(state=JobState.RUNNING, run_id="r1") == ["log:killed"]
    assert alerts(expected=True) == alerts(run_id="r1", **stopping) == []
    assert alerts(run_id="another", **stopping) == ["log:killed"]


def test_the_memory_before_a_kill_is_its_evidence_also_later() -> None:
    def problem(memory_pct: float, age_s: float) -> str:
        output = Output()
        at = NOW - timedelta(seconds=age_s)
        put(output.store, loads=(LoadSample(at, "agent", memory=memory_pct), LoadSample(at, "agent")))
        running = Job("server", JobState.RUNNING, run_id="r1", log_path="/log")
        killed = replace(running, state=JobState.EXITED, exit_code=-9)
        output.watch._final_size = 0
        texts = []
        for job in (running, killed, killed):
            output.watch._on_job(job)
            output.watch._final_size = 0
            output.watch.refresh()
            server = output.store.state.server.value
            texts.append(server.problem.message if server is not None and server.problem else "")
            if job is killed:
                put(output.store, loads=())
        assert texts[1] == texts[2]
        return texts[1]

    assert "memory ran out" in problem(96.0, 5)
    assert "unknown" in problem(16.0, 5)
    assert "unknown" in problem(96.0, 300)


def test_another_run_starts_over() -> None:
    output = Output()
    output.prints(b"\n\nOSError: No space left on device\n")
    assert output.alerts == [("log:disk_full", 2)]
    output.watch.begin("r2", "/log2")
    assert output.alerts == []
    output.prints(b"OSError: No space left on device\n")
    assert output.alerts == [("log:disk_full", 0)]


def test_errors_of_the_run_are_counted_and_forgotten_with_it() -> None:
    output = Output()
    output.prints(HEAD + b"a\nbare\n" + HEAD.replace(b"ERROR", b"INFO") + b"b\n" + HEAD + b"c\n")
    assert output.store.state.log_errors == 2
    output.watch.begin("r2", "/other")
    assert output.store.state.log_errors == 0
