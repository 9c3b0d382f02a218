"""The main job on real parts, in the order in which an operator does it. Each test builds on the ones before."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from labeltui.domain.guide.guide import guide
from labeltui.domain.guide.step import Mark, Step
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, StudyState, TrainState
from labeltui.domain.studies.study import QueueSource, Study
from labeltui.monailabel.datastore import DatastoreRest
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.operations.progress import Silent
from labeltui.operations.run import run_action
from labeltui.session.log.store import LogStore
from labeltui.session.session import Session
from tests.actions import FailingPrompter
from tests.real.conftest import PORT, PROFILE, SMALL, THIN, Bench
from tests.real.volumes import make_studies, make_volume, save


@asynccontextmanager
async def console(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    """A session as the console holds it."""
    monkeypatch.setenv("LABELTUI_STATE", str(bench.state))
    session = await open_session(Launch(config=str(bench.config), profile=PROFILE), FailingPrompter())
    await session.start()
    try:
        yield session
    finally:
        await session.close()


@contextmanager
def tunnel(bench: Bench) -> Iterator[str]:
    """``labeltui tunnel`` in a process of its own; yields the URL it says, once the server answers through it."""
    process = subprocess.Popen(
        bench.argv("tunnel", "--json"), env=bench.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            document = json.loads(line)
            if document["state"] == "up":
                yield document["url"]
                return
        raise AssertionError("the tunnel ended before it was up")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def group_of(pid: int) -> list[psutil.Process]:
    """Every living process of the group and session that ``pid`` leads."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                pid in (os.getpgid(process.pid), os.getsid(process.pid))
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def trainings(bench: Bench) -> list[psutil.Process]:
    """The host's training children, whoever started them."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline() if process.environ().get("HOME") == str(bench.home) else []
        except psutil.Error:
            continue
        if "monailabel.interfaces.utils.app" in line and "train" in line:
            found.append(process)
    return found


def slicers_step(state: SessionState) -> Step:
    """The guide's step about Slicer."""
    return next(step for step in guide(state) if step.title == "Slicer")


def until(what: str, holds: object, seconds: float = 60) -> None:
    """Wait for a condition outside our event loop."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.05)


# --- install --------------------------------------------------------------------------------------------------------


def test_setup_again_changes_nothing(bench: Bench) -> None:
    first = bench.run("setup", timeout=1200)
    assert first.code == 0, first.stderr[-3000:]
    assert first.document["complete"] is True
    before = sorted(
        (str(p), p.stat().st_mtime_ns) for p in bench.folder.joinpath("venv").rglob("*.dist-info")
    )

    began = time.monotonic()
    again = bench.run("setup")
    print(f"\nsetup again: {time.monotonic() - began:.1f} s")
    assert again.code == 0
    assert again.document["changed"] is False
    assert {step["state"] for step in again.document["steps"]} == {"done"}
    assert before == sorted(
        (str(p), p.stat().st_mtime_ns) for p in bench.folder.joinpath("venv").rglob("*.dist-info")
    )

    check = bench.run("setup", "--check")
    assert (check.code, check.document["complete"], check.document["error"]) == (0, True, None)

    app = bench.folder / "apps/radiology/lib/configs/deepedit.py"
    app.write_text(app.read_text().replace(*SMALL).replace(*THIN))
    assert SMALL[1] in app.read_text()
    assert THIN[1] in app.read_text()


# --- server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--app", "nothing"), "missing_app"),
        (("--studies", "~/nowhere"), "no_studies"),
        (("--models", "no_such_model"), "unknown_model"),
    ],
)
def test_a_start_that_cannot_work_says_why(bench: Bench, words: tuple[str, ...], code: str) -> None:
    ran = bench.run("server", "start", *words)
    assert ran.code == 1
    assert ran.document["error"]["code"] == code
    assert ran.document["error"]["hint"]


def test_server_start(bench: Bench) -> None:
    ran = bench.run("server", "start")
    assert ran.code == 0, ran.stderr + ran.stdout
    server = ran.document
    assert server["state"] == "running"
    assert server["version"] == "0.8.5"
    assert "deepedit" in server["models"]
    assert server["url"]
    assert bench.run("server", "status").document["pid"] == server["pid"]
    second = bench.run("server", "start")
    assert (second.code, second.document["error"]["code"]) == (1, "already_running")


CLIENT = """
import json, sys
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id="slicer")
info = client.info()
sample = client.next_sample("random", {})
print(json.dumps({"version": info["version"], "sample": sample["id"]}))
"""

SUBMIT = """
import sys
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id=sys.argv[4])
client.save_label(sys.argv[2], sys.argv[3], params={"label_info": [{"name": "spleen", "idx": 1}]})
"""


def label_for(study: str, folder: Path) -> Path:
    """The true label of a study that the suite made."""
    path = folder / f"{study}.nii.gz"
    save(make_volume(int(study.rpartition("_")[2]))[1], path)
    return path


async def test_slicers_client_fetches_and_submits_and_the_queue_shows_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tunnel(bench) as url:
        answer = json.loads(bench.python(CLIENT, url))
        assert answer["version"] == "0.8.5"
        study = answer["sample"]
        async with console(bench, monkeypatch) as session:
            state = await session.store.wait_for(
                lambda s: s.queue.value is not None and s.queue.error is None, 30
            )
            assert state.queue.value is not None
            assert (state.queue.value.source, state.queue.value.source_problem) == (QueueSource.FILE, "")
            opened = next(s for s in state.queue.value.studies if s.id == study)
            assert (opened.state, opened.openers) == (StudyState.OPEN, ("slicer",))
            # The queue's file may be read before the server has answered.
            state = await session.store.wait_for(lambda s: slicers_step(s).mark is Mark.DONE, 30)
            assert "slicer" in slicers_step(state).text
            await _copied(session, "final/")  # else one of them may be copied after the new label

            label = label_for(study, tmp_path)
            bench.python(SUBMIT, url, study, str(label), "slicer")
            began = time.monotonic()
            await session.store.wait_for(
                lambda s: (
                    s.queue.value is not None
                    and any(x.id == study and x.state is StudyState.FINAL for x in s.queue.value.studies)
                ),
                60,
            )
            print(f"\nsubmitted label on the queue after {time.monotonic() - began:.2f} s, from the file")
            await _copied(session, f"final/{study}.")
            print(f"and on this machine after {time.monotonic() - began:.2f} s")
            copy = session.labels.folder.root / "final" / label.name
            assert copy.read_bytes() == label.read_bytes()


async def _copied(session: Session, last: str) -> None:
    """Wait until every label is on this machine, and the name of the one copied last begins with ``last``."""
    try:
        await session.store.wait_for(
            lambda s: bool(s.labels.value and s.labels.value.safe and s.labels.value.last.startswith(last)),
            60,
        )
    except TimeoutError:
        raise AssertionError(f"{last} was not copied last: {session.store.state.labels}") from None


NEXT = """
import json, sys
from monailabel.client import MONAILabelClient
print(json.dumps(MONAILabelClient(server_url=sys.argv[1], client_id=sys.argv[2]).next_sample("first", {})["id"]))
"""


async def test_two_people_on_one_study_by_the_same_strategy(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tunnel(bench) as url:
        async with console(bench, monkeypatch) as session:
            await session.readiness.settled()
            study = json.loads(bench.python(NEXT, url, "alice"))
            assert json.loads(bench.python(NEXT, url, "bob")) == study
            state = await session.store.wait_for(lambda s: len(_study(s, study).openers) > 1, 30)
            assert set(_study(state, study).openers) == {"bob", "alice"}  # both may be of the same second
            assert f"shared:{study}" in [alert.key for alert in state.alerts]

            label = label_for(study, tmp_path)
            bench.python(SUBMIT, url, study, str(label), "alice")
            await session.store.wait_for(lambda s: _study(s, study).authors == {"final": "alice"}, 30)
            bench.python(SUBMIT, url, study, str(label), "bob")
            state = await session.store.wait_for(
                lambda s: f"replaced:{study}" in [alert.key for alert in s.alerts], 30
            )
            assert _study(state, study).authors == {"final": "bob"}
        # The console had closed meanwhile, so it reads what happened from the server's log.
        async with console(bench, monkeypatch) as session:
            state = await session.store.wait_for(
                lambda s: f"replaced:{study}" in [alert.key for alert in s.alerts], 30
            )


UPLOAD = """
import sys
from monailabel.client import MONAILabelClient
MONAILabelClient(server_url=sys.argv[1], client_id="slicer").upload_image(sys.argv[3], sys.argv[2])
"""


async def test_studies_that_come_and_go_are_read_from_the_datastores_file_and_equal_the_servers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    studies = bench.home / "my studies"
    source = next(studies.glob("*.nii.gz"))

    async def listed(session: Session, present: set[str], absent: set[str], what: str) -> None:
        began = time.monotonic()
        state = await session.store.wait_for(
            lambda s: present <= (ids := {x.id for x in _studies(s)}) and not absent & ids, 60
        )
        print(f"\n{what} on the queue after {time.monotonic() - began:.2f} s")
        assert state.queue.value is not None
        assert state.queue.value.source is QueueSource.FILE

    with tunnel(bench) as url:
        async with console(bench, monkeypatch) as session:
            await session.store.wait_for(lambda s: bool(_studies(s)), 30)
            asked: list[object] = []
            monkeypatch.setattr(DatastoreRest, "studies", lambda *asking, **_: asked.append(asking))
            shutil.copy(source, studies / "dropped.nii.gz")
            await listed(session, {"dropped"}, set(), "a file copied to the folder")
            bench.python(UPLOAD, url, "uploaded", str(source))
            await listed(session, {"dropped", "uploaded"}, set(), "an uploaded image")
            for name in ("dropped", "uploaded"):
                (studies / f"{name}.nii.gz").unlink()
            await listed(session, set(), {"dropped", "uploaded"}, "two deletions")
            assert asked == []
            monkeypatch.undo()
            theirs = await session.api.client().studies()
            mine = {study.id: (study.tags, study.authors) for study in _studies(session.store.state)}
            assert mine == {study.id: (study.tags, study.authors) for study in theirs.studies}


def _studies(state: SessionState) -> tuple[Study, ...]:
    return state.queue.value.studies if state.queue.value is not None else ()


def _study(state: SessionState, study: str) -> Study:
    """A study of the queue; one without any facts before the queue was read."""
    return next((one for one in _studies(state) if one.id == study), Study(study))


async def test_a_stats_file_with_nan_is_named_and_the_server_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = bench.folder / "apps/radiology/model/deepedit_dynunet/train_stats.json"
    stats.parent.mkdir(parents=True, exist_ok=True)
    stats.write_text('{"epoch": 3, "best_metric": NaN}')
    try:
        restarted = bench.run("server", "restart", "--yes", timeout=120)
        assert (restarted.code, restarted.document["error"]["code"]) == (1, "info_failed")
        assert "not JSON compliant" in restarted.document["error"]["message"]
        assert str(stats) in restarted.document["error"]["hint"]
        server = bench.run("server", "status").document
        assert (server["state"], server["error"]["code"]) == ("running", "info_failed")
        assert server["pid"]

        def tracebacks() -> int:
            return _bytes_of(server["log_path"]).count(b"Exception in ASGI")

        before = tracebacks()
        async with console(bench, monkeypatch) as session:
            await session.store.wait_for(lambda s: "server" in [alert.key for alert in s.alerts], 30)
            await asyncio.sleep(20)
            print(f"\ntracebacks in 20 s: {tracebacks() - before}")
            assert tracebacks() - before <= 8
            stats.unlink()
            session.pollers.info.wake()
            state = await session.store.wait_for(
                lambda s: s.info.error is None and s.info.value is not None, 30
            )
            assert state.server.value is not None
            assert (state.server.value.state, state.server.value.problem) == (ServerState.RUNNING, None)
            assert "server" not in [alert.key for alert in state.alerts]
    finally:
        stats.unlink(missing_ok=True)


# --- training -------------------------------------------------------------------------------------------------------


def test_training_two_epochs(bench: Bench) -> None:
    ran = bench.run("train", "start", "deepedit", "--max-epochs", "2", "--follow")
    assert ran.code == 0, ran.stderr + ran.stdout
    *epochs, final = ran.documents
    assert [e["epoch"] for e in epochs] == [1, 2]
    assert all(e["loss"] > 0 and 0 <= e["metrics"]["val_mean_dice"] <= 1 for e in epochs)
    assert final["state"] == "done"
    assert final["best"]["metric"] == "val_mean_dice"
    assert bench.run("train", "status").document["state"] == "done"


def test_a_training_is_known_after_a_restart_of_the_server(bench: Bench) -> None:
    assert bench.run("server", "restart", "--yes", timeout=120).code == 0
    assert bench.run("train", "status").document["state"] == "idle"
    history = bench.run("train", "history").document
    (training,) = history["trainings"]
    assert history["reached"]
    assert (training["model"], training["state"], training["epochs"]) == ("deepedit", "done", 2)
    assert training["options"]["max_epochs"] == 2
    assert training["model_file"].endswith(".pt")
    assert training["metric"] == "val_mean_dice"
    assert bench.run("report", "--since", "2h").document["best"]["value"] == training["best"]


async def test_the_log_is_stdout_and_app_log_in_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with tunnel(bench) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            assert (await client.post("/infer/no_such", params={"image": "case_001"})).status_code == 500
    app_log = bench.folder / "apps/radiology/logs/app.log"
    async with console(bench, monkeypatch) as session:
        await session.readiness.settled()
        path = session.watch.run.log_path
        assert path is not None
        await _log(session, lambda log: log.size >= len(_bytes_of(path)))
        assert b"Exception in ASGI application" in session.log.bytes()
        assert b"Exception in ASGI application" not in app_log.read_bytes()
        assert session.log.bytes() == _bytes_of(path), "what app.log has, stdout has too: each record once"
        at = re.findall(rb"^\[([\d :,-]{23})\]", session.log.bytes(), re.MULTILINE)[-1]
        line = b"[%b] [7] [MainThread] [INFO] (monailabel.main:1) - another server's" % at
        with app_log.open("ab") as file:
            file.write(line + b"\n")
        await _log(session, lambda log: line in log.bytes())
        lines = session.log.lines(0, session.log.line_count)
        assert [session.log.source_of(number) for number, text in enumerate(lines) if text == line] == [
            "app.log"
        ]
    records = bench.run("server", "logs", "--grep", "another server's").document["records"]
    assert [record["source"] for record in records] == ["app.log"]


def test_an_unknown_trainer(bench: Bench) -> None:
    ran = bench.run("train", "start", "no_such", "--follow")
    assert (ran.code, ran.document["error"]["code"]) == (1, "unknown_model")
    assert "deepedit" in ran.document["error"]["hint"]


def test_a_corrupt_volume_is_named(bench: Bench) -> None:
    broken = bench.home / "my studies/case_001.nii.gz"
    whole = broken.read_bytes()
    broken.write_bytes(b"this is no volume" * 100)
    try:
        ran = bench.run(
            "train", "start", "deepedit", "--max-epochs", "1", "--param", "val_split", "0", "--follow"
        )
    finally:
        broken.write_bytes(whole)
    assert ran.code == 1, ran.stdout
    assert ran.document["state"] == "error"
    assert "case_001" in ran.document["error"]["message"]


def test_a_second_start_and_a_stop_with_one_queued(bench: Bench) -> None:
    first = bench.run("train", "start", "deepedit", "--max-epochs", "50")
    assert (first.code, first.document["state"]) in ((0, "running"), (0, "queued"))
    second = bench.run("train", "start", "deepedit")
    assert (second.code, second.document["error"]["code"]) == (3, "already_training")
    queued = bench.run("train", "start", "deepedit", "--max-epochs", "50", "--enqueue")
    assert queued.code == 0
    assert bench.run("train", "status").document["queued"] == 1

    refused = bench.run("train", "stop")
    assert (refused.code, refused.document["error"]["code"]) == (3, "unconfirmed")
    stopped = bench.run("train", "stop", "--yes")
    assert stopped.code == 0
    now = bench.run("train", "status").document
    assert (now["state"], now["queued"]) == ("running", 0)
    assert now["task_id"] != first.document["task_id"]


def test_server_stop_during_training_leaves_nothing(bench: Bench) -> None:
    until("a training runs", lambda: trainings(bench))
    pid = bench.run("server", "status").document["pid"]
    assert len(group_of(pid)) > 1
    ran = bench.run("server", "stop", "--yes")
    assert (ran.code, ran.document["state"]) == (0, "stopped")
    assert group_of(pid) == []
    assert trainings(bench) == []
    again = bench.run("server", "stop", "--yes")
    assert (again.code, again.document["state"]) == (0, "stopped")


def test_no_labels_at_all(bench: Bench) -> None:
    make_studies(bench.home / "bare", 2)
    try:
        assert bench.run("server", "start", "--studies", "~/bare").code == 0
        ran = bench.run("train", "start", "deepedit", "--follow")
        assert (ran.code, ran.document["error"]["code"]) == (1, "no_labels")
    finally:
        bench.run("server", "stop", "--yes")


async def test_a_killed_server_is_detected_and_its_training_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.run("server", "start").code == 0
    assert bench.run("train", "start", "deepedit", "--max-epochs", "50").code == 0
    async with console(bench, monkeypatch) as session:
        state = await session.readiness.settled()
        assert state.server.value is not None
        pid = state.server.value.pid
        assert pid is not None
        until("the training runs", lambda: trainings(bench))
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        state = await session.store.wait_for(
            lambda s: s.server.value is not None and s.server.value.state is ServerState.CRASHED, 60
        )
        print(f"\nkill -9 noticed after {time.monotonic() - began:.2f} s")
        server = state.server.value
        assert server is not None
        assert server.exit_code == -9
        await session.store.wait_for(
            lambda s: bool(s.server.value and s.server.value.problem and s.server.value.problem.detail), 60
        )
        state = await session.store.wait_for(lambda s: bool(s.server.value and s.server.value.orphans), 30)
        assert state.server.value is not None
        assert state.server.value.orphans[0].model == "deepedit"

        await run_action(session, "server.start", {}, Silent())
        state = await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.ORPHANED, 30
        )
        assert state.training.value is not None
        assert state.training.value.model == "deepedit"
        await run_action(session, "train.stop", {}, Silent(), confirmed=True)
        assert trainings(bench) == []
        state = session.store.state
        assert state.server.value is not None
        assert state.server.value.state is ServerState.RUNNING


async def _log(session: Session, holds: Callable[[LogStore], bool]) -> None:
    """Wait until a condition holds for the server's output as the session stores it."""
    changed = asyncio.Event()
    unsubscribe = session.log.subscribe(changed.set)
    async with asyncio.timeout(60):
        while not holds(session.log):
            changed.clear()
            await changed.wait()
    unsubscribe()


def _bytes_of(path: str) -> bytes:
    return Path(path).read_bytes()


# --- what survives --------------------------------------------------------------------------------------------------


EPOCHS = 12
"""More than pass while sshd dies ten times: the log grows until then."""


async def test_the_log_is_whole_though_sshd_dies_ten_times(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.run("train", "start", "deepedit", "--max-epochs", str(EPOCHS)).code == 0
    moments = random.Random(5)
    async with console(bench, monkeypatch) as session:
        await session.readiness.settled()
        for round_ in range(10):
            size = session.log.size + moments.randrange(300)
            await _log(session, lambda log, size=size: log.size >= size)
            bench.sshd.kill()
            await session.store.wait_for(lambda s: s.host.error is not None, 60)
            bench.sshd.start()
            session.reconnect()
            await session.link.ready(60)
            await _log(session, lambda log: log.marks[-1].back_at is not None)
            assert len(session.log.marks) == round_ + 1
        state = await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.DONE, 600
        )
        assert state.training.value is not None
        assert [p.epoch for p in state.training.value.points] == [*range(1, EPOCHS + 1)]
        path = session.watch.run.log_path
        assert path is not None
        await _log(session, lambda log: log.size >= len(_bytes_of(path)))
        assert session.log.digest() == hashlib.sha256(_bytes_of(path)).hexdigest()
        assert len(session.log.marks) == 10
        assert all(mark.back_at is not None for mark in session.log.marks)


async def test_closed_and_reopened_the_curve_is_complete(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = bench.run("server", "status").document["pid"]
    assert bench.run("train", "start", "deepedit", "--max-epochs", "3").code == 0
    async with console(bench, monkeypatch) as session:
        await session.store.wait_for(lambda s: bool(s.training.value and s.training.value.epoch), 120)
    async with console(bench, monkeypatch) as session:
        state = await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.DONE, 600
        )
        assert state.server.value is not None
        assert state.server.value.pid == pid
        assert state.training.value is not None
        points = state.training.value.points
        assert [p.epoch for p in points] == [1, 2, 3]
        assert all(p.loss is not None and p.validation_dice is not None for p in points)


# --- what is hostile ------------------------------------------------------------------------------------------------


def test_a_hostile_study_is_listed_literally_and_runs_nothing(bench: Bench) -> None:
    name = "[red]x[-] $(touch pwned) \x1b]0;t\x07"
    shutil.copy(bench.home / "my studies/case_007.nii.gz", bench.home / f"my studies/{name}.nii.gz")
    until("the server has listed it", lambda: len(bench.run("studies", "list").document["studies"]) == 9, 60)
    listed = bench.run("studies", "list").document["studies"]
    assert name in [study["id"] for study in listed]
    plain = subprocess.run(
        bench.argv("studies", "list"), env=bench.environment, capture_output=True, timeout=60, check=True
    )
    assert b"\x1b" not in plain.stdout
    assert b"\x07" not in plain.stdout
    assert re.search(rb"\[red\]x\[-\] \$\(touch pwned\)", plain.stdout)
    assert not list(bench.home.rglob("pwned"))


def test_the_shell_runs_a_command_and_gives_its_exit_code(bench: Bench) -> None:
    done = subprocess.run(
        [*bench.argv("shell"), "--", "sh", "-c", "echo $0 \"$1\"; exit 7", "a b", "$(touch pwned)"],
        env=bench.environment, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 7
    assert done.stdout.decode().strip() == "a b $(touch pwned)"


def test_status_and_doctor_agree_that_all_is_well(bench: Bench) -> None:
    status = bench.run("status").document
    assert (status["server"]["state"], status["host"]["state"]) == ("running", "connected")
    assert status["tunnel"]["remote_port"] == PORT
    doctor = bench.run("doctor")
    verdicts = {check["part"]: check["verdict"] for check in doctor.document["checks"]}
    assert verdicts["host"] == verdicts["monailabel"] == verdicts["server"] == "ok"
    assert doctor.code == 0
