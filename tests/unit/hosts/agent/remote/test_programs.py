"""Short-lived programs: their answer or why there is none, their limits, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.package import build_package
from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.programs import Programs
from tests.unit.hosts.agent_process import AgentProcess, is_alive, wait_for

Run = Callable[..., Any]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    package = tmp_path / "agent.zip"
    package.write_bytes(build_package().source)
    return Programs((sys.executable, str(package)))


@pytest.fixture
def run(programs: Programs) -> Run:
    def do(source: str, arguments: object = None, **limits: Any) -> Any:
        return programs.run("key", sys.executable, source, arguments, **limits)["answer"]

    return do


def problem_of(run: Run, source: str, arguments: object = None, **limits: Any) -> dict[str, str]:
    with pytest.raises(Problem) as caught:
        run(source, arguments, **limits)
    return caught.value.document


WITH_A_CHILD = """
import os, subprocess, sys, time
def main(path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(path + ".new", "w") as file:
        file.write("%d %d" % (os.getpid(), child.pid))
    os.rename(path + ".new", path)
    time.sleep(60)
"""


def test_it_answers_whatever_it_prints(run: Run) -> None:
    source = "print('to stdout')\ndef main(arguments):\n    print('more')\n    return {'é': arguments}\n"
    assert run(source, ["[red]", None, 1.5]) == {"é": ["[red]", None, 1.5]}
    assert run("def main(a): return len(a)", "x" * 300_000) == 300_000


def test_it_has_its_pythons_own_imports_and_no_input(run: Run) -> None:
    source = """
import sys
def main(_):
    import labeltui.session
    return [sys.stdin.read(), sys.argv, [path for path in sys.path if path.endswith(".zip") and "agent" in path]]
"""
    assert run(source) == ["", ["program"], []]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def main(_): raise ValueError('[red]odd[/]')", "The program failed: ValueError: [red]odd[/]."),
        ("def main(_):\n    import sys; sys.exit('no model')", "The program failed: no model."),
        ("def main(_):\n    import os; os._exit(4)", "The program failed: exit code 4."),
        ("def main(_):\n    import os; os._exit(0)", "The program failed: it gave no answer."),
        ("def main(_):\n    import os; os.kill(os.getpid(), 9)", "The program failed: exit code -9."),
        ("def main(_): return object()", "The program failed: TypeError: Object of type object is not JSON"),
        ("no python", "The program failed: SyntaxError"),
        ("x = 1", "The program failed: KeyError: 'main'."),
    ],
)
def test_why_there_is_no_answer(run: Run, source: str, said: str) -> None:
    problem = problem_of(run, source)
    assert problem["code"] == "program_failed"
    assert problem["message"].startswith(said)


def test_the_end_of_what_it_printed_is_evidence(run: Run) -> None:
    source = "def main(_):\n    for n in range(10000): print('line', n)\n    raise OSError('no [gpu]')\n"
    detail = problem_of(run, source)["detail"]
    assert detail.endswith("OSError: no [gpu]")
    assert "line 9999" in detail
    assert len(detail) <= 4096


def test_memory_is_bounded(run: Run) -> None:
    source = "def main(size): return len(bytearray(size))"
    assert run(source, 1 << 20, memory_bytes=1 << 30) == 1 << 20
    problem = problem_of(run, source, 2 << 30, memory_bytes=1 << 30)
    assert (problem["code"], problem["message"]) == (
        "program_memory",
        "The program needs more memory than it may use.",
    )


@pytest.mark.slow
def test_time_is_bounded_and_nothing_of_it_stays(run: Run, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    problem = problem_of(run, "print('begun', flush=True)\n" + WITH_A_CHILD, str(pids), wall_s=2.0)
    assert problem["code"] == "program_slow"
    assert problem["detail"] == "begun"
    wait_for(lambda: not [pid for pid in pids.read_text().split() if is_alive(int(pid))], "the end of both")


def test_the_answer_is_bounded(run: Run) -> None:
    assert run("def main(n): return 'x' * n", 98, answer_bytes=100) == "x" * 98
    assert (
        "longer than 100 bytes"
        in problem_of(run, "def main(n): return 'x' * n", 99, answer_bytes=100)["message"]
    )


def test_what_it_leaves_behind_ends_with_it_and_holds_no_answer_back(run: Run, tmp_path: Path) -> None:
    source = """
import subprocess
def main(_):
    return subprocess.Popen(["sh", "-c", "while :; do echo noise; sleep 0.01; done"]).pid
"""
    pid = run(source, wall_s=20.0)
    wait_for(lambda: not is_alive(pid), "the end of the child")


@pytest.mark.slow
def test_it_can_be_stopped(programs: Programs, tmp_path: Path) -> None:
    pids, caught = tmp_path / "pids", []

    def go() -> None:
        with pytest.raises(Problem) as problem:
            programs.run("k", sys.executable, WITH_A_CHILD, str(pids))
        caught.append(problem.value.document["code"])

    thread = threading.Thread(target=go)
    thread.start()
    wait_for(pids.exists, "its beginning")
    programs.stop("k")
    thread.join(10)
    assert caught == ["program_stopped"]
    wait_for(lambda: not [pid for pid in pids.read_text().split() if is_alive(int(pid))], "the end of both")


def test_one_that_is_stopped_before_it_begins_does_not_begin(programs: Programs) -> None:
    programs.stop("k")
    with pytest.raises(Problem, match="stopped"):
        programs.run("k", sys.executable, "def main(_): return 1")
    assert programs.run("k", sys.executable, "def main(_): return 1") == {"answer": 1}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["its connection ends", "it is killed"])
def test_it_ends_with_the_agent(agent: AgentProcess, tmp_path: Path, how: str) -> None:
    pids = tmp_path / "pids"
    agent.send("program.run", key="k", python=sys.executable, source=WITH_A_CHILD, arguments=str(pids))
    wait_for(pids.exists, "its beginning")
    if how == "it is killed":
        os.kill(agent.process.pid, signal.SIGKILL)
    else:
        agent.close()
    wait_for(lambda: not [pid for pid in pids.read_text().split() if is_alive(int(pid))], "the end of both")
