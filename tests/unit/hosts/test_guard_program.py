"""The guard's program within this process: clocks that jump, DICOM servers, what a start of the pod before left."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.package import build_package
from labeltui.hosts.agent.remote.guard import main as program
from labeltui.hosts.agent.remote.guard import state_files
from labeltui.hosts.agent.remote.guard.budget import age_s
from labeltui.hosts.agent.remote.guard.main import Guard
from labeltui.hosts.agent.remote.guard.state_files import GuardFiles, pod_environment


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.mono, self.wall = 1000.0, 1_800_000_000.0

    def monotonic(self) -> float:
        return self.mono

    def time(self) -> float:
        return self.wall

    def pass_(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(program, "time", made)
    monkeypatch.setenv(state_files.ENVIRONMENT_ELSEWHERE, "/nowhere")
    monkeypatch.setenv("LABELTUI_DEMO_POD", "nothing runs in it")
    monkeypatch.setenv("PATH", "/nowhere")
    return made


def made(tmp_path: Path, **desired: Any) -> Guard:
    files = GuardFiles(tmp_path, "pod")
    files.make()
    guard = Guard(files, "v1")
    studies = tmp_path / "studies"
    studies.mkdir(exist_ok=True)
    guard.desired = {"studies": str(studies), "policy": {"idle_s": 2700.0}, **desired}
    return guard


def decision(guard: Guard) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(guard.files.state).read_text())["decision"]
    return document


def test_a_wall_clock_that_jumps_changes_no_countdown(tmp_path: Path, clocks: Clocks) -> None:
    guard = made(tmp_path, rate=0.5, started_at="2027-01-15T08:00:00+00:00")
    guard.step()
    spent = guard.budget.spent
    for jump in (+86400.0 * 365, -86400.0 * 400, +3.0):
        clocks.wall += jump
        clocks.pass_(60)
        guard.step()
    assert decision(guard)["left_s"] == 2700.0 - 180
    assert spent is not None
    assert guard.budget.spent == pytest.approx(spent + 0.5 * 180 / 3600)


def test_idleness_is_due_to_the_second(tmp_path: Path, clocks: Clocks) -> None:
    guard = made(tmp_path)
    guard.step()
    clocks.pass_(2699)
    guard.step()
    assert decision(guard)["left_s"] == 1.0
    clocks.pass_(1)
    guard.step()
    assert decision(guard)["left_s"] == 0.0
    assert decision(guard)["state"] == "stuck"  # this process is on no pod
    (tmp_path / "studies" / "new.nii.gz").write_text("x")
    clocks.pass_(61)
    guard.step()
    assert decision(guard)["left_s"] == 2700.0


@pytest.mark.parametrize(
    ("studies", "uncopied", "said"),
    [
        ("https://pacs.hospital.org/dicom-web", 0, ""),
        ("http://127.0.0.1:8042/dicom-web", None, "on a DICOM server on the pod itself"),
        ("http://localhost:8042/dicom-web", None, "on a DICOM server on the pod itself"),
        ("", None, "no console has said where the studies are"),
    ],
)
def test_labels_that_lie_on_a_dicom_server(
    tmp_path: Path, clocks: Clocks, studies: str, uncopied: int | None, said: str
) -> None:
    guard = made(tmp_path, studies=studies)
    guard.step()
    assert guard.uncopied == uncopied
    assert said in guard.uncopied_what
    assert bool(decision(guard)["blocks"]) == (uncopied is None)


def test_a_watcher_that_fails_is_named_and_stops_nothing_else(
    tmp_path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = made(tmp_path)
    guard.step()

    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(guard.labels, "poll", broken)
    monkeypatch.setattr(program.work, "tasks", broken)
    (tmp_path / "studies" / "new.nii.gz").write_text("x")
    clocks.pass_(3000)
    guard.step()
    document = decision(guard)
    assert "it is not known whether a training runs" in document["words"]
    assert any("the disk is gone" in block for block in document["blocks"])
    assert "upload" in guard.last_seen.times
    assert set(guard.problems) == {"label", "training"}


def test_why_it_stopped_the_pod_is_reported_after_the_next_start(tmp_path: Path, clocks: Clocks) -> None:
    guard = made(tmp_path)
    guard.step()
    guard.stopper.by, guard.boot = "the pod's own key", "another boot"
    guard.write(clocks.mono, guard.decide(clocks.mono))
    again = made(tmp_path)
    assert "keep" not in again.last_seen.times
    assert again.budget.spent is None
    assert again.last_stop["at"] == clocks.wall
    assert again.last_stop["by"] == again.keys.stopped_by == "the pod's own key"
    again.step()
    assert json.loads(Path(again.files.state).read_text())["last_stop"] == again.last_stop


def test_the_environment_of_a_pod_is_read_without_running_it(tmp_path: Path) -> None:
    exported = tmp_path / "rp_environment"
    exported.write_text(
        'export RUNPOD_POD_ID="abc"\nexport RUNPOD_EVIL="$(touch pwned)"\nexport RUNPOD_TICK="`id`"\n'
        'export OTHER="x"\nexport RUNPOD_API_KEY="rpa_1"\nexport RUNPOD_CUT="a"b"\n'
    )
    found = pod_environment({state_files.ENVIRONMENT_ELSEWHERE: str(exported), "RUNPOD_API_KEY": "rpa_own"})
    assert {k: v for k, v in found.items() if k in ("RUNPOD_POD_ID", "RUNPOD_API_KEY")} == {
        "RUNPOD_POD_ID": "abc",
        "RUNPOD_API_KEY": "rpa_own",
    }
    assert not {"RUNPOD_EVIL", "RUNPOD_TICK", "RUNPOD_CUT", "OTHER"} & set(found)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("2027-01-15T07:59:00Z", 60.0),
        ("2027-01-15T07:59:00.123456Z", 60.0),
        ("2027-01-15T09:59:00+02:00", 60.0),
        ("2027-01-15T08:01:00Z", 0.0),
        ("yesterday", None),
        ("2027-01-15T07:59:00", None),
    ],
)
def test_how_old_a_pod_is(text: str, age: float | None) -> None:
    assert age_s(text, 1_800_000_000.0) == age


def test_everything_that_is_sent_is_python_3_8_and_imports_nothing_else() -> None:
    import ast
    import io
    import sys
    import zipfile

    archive = zipfile.ZipFile(io.BytesIO(build_package().source))
    assert "labeltui/domain/guard/wire.py" in archive.namelist()
    for name in archive.namelist():
        tree = ast.parse(archive.read(name), name, feature_version=(3, 8))
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                inside = module.replace(".", "/")
                known = {f"{inside}.py", f"{inside}/__init__.py"} & set(archive.namelist())
                assert known or module.partition(".")[0] in sys.stdlib_module_names, (name, module)
    assert build_package() == build_package.__wrapped__()


def test_a_step_that_fails_and_a_disk_that_is_full_end_no_guard(
    tmp_path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = made(tmp_path)
    guard.files.write(guard.files.desired, {**guard.desired, "version": "v1"})
    steps = iter([OSError("No space left on device"), ValueError("odd"), None])

    def step() -> None:
        error = next(steps)
        if error is not None:
            raise error
        guard.files.write(guard.files.desired, {"version": "v2"})

    monkeypatch.setattr(guard, "step", step)
    monkeypatch.setattr(clocks, "sleep", lambda _s: None, raising=False)
    guard.run()
    assert "a step failed: ValueError: odd" in Path(guard.files.log_file).read_text()
    guard.files.log_file = tmp_path / "nowhere" / "guard.log"
    guard.files.say("nobody reads this")
