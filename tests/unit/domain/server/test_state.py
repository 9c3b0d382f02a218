"""Which state the server is in, from what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ModelInfo, ServerInfo
from labeltui.domain.server.state import ServerEvidence, ServerRun, derive_server
from labeltui.domain.states import ServerState

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
INFO = ServerInfo("MONAILabel - Radiology (0.8.5)", "0.8.5", models={"deepedit": ModelInfo("deepedit")})
EMPTY: Reading[ServerInfo] = Reading()
ANSWERED = EMPTY.succeeded(INFO, NOW)
REFUSED = EMPTY.failed("connection refused")
SILENT = replace(ANSWERED, error="timed out", failures=3)
HICCUP = replace(ANSWERED, error="timed out", failures=2)
RUN = ServerRun("running", "r1", 42, log_path="/x/stdout.log", app="radiology", models=("deepedit",))
UP = ServerEvidence(listening=True, info=ANSWERED, answered=True)


@pytest.mark.parametrize(
    ("run", "evidence", "state"),
    [
        (ServerRun(), ServerEvidence(info=REFUSED), ServerState.STOPPED),
        (ServerRun(), ServerEvidence(info=ANSWERED, answered=True), ServerState.RUNNING),
        (RUN, ServerEvidence(phase="importing", info=REFUSED), ServerState.STARTING),
        # another server answers at the port while ours is still starting: that is not ours being up
        (RUN, ServerEvidence(phase="importing", info=ANSWERED, answered=True), ServerState.STARTING),
        (RUN, ServerEvidence(listening=True, info=REFUSED), ServerState.STARTING),
        (RUN, UP, ServerState.RUNNING),
        (RUN, replace(UP, info=HICCUP), ServerState.RUNNING),
        (RUN, replace(UP, info=SILENT), ServerState.UNREACHABLE),
        (replace(RUN, state="stopping"), UP, ServerState.STOPPING),
        (
            replace(RUN, state="exited", exit_code=-15, stopped_by_us=True),
            replace(UP, info=SILENT),
            ServerState.STOPPED,
        ),
        (replace(RUN, state="exited", exit_code=-9), replace(UP, info=SILENT), ServerState.CRASHED),
        (replace(RUN, state="exited", exit_code=3), ServerEvidence(info=REFUSED), ServerState.CRASHED),
        (replace(RUN, state="exited", exit_code=0), ServerEvidence(info=REFUSED), ServerState.STOPPED),
        (replace(RUN, state="lost"), ServerEvidence(info=REFUSED), ServerState.CRASHED),
    ],
)
def test_state(run: ServerRun, evidence: ServerEvidence, state: ServerState) -> None:
    assert derive_server(run, evidence, "http://127.0.0.1:8000").state is state


def test_a_crash_carries_its_cause_and_exit_code_but_no_url() -> None:
    cause = Problem("oom", "It ran out of memory.", "Use a smaller model.")
    run = replace(RUN, state="exited", exit_code=-9)
    status = derive_server(run, ServerEvidence(info=REFUSED, problem=cause), "http://127.0.0.1:8000")
    assert (status.problem, status.exit_code, status.url, status.pid) == (cause, -9, None, None)


def test_a_run_that_nobody_saw_end_says_so() -> None:
    status = derive_server(replace(RUN, state="lost"), ServerEvidence(info=REFUSED), None)
    assert status.problem is not None
    assert status.problem.code == "lost"


def test_a_found_server_has_no_pid_but_models_and_version() -> None:
    status = derive_server(ServerRun(), ServerEvidence(info=ANSWERED, answered=True), "http://127.0.0.1:8001")
    assert (status.pid, status.models, status.version, status.url) == (
        None,
        ("deepedit",),
        "0.8.5",
        "http://127.0.0.1:8001",
    )


def test_a_server_that_does_not_answer_is_described_in_whole_sentences() -> None:
    silent = replace(UP, info=replace(SILENT, error="The server did not answer within 10 s."))
    problem = derive_server(RUN, silent, None).problem
    assert problem is not None
    assert problem.message.endswith("within 10 s.")
    assert "ends a running training" in problem.hint
