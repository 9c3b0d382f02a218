"""Jobs outlive everything but themselves, run once, and end whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.jobs import Jobs
from labeltui.hosts.agent.remote.processes import start_of
from tests.unit.hosts.agent_process import AgentProcess, is_alive, pythons, wait_for

Start = Callable[..., AgentProcess]


def record(agent: AgentProcess, name: str = "server") -> dict[str, object]:
    return json.loads((agent.folder / "jobs" / f"{name}.json").read_text())


@pytest.mark.parametrize("python", pythons())
def test_a_job_on_every_python_that_is_here(start_agent: Start, python: str) -> None:
    agent = start_agent(python=pythons()[python])
    job = agent.shell("echo to stdout; echo to stderr >&2; exit 7", meta={"app": "radiology"})
    ended = agent.until_state("exited")
    assert ended["exit_code"] == 7
    assert ended["run_id"] == job["run_id"]
    assert ended["meta"] == {"app": "radiology"}
    assert ended["started_ts"] <= ended["ended_ts"]
    assert Path(ended["log_path"]).read_text() == "to stdout\nto stderr\n"
    assert agent.close() == 0


def test_what_was_never_started_is_absent(agent: AgentProcess) -> None:
    assert agent.ask("job.status", name="server") == {"name": "server", "state": "absent"}
    assert agent.ask("job.stop", name="server")["state"] == "absent"
    assert agent.ask("job.list") == {"jobs": []}


def test_environment_folder_and_log_are_as_asked(agent: AgentProcess, tmp_path: Path) -> None:
    log = tmp_path / "elsewhere" / "out.log"
    agent.shell(
        'echo "$TOKEN $INHERITED"; pwd; readlink /proc/self/fd/0',
        env={"TOKEN": "s3cret"},
        cwd="/",
        log=str(log),
    )
    agent.until_state("exited")
    assert log.read_text() == "s3cret \n/\n/dev/null\n"


def test_a_secret_reaches_neither_disk_nor_command_line(agent: AgentProcess) -> None:
    job = agent.shell("sleep 60", env={"TOKEN": "hunter2hunter2"})
    on_disk = b"".join(path.read_bytes() for path in agent.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in on_disk
    runner = record(agent)["runner_pid"]
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (job["pid"], runner, agent.process.pid)]
    assert b"hunter2" not in b"".join(lines)


def test_a_job_holds_none_of_the_channels_descriptors(agent: AgentProcess) -> None:
    job = agent.shell("sleep 60")
    theirs = {str(Path(f"/proc/{agent.process.pid}/fd/{number}").readlink()) for number in (0, 1)}

    def holds(pid: int) -> list[str]:
        open_files = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        return [name for name in open_files if name in theirs or name.endswith(".lock")]

    for pid in (job["pid"], record(agent)["runner_pid"]):
        # Between its fork and its exec a process still has what its parent had.
        wait_for(lambda pid=pid: not holds(pid), "descriptors to be let go")
        assert holds(pid) == []


def test_a_job_runs_once(agent: AgentProcess) -> None:
    first = agent.shell("sleep 60")
    assert agent.fail("job.start", name="server", argv=["true"])["code"] == "already_running"
    agent.shell("exit 0", name="setup")
    assert agent.ask("job.status", name="server")["run_id"] == first["run_id"]


def test_two_consoles_start_at_once_and_one_wins(start_agent: Start) -> None:
    agents = [start_agent() for _ in range(3)]
    asked = [(agent, agent.send("job.start", name="server", argv=["sleep", "60"])) for agent in agents * 2]
    answers = [agent.answer(number) for agent, number in asked]
    won = [answer["ok"] for answer in answers if "ok" in answer]
    assert len(won) == 1
    assert {answer["error"]["code"] for answer in answers if "error" in answer} == {"already_running"}
    assert {agent.ask("job.status", name="server")["pid"] for agent in agents} == {won[0]["pid"]}


def test_what_cannot_be_started_is_reported_and_leaves_nothing(agent: AgentProcess) -> None:
    for argv in (["/no/such/program"], ["/etc/passwd"]):
        refusal = agent.fail("job.start", name="server", argv=argv)
        assert refusal["code"] == "start_failed"
        assert argv[0] in refusal["message"]
    assert (
        agent.fail("job.start", name="server", argv=["true"], cwd="/no/such/folder")["code"] == "start_failed"
    )
    assert agent.state() == "absent"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "a\n", None, 3, ["server"]])
def test_names_that_are_none(agent: AgentProcess, name: object) -> None:
    assert agent.fail("job.start", name=name, argv=["true"])["code"] == "bad_request"


def test_a_killed_agent_leaves_the_job_and_the_next_finds_it(start_agent: Start) -> None:
    first = start_agent()
    job = first.shell("while :; do sleep 0.05; done")
    first.kill()
    second = start_agent()
    assert second.ask("job.status", name="server")["pid"] == job["pid"]
    os.kill(job["pid"], signal.SIGKILL)
    assert second.until_state("exited")["exit_code"] == -9


def test_a_job_that_ends_while_nobody_is_there(start_agent: Start, tmp_path: Path) -> None:
    first = start_agent()
    gate = tmp_path / "gate"
    job = first.shell(f"while [ ! -e '{gate}' ]; do sleep 0.02; done; exit 5")
    first.kill()
    gate.touch()
    wait_for(lambda: not is_alive(job["pid"]))
    assert start_agent().until_state("exited")["exit_code"] == 5


def test_without_its_runner_a_job_is_found_and_its_end_is_unknown(start_agent: Start) -> None:
    agent = start_agent()
    job = agent.shell("while :; do sleep 0.05; done")
    os.kill(record(agent)["runner_pid"], signal.SIGKILL)
    assert agent.state() == "running"
    assert agent.fail("job.start", name="server", argv=["true"])["code"] == "already_running"
    os.kill(job["pid"], signal.SIGKILL)
    lost = agent.until_state("lost")
    assert "exit_code" not in lost
    agent.shell("exit 0")
    agent.until_state("exited")


@pytest.mark.parametrize("forge", [{"pid_start": "1"}, {"boot_id": "another boot"}])
def test_another_process_with_its_number_is_not_the_job(agent: AgentProcess, forge: dict[str, str]) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        try:
            agent.shell("exit 0")
            agent.until_state("exited")
            forged = {
                **record(agent),
                "pid": stranger.pid,
                "pgid": stranger.pid,
                "runner_pid": stranger.pid,
                **forge,
            }
            del forged["ended_ts"], forged["exit_code"]
            (agent.folder / "jobs" / "server.json").write_text(json.dumps(forged))
            assert agent.state() == "lost"
            assert agent.ask("job.stop", name="server", grace_s=0.2)["state"] == "lost"
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_stopping_ends_children_that_will_not(agent: AgentProcess, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = tmp_path / "stubborn.sh"
    stubborn.write_text(f"trap '' TERM; echo $$ >> '{pids}'; while :; do sleep 0.05; done\n")
    in_its_own_group = f"set -m; sh '{stubborn}' & set +m"
    agent.shell(f"sh '{stubborn}' & {in_its_own_group}; echo $$ >> '{pids}'; while :; do sleep 0.05; done")
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 3, "three processes")
    began = time.monotonic()
    job = agent.ask("job.stop", name="server", grace_s=0.5)
    assert time.monotonic() - began >= 0.5
    assert not [pid for pid in pids.read_text().split() if is_alive(int(pid))]
    assert job["state"] == "exited"
    assert job["exit_code"] in (-15, -9)
    assert job["stopped_by_us"] is True
    phases = [event["phase"] for event in agent.events if event["ev"] == "stopping"]
    assert phases[0] == "term"
    assert "kill" in phases


@pytest.mark.parametrize(("stopped", "state"), [(True, "stopping"), (False, "running")])
def test_one_whose_exit_code_is_not_yet_written_is_in_its_last_state(
    tmp_path: Path, *, stopped: bool, state: str
) -> None:
    jobs, runner = Jobs(tmp_path, ["-"]), os.getpid()
    entry = {
        "run_id": "r",
        "pid": runner,
        "pid_start": "ended",
        "runner_pid": runner,
        "runner_start": start_of(runner),
    }
    jobs.directory.mkdir()
    jobs.path("server").write_text(json.dumps({**entry, "boot_id": jobs.boot, "stopped_by_us": stopped}))
    assert jobs.status("server", 0)["state"] == state


def test_stopping_waits_for_one_that_tidies_up(agent: AgentProcess, tmp_path: Path) -> None:
    done = tmp_path / "tidy"
    agent.shell(f"trap \"sleep 0.3; touch '{done}'; exit 0\" TERM; echo up; while :; do sleep 0.02; done")
    wait_for(lambda: Path(agent.ask("job.status", name="server")["log_path"]).read_text() == "up\n")
    job = agent.ask("job.stop", name="server", grace_s=10)
    assert done.exists()
    assert (job["state"], job["exit_code"], job["stopped_by_us"]) == ("exited", 0, True)
    assert agent.ask("job.stop", name="server", grace_s=10) == job


def test_stopping_ends_what_a_dead_job_left_behind(agent: AgentProcess, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    agent.shell(f"sleep 60 & echo $! > '{pid}'; exit 3")
    job = agent.until_state("exited")
    assert is_alive(int(pid.read_text()))
    stopped = agent.ask("job.stop", name="server", grace_s=5)
    assert not is_alive(int(pid.read_text()))
    assert stopped["exit_code"] == job["exit_code"] == 3
    assert stopped["stopped_by_us"] is False


def test_every_console_hears_of_a_start_and_an_end(start_agent: Start) -> None:
    mine, other = start_agent(), start_agent()
    mine.shell("sleep 0.3; exit 2")
    began = time.monotonic()
    for agent in (mine, other):
        agent.until(lambda agent=agent: agent.job_events() == ["running", "exited"], "both events")
    assert time.monotonic() - began < 5
    job = mine.ask("job.status", name="server")
    assert {key: value for key, value in other.events[-1].items() if key != "ev"} == job


def test_a_quick_second_run_is_heard_of(start_agent: Start) -> None:
    mine, other = start_agent(), start_agent()
    mine.shell("exit 1")
    other.until(lambda: other.job_events()[-1:] == ["exited"])
    second = mine.shell("exit 2")
    other.until(
        lambda: other.events[-1]["run_id"] == second["run_id"] and other.events[-1]["state"] == "exited"
    )
    assert other.events[-1]["exit_code"] == 2
