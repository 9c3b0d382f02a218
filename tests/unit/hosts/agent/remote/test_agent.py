"""Hostile input, load of the host, trainings without a server."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.hosts.agent_process import AgentProcess, is_alive, wait_for

Start = Callable[..., AgentProcess]


@pytest.mark.parametrize(
    "line",
    [
        b"junk",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"3",
        b'"x"',
        b"{}",
        b'{"op": 3}',
        b'{"op": []}',
        b'{"op": "job.start"}',
        b'{"op": "nope", "id": null}',
        b"[" * 100_000,
        b'{"op": "ping", "x": 1}',
        b'{"op": "stat", "path": 3.5}',
        b"x" * (5 << 20),
    ],
    ids=lambda line: line[:16].decode("latin-1"),
)
def test_nonsense_is_answered_and_passed_over(agent: AgentProcess, line: bytes) -> None:
    agent.raw(line + b"\n")
    error = agent.answer(None)["error"]
    assert error["code"] == "bad_request"
    assert error["message"]
    assert agent.ask("ping")["now_ts"] > 0


@pytest.mark.parametrize(
    ("op", "arguments", "code"),
    [
        ("stat", {"path": "/no/such"}, "not_found"),
        ("listdir", {"path": "/etc/passwd"}, "io_error"),
        ("read", {"path": "/etc"}, "io_error"),
        ("job.start", {"name": "server", "argv": []}, "bad_request"),
        ("job.start", {"name": "server", "argv": ["a\0b"]}, "bad_request"),
        ("job.start", {"name": "server", "argv": ["true"], "env": {"A": 3}}, "bad_request"),
        ("metrics.watch", {"interval_s": "soon"}, "bad_request"),
        ("orphans.stop", {"pgid": 1}, "not_orphaned"),
    ],
)
def test_failures_in_words(agent: AgentProcess, op: str, arguments: dict[str, object], code: str) -> None:
    error = agent.fail(op, **arguments)
    assert error["code"] == code
    assert error["message"].endswith(".")


def test_it_ends_with_its_stdin_even_while_busy(agent: AgentProcess) -> None:
    agent.send("job.start", name="server", argv=["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"])
    agent.until(lambda: agent.answers)
    agent.send("job.stop", name="server", grace_s=30)
    agent.until(lambda: [event for event in agent.events if event["ev"] == "stopping"])
    assert agent.close() == 0


def test_files_and_sums(agent: AgentProcess, tmp_path: Path) -> None:
    folder = tmp_path / "[red]x[/] $(touch pwned)"
    agent.ask("mkdir", path=str(folder))
    (folder / "b").write_bytes(b"hello world")
    assert agent.ask("listdir", path=str(folder)) == {"names": ["b"]}
    assert agent.ask("stat", path=str(folder / "b"))["size"] == 11
    assert agent.ask("read", path=str(folder / "b"), offset=6, limit=3) == {"data": "d29y"}
    whole = agent.ask("sha256", path=str(folder / "b"))["sha256"]
    assert whole == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
    assert agent.ask("sha256", path=str(folder / "b"), limit=5)["sha256"].startswith(
        "2cf24dba5fb0a30e26e83b2ac5b9e2"
    )


def test_a_file_is_replaced_only_in_the_agents_folder_and_only_while_it_is_as_it_was_read(
    agent: AgentProcess, tmp_path: Path
) -> None:
    def write(path: Path, data: bytes, **more: str) -> dict[str, object]:
        return {"path": str(path), "data": base64.b64encode(data).decode(), **more}

    there = Path(agent.hello["folder"]) / "run" / "edits.json"
    nothing, one = (hashlib.sha256(data).hexdigest() for data in (b"", b"one"))
    agent.ask("write", **write(there, b"one", replaces=nothing))
    assert agent.fail("write", **write(there, b"two", replaces=nothing))["code"] == "file_changed"
    assert there.read_bytes() == b"one"
    agent.ask("write", **write(there, b"two", replaces=one))
    assert there.read_bytes() == b"two"
    there.with_name("link").symlink_to(tmp_path)
    for outside in (tmp_path / "x", there.parent / "../../x", there.with_name("link") / "x"):
        assert agent.fail("write", **write(outside, b"three"))["code"] == "bad_request"
    assert sorted(path.name for path in there.parent.iterdir()) == ["edits.json", "link"]


NVIDIA = {
    "two GPUs": (
        "#!/bin/sh\necho '0, NVIDIA RTX A5000, 1024, 24564, 37, 61, 88.5'\n"
        "echo '1, Odd, Name, [N/A], 24564, [N/A], [Unknown Error], [N/A]'\n"
    ),
    "driver gone": "#!/bin/sh\necho 'Failed to initialize NVML: [red]Unknown Error[/]' >&2; exit 255\n",
    "silent failure": "#!/bin/sh\nexit 9\n",
    "garbage": "#!/bin/sh\nprintf '\\377\\376, x\\n,,,,,,\\n'\n",
}


@pytest.mark.parametrize("kind", NVIDIA)
def test_gpus(start_agent: Start, tmp_path: Path, kind: str) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(NVIDIA[kind])
    tool.chmod(0o755)
    sample = start_agent(env={"PATH": f"{tool.parent}:{os.environ['PATH']}"}).ask("metrics")
    if kind == "two GPUs":
        first, second = sample["gpus"]
        assert first == {
            "index": 0,
            "name": "NVIDIA RTX A5000",
            "memory_used_mib": 1024,
            "memory_total_mib": 24564,
            "utilisation_pct": 37.0,
            "temperature_c": 61.0,
            "power_w": 88.5,
        }
        assert (second["name"], second["memory_used_mib"], second["power_w"]) == ("Odd, Name", None, None)
    else:
        assert sample["gpus"] == []
        assert bool(sample["gpu_error"]) == (kind != "garbage")


def test_load_of_the_host(agent: AgentProcess, tmp_path: Path) -> None:
    sample = agent.ask("metrics", disk_path=str(tmp_path / "not" / "yet"))
    assert 0 <= sample["cpu_pct"] <= 100
    assert sample["cpu_count"] >= 1
    assert 0 < sample["memory_used"] <= sample["memory_total"]
    assert 0 < sample["disk_used"] <= sample["disk_total"]
    assert sample["disk_path"] == str(tmp_path)
    agent.ask("metrics.watch", interval_s=0.2)
    agent.until(lambda: len([event for event in agent.events if event["ev"] == "metrics"]) >= 2)
    agent.ask("metrics.watch", interval_s=0)


@contextmanager
def process(*words: str, folder: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, whose command line ends in ``words``. It runs in the environment of that folder."""
    code = "import time; print(1, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        start_new_session=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "VIRTUAL_ENV": f"{folder}/venv"},
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


TRAIN = ("monailabel.interfaces.utils.app", "-m", "train", "-a", "/apps/radiology", "-r")


def test_a_training_without_its_server_is_found_and_ended(agent: AgentProcess) -> None:
    folder = agent.ask("hello")["folder"]
    with (
        process(*TRAIN, json.dumps({"model": "deep[red]edit"}), folder=folder) as training,
        process(*TRAIN, "not json", folder=folder) as other,
    ):
        found = {orphan["pid"]: orphan for orphan in agent.ask("orphans")["orphans"]}
        assert found[training.pid]["model"] == "deep[red]edit"
        assert found[training.pid]["pgid"] == training.pid
        assert found[other.pid]["model"] == ""
        spared = agent.ask("orphans", server_pgid=training.pid)["orphans"]
        assert training.pid not in [orphan["pid"] for orphan in spared]
        assert agent.ask("orphans.stop", pgid=training.pid, grace_s=1) == {}
        assert not is_alive(training.pid)
        assert is_alive(other.pid)


def test_batch_and_scoring_without_their_server_are_found_and_ended_alone(agent: AgentProcess) -> None:
    """Tasks of one server share its group: the end of one spares the others."""
    asked = {
        "train": {"model": "m"},
        "batch_infer": {"model": "seg", "images": "all"},
        "scoring": {"method": "dice"},
    }
    inner = "import time; time.sleep(60)"
    words = [
        [sys.executable, "-c", inner, *TRAIN[:2], task, "-r", json.dumps(request)]
        for task, request in asked.items()
    ]
    outer = (
        f"import subprocess; running = [subprocess.Popen(one) for one in {words!r}]\n"
        "print(*(one.pid for one in running), flush=True)\nfor one in running: one.wait()"
    )
    env = {**os.environ, "VIRTUAL_ENV": f"{agent.ask('hello')['folder']}/venv"}
    with subprocess.Popen(
        [sys.executable, "-c", outer], start_new_session=True, stdout=subprocess.PIPE, env=env
    ) as group:
        assert group.stdout is not None
        pids = [int(pid) for pid in group.stdout.readline().split()]
        try:
            wait_for(lambda: all(b"-r" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids))
            found = {one["pid"]: (one["task"], one["model"]) for one in agent.ask("orphans")["orphans"]}
            assert [found.get(pid) for pid in pids] == [
                ("train", "m"),
                ("batch_infer", "seg"),
                ("scoring", "dice"),
            ]
            agent.ask("orphans.stop", pgid=group.pid, task="batch_infer", grace_s=1)
            assert [is_alive(pid) for pid in pids] == [True, False, True]
            agent.ask("orphans.stop", pgid=group.pid, task="scoring", grace_s=1)
            assert [is_alive(pid) for pid in pids] == [True, False, False]
            assert agent.fail("orphans.stop", pgid=group.pid, task="scoring")["code"] == "not_orphaned"
        finally:
            os.killpg(group.pid, signal.SIGKILL)


def test_a_training_of_another_folder_is_listed_but_never_ended(agent: AgentProcess, tmp_path: Path) -> None:
    theirs = str(tmp_path / "their label[tui]")
    with process(*TRAIN, json.dumps({"model": "deepedit"}), folder=theirs) as training:
        (found,) = [one for one in agent.ask("orphans")["orphans"] if one["pid"] == training.pid]
        assert (found["ours"], found["folder"], found["user"]) == (False, theirs, agent.ask("hello")["user"])
        assert agent.fail("orphans.stop", pgid=training.pid)["code"] == "not_orphaned"
        assert is_alive(training.pid)


def test_a_folder_that_is_a_link_is_the_profiles_own(agent: AgentProcess, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(agent.ask("hello")["folder"])
    with process(*TRAIN, "{}", folder=str(link)) as training:
        (found,) = [one for one in agent.ask("orphans")["orphans"] if one["pid"] == training.pid]
    assert found["ours"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("monailabel.interfaces.utils.app", "-m", "infer"),
        ("-m", "train"),
        ("monailabel.main", "start_server"),
    ],
)
def test_other_processes_are_no_orphans(agent: AgentProcess, words: tuple[str, ...]) -> None:
    with process(*words) as running:
        assert running.pid not in [orphan["pid"] for orphan in agent.ask("orphans")["orphans"]]
        assert agent.fail("orphans.stop", pgid=running.pid)["code"] == "not_orphaned"
        assert is_alive(running.pid)


@pytest.mark.parametrize(
    ("studies", "cached_s"),
    [("http://127.0.0.1:8042/dicom-web", 7200), ("/workspace/studies", None)],
)
def test_servers_of_anybody_and_how_long_they_cache_dicomweb(
    agent: AgentProcess, studies: str, cached_s: int | None
) -> None:
    start = ("-m", "monailabel.main", "start_server")
    with process(*start, f"--studies={studies}", "-p", "8765", "-a", "/apps/x") as running:
        found = [one for one in agent.ask("servers")["servers"] if one["pid"] == running.pid]
    assert found == [{
        "pid": running.pid, "port": 8765, "studies": studies, "dicomweb_cache_s": cached_s, "app": "/apps/x",
    }]  # fmt: skip


def test_a_training_whose_server_lives_is_no_orphan(agent: AgentProcess) -> None:
    inner = "import time; time.sleep(60)"
    words = [sys.executable, "-c", inner, *TRAIN, "{}"]
    outer = f"import subprocess, time; print(subprocess.Popen({words!r}).pid, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", outer, "monailabel.main"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "VIRTUAL_ENV": f"{agent.ask('hello')['folder']}/venv"},
    ) as server:
        assert server.stdout is not None
        training = int(server.stdout.readline())
        wait_for(lambda: b"train" in Path(f"/proc/{training}/cmdline").read_bytes())
        assert training not in [orphan["pid"] for orphan in agent.ask("orphans")["orphans"]]
        server.kill()
        server.wait()
        assert training in [orphan["pid"] for orphan in agent.ask("orphans")["orphans"]]
        agent.ask("orphans.stop", pgid=server.pid, grace_s=1)
        assert not is_alive(training)
