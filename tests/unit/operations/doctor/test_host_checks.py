"""The doctor's checks, from readings of a host."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import Gpu, HostMetrics, TunnelStatus
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import OrphanTask, ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState, TrainState, TunnelState
from labeltui.domain.training.training import TrainStatus
from labeltui.operations.doctor.host import host_checks, labels_check

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GIB = 2**30
LOAD = HostMetrics(disk_total=100 * GIB, disk_used=50 * GIB, disk_path="/workspace")
PROBLEM = Problem(Code.CRASHED, "It ended with exit code 1.", "See its log.")
EMPTY = SessionState(Identity("p"))
STOPPED = ServerStatus(ServerState.STOPPED)


def state(**values: Any) -> SessionState:
    return replace(EMPTY, **{name: Reading(value, NOW) for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "part", "verdict", "words"),
    [
        ({}, "disk", "unknown", "is unknown"),
        ({"metrics": LOAD}, "disk", "ok", "50.0 GiB free at /workspace"),
        ({"metrics": replace(LOAD, disk_used=99 * GIB)}, "disk", "warning", "1.0 GiB free"),
        ({}, "gpu", "unknown", "is unknown"),
        ({"metrics": LOAD}, "gpu", "warning", "No GPU"),
        ({"metrics": replace(LOAD, gpu_error="no driver")}, "gpu", "wrong", "nvidia-smi fails: no driver"),
        ({"metrics": replace(LOAD, gpus=(Gpu(0, "A5000", 1, 2),))}, "gpu", "ok", "A5000"),
        ({}, "server", "unknown", "is unknown"),
        ({"server": STOPPED}, "server", "warning", "The server is stopped"),
        ({"server": replace(STOPPED, problem=PROBLEM)}, "server", "wrong", "exit code 1"),
        ({"server": ServerStatus(ServerState.RUNNING, version="0.8.5")}, "server", "ok", "0.8.5 answers"),
        ({}, "tunnel", "warning", "The tunnel is not open"),
        ({"tunnel": TunnelStatus()}, "tunnel", "warning", "The tunnel is not open"),
        ({"tunnel": TunnelStatus(TunnelState.OPEN, 8000)}, "tunnel", "ok", "has not answered through it yet"),
        ({"tunnel": TunnelStatus(TunnelState.OPEN, 8000), "server": STOPPED}, "tunnel", "ok",
         "because the server is stopped."),
        ({"server": replace(STOPPED, state=ServerState.CRASHED)}, "server", "warning", "The server has crashed."),
        ({"tunnel": TunnelStatus(TunnelState.UP, 8000)}, "tunnel", "ok", "URL is http://127.0.0.1:8000"),
        ({"tunnel": TunnelStatus(TunnelState.UP, 8001, url_open=False)}, "tunnel", "ok",
         "URL is http://127.0.0.1:8001 while a console or `labeltui tunnel` is open."),
        (
            {"tunnel": TunnelStatus(TunnelState.UP, 8001, port_reason="Port 8000 was in use by x.")},
            "tunnel", "ok", "URL is http://127.0.0.1:8001. Port 8000 was in use by x.",
        ),
        ({}, "training", "ok", "No training"),
        ({"training": TrainStatus(TrainState.RUNNING, model="deepedit")}, "training", "ok", "deepedit: running"),
        ({"training": TrainStatus(TrainState.ERROR, problem=PROBLEM)}, "training", "warning", "exit code 1"),
        (
            {"server": replace(STOPPED, orphans=(OrphanTask(41, 40, "deepedit"),))},
            "training", "wrong", "although its server has ended: training of deepedit (pid 41)",
        ),
    ],
)  # fmt: skip
def test_each_reading_has_its_verdict(values: dict[str, Any], part: str, verdict: str, words: str) -> None:
    (check,) = [one for one in host_checks(state(**values)) if one.part == part]
    assert (check.verdict.value, words in check.message) == (verdict, True), check


@pytest.mark.parametrize(
    ("reading", "verdict", "words"),
    [
        (Reading(), "unknown", "could not be counted"),
        (
            Reading(LabelCopies(3, 3), NOW, error="Permission denied."),
            "unknown",
            "unknown: Permission denied.",
        ),
        (Reading(LabelCopies(0, 0), NOW), "ok", "no labels yet"),
        (Reading(LabelCopies(3, 3), NOW), "ok", "All 3 labels"),
        (Reading(LabelCopies(3, 1), NOW), "warning", "2 of 3 labels are not on this machine"),
    ],
)
def test_labels_that_are_not_here_are_a_warning(
    reading: Reading[LabelCopies], verdict: str, words: str
) -> None:
    check = labels_check(replace(EMPTY, labels=reading))
    assert (check.verdict.value, words in check.message) == (verdict, True), check
