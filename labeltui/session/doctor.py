"""Looks at each part in the order in which they need each other, and says what to do about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from labeltui.domain.documents import moment
from labeltui.domain.host import HostMetrics, TunnelState
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.server import ServerState
from labeltui.domain.state import SessionState
from labeltui.domain.training import TrainState
from labeltui.session.guardcontrol import guard_check
from labeltui.session.settings import setup_options
from labeltui.session.setup import Setup

if TYPE_CHECKING:
    from labeltui.session.report import Document, Report
    from labeltui.session.session import Session

SCARCE_DISK = 2 * 2**30


class Verdict(StrEnum):
    """How one part is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    part: str
    verdict: Verdict
    message: str
    hint: str = ""


async def doctor(session: Session, _params: Mapping[str, Any], report: Report) -> Document:
    """What is wrong, and what to do. Fails (exit 1) when a part is wrong; warnings don't count."""
    checks: list[Check] = []

    def add(check: Check) -> None:
        checks.append(check)
        report.emit({"check": check.part, "verdict": check.verdict.value, "message": check.message})

    if await _reach(session, add):
        await _install(session, report, add)
        state = await session.first_readings("metrics", "training", deadline_s=10.0)
        for check in (_disk(state), _gpu(state), _server(state), _tunnel(state), _training(state)):
            add(check)
        guard = await guard_check(session)
        if guard is not None:
            add(Check("guard", Verdict(guard[0]), *guard[1:]))
    wrong = next((c for c in checks if c.verdict is Verdict.WRONG), None)
    error = {"code": wrong.part, "message": wrong.message, "hint": wrong.hint} if wrong else None
    document = {"as_of": moment(session.clock()), "checks": [asdict(c) for c in checks], "error": error}
    if wrong is not None:
        raise Failed.of_document(document)
    return document


async def _reach(session: Session, add: Any) -> bool:
    try:
        await session.link.connected()
        add(Check("host", Verdict.OK, f"{session.link.host.address} is connected."))
        await session.settled()
        add(Check("agent", Verdict.OK, "The agent runs on the host."))
    except LabeltuiError as error:
        part = "agent" if session.link.is_connected else "host"
        add(Check(part, Verdict.WRONG, error.problem.message, error.problem.hint))
        return False
    return True


async def _install(session: Session, report: Report, add: Any) -> None:
    try:
        found = await Setup(session, setup_options(session.profile), report).check()
    except LabeltuiError as error:
        add(Check("monailabel", Verdict.WRONG, error.problem.message, error.problem.hint))
        return
    if found["error"] is not None:
        add(Check("monailabel", Verdict.WRONG, found["error"]["message"], found["error"]["hint"]))
    elif found["stand_in"]:
        add(Check("monailabel", Verdict.OK, "The demo's stand-in for MONAI Label is there."))
    else:
        add(Check("monailabel", Verdict.OK, "MONAI Label is installed."))


def _disk(state: SessionState) -> Check:
    load: HostMetrics | None = state.metrics.value
    if load is None or load.disk_total is None or load.disk_used is None:
        return Check("disk", Verdict.UNKNOWN, "The disk's fill is not known.")
    free = load.disk_total - load.disk_used
    text = f"{free / 2**30:.1f} GiB free at {load.disk_path}."
    if free < SCARCE_DISK:
        return Check(
            "disk", Verdict.WARNING, text, "Models and labels need room: free some, or move the folder."
        )
    return Check("disk", Verdict.OK, text)


def _gpu(state: SessionState) -> Check:
    load = state.metrics.value
    if load is None:
        return Check("gpu", Verdict.UNKNOWN, "The GPU is not known.")
    if load.gpu_error:
        return Check(
            "gpu", Verdict.WRONG, f"nvidia-smi fails: {load.gpu_error}.", "Restart the machine or its driver."
        )
    if not load.gpus:
        return Check(
            "gpu",
            Verdict.WARNING,
            "No GPU: training and inference run on the CPU.",
            "Rent a GPU for 3D work.",
        )
    return Check("gpu", Verdict.OK, ", ".join(gpu.name for gpu in load.gpus))


def _server(state: SessionState) -> Check:
    server = state.server.value
    if server is None:
        return Check("server", Verdict.UNKNOWN, "The server's state is not known.")
    if server.problem is not None:
        return Check("server", Verdict.WRONG, server.problem.message, server.problem.hint)
    if server.state is ServerState.RUNNING:
        return Check("server", Verdict.OK, f"MONAI Label {server.version} answers.")
    return Check(
        "server", Verdict.WARNING, f"The server is {server.state}.", "Start it with `labeltui server start`."
    )


def _tunnel(state: SessionState) -> Check:
    tunnel = state.tunnel.value
    if tunnel is None or tunnel.state is TunnelState.DOWN:
        return Check("tunnel", Verdict.WARNING, "There is no tunnel.", "It opens when the host is connected.")
    if tunnel.state is TunnelState.OPEN:
        return Check(
            "tunnel", Verdict.OK, f"It is open; nothing answers through it yet ({tunnel.detail or 'no try'})."
        )
    return Check("tunnel", Verdict.OK, f"The server answers through it; Slicer's URL is {tunnel.url}.")


def _training(state: SessionState) -> Check:
    server, training = state.server.value, state.training.value
    if server is not None and server.orphans:
        pids = ", ".join(str(o.pid) for o in server.orphans)
        return Check(
            "training", Verdict.WRONG, f"A training goes on without its server (pid {pids}) and holds the GPU.",
            "End it with `labeltui train stop`.",
        )  # fmt: skip
    if training is None or training.state is TrainState.IDLE:
        return Check("training", Verdict.OK, "No training.")
    if training.problem is not None:
        return Check("training", Verdict.WARNING, training.problem.message, training.problem.hint)
    return Check("training", Verdict.OK, f"{training.model}: {training.state}.")
