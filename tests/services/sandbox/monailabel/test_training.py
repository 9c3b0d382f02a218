"""The stand-in really trains, and its tasks behave as recorded."""

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.paths import EMULATED_MONAILABEL
from tests.services.sandbox.sandbox_server import (
    Running,
    alive,
    make_files,
    recording,
    start,
    start_command,
    until,
)


def test_dice_improves_and_inference_uses_it(server: Callable[..., Running]) -> None:
    running = server(labelled=8)
    before = running.client.post("/infer/deepedit?image=spleen_018&output=image").content
    asked = running.client.post("/train/deepedit", json={"max_epochs": 12}).json()
    assert set(asked) == set(recording("train_post_defaults")["body"])
    done = running.trained()
    assert done["status"] == "DONE", done["details"]
    assert set(done) == set(recording("train_status_done")["body"])
    assert len(done["details"]) == 20
    stats = running.client.get("/info/").json()["train_stats"]["deepedit"]
    recorded = recording("info_after_train")["body"]["train_stats"]["deepedit"]
    assert list(stats) == list(recorded)
    assert list(stats["eval"]["metrics"]) == list(recorded["eval"]["metrics"])
    curve = [float(m) for m in re.findall(r"val_mean_dice: (\d\.\d{4})(?!\d)", running.log.read_text())]
    assert len(curve) == 12
    assert curve[-1] > max(0.6, curve[0] + 0.1)
    after = running.client.post("/infer/deepedit?image=spleen_018&output=image").content
    assert after != before
    model = running.client.get("/model/info/deepedit").json()
    assert set(model) == set(recording("model_info_after_train")["body"])
    assert running.client.get("/model/deepedit").status_code == 200


def skeleton(text: str) -> list[str]:
    """The training child's lines by what they say, numbers and paths left out."""
    start_at = text.index("basic_train:436")
    lines = []
    for line in text[start_at:].splitlines():
        if re.search(
            r"simulated clicks|nvimgcodec|NvImgCodec|Orientationd|autocast|GradScaler|Download", line
        ):
            continue  # what torch and the interactive network add
        if "Got new best" in line or "New Model published" in line:
            continue  # depends on how well it went
        if "monailabel.endpoints" in line or "activelearning" in line or "Already Running" in line:
            continue  # other requests in between
        said = re.sub(r"^\[[^\]]*\] \[\d+\] \[[^\]]*\]|^\d{4}-\S+ \S+", "", line)
        lines.append(re.split(r"[\d/{]|file:|None", re.sub(r":\d+\)", ")", said))[0].strip())
    return lines


def test_training_says_what_the_real_one_says_in_its_order(server: Callable[..., Running]) -> None:
    running = server(labelled=5)
    running.client.post("/train/deepedit", json={"max_epochs": 3, "tracking": "None"})
    assert running.trained()["status"] == "DONE"
    recorded = (EMULATED_MONAILABEL / "log_train_3epochs.txt").read_text()
    assert skeleton(running.log.read_text()) == skeleton(recorded)


def test_queue_and_stop(server: Callable[..., Running]) -> None:
    running = server(epoch_seconds=30.0)
    client = running.client
    first = client.post("/train/deepedit", json={"max_epochs": 50}).json()
    until(
        lambda: running.train_state() == "RUNNING" and client.get("/train/?check_if_running=true").is_success
    )
    refused = client.post("/train/deepedit", json={})
    assert (refused.status_code, refused.json()) == (429, recording("train_post_when_running")["body"])
    queued = client.post("/train/deepedit?enqueue=true", json={"max_epochs": 50}).json()
    assert client.get("/train/").json()["id"] == queued["id"]
    assert client.get("/train/").json()["status"] == "SUBMITTED"
    assert "details" not in client.get("/train/").json()
    assert client.get("/train/?check_if_running=true").json()["id"] == first["id"]
    stopped = client.delete("/train/").json()
    assert (stopped["id"], stopped["status"]) == (first["id"], "STOPPED")
    assert set(stopped) == set(recording("train_status_stopped")["body"])
    until(lambda: running.train_state() == "RUNNING")
    assert [task["status"] for task in client.get("/train/?all=true").json()] == ["STOPPED", "RUNNING"]
    assert "Return code: -9" in running.log.read_text()
    until(lambda: client.delete("/train/").json())
    assert client.delete("/train/").json() is None


@pytest.mark.parametrize(
    ("model", "changes", "last_words"),
    [
        ("nope", {}, "There is no model 'nope' available"),
        (
            "deepedit",
            {"labelled": 0},
            "ValueError: num_samples should be a positive integer value, but got num_samples=0",
        ),
    ],
)
def test_what_cannot_be_trained(
    server: Callable[..., Running], model: str, changes: dict[str, int], last_words: str
) -> None:
    running = server(**changes)
    assert running.client.post(f"/train/{model}", json={}).status_code == 200
    task = running.trained()
    assert task["status"] == "ERROR"
    assert last_words in task["details"][-1]


def test_a_corrupt_volume_is_named_in_the_log(server: Callable[..., Running]) -> None:
    running = server()
    (running.files.studies / "spleen_002.nii.gz").write_bytes(b"not a volume")
    running.client.post("/train/deepedit", json={"val_split": 0})
    task = running.trained()
    assert task["status"] == "ERROR"
    assert task["details"][-1].startswith(
        "RuntimeError: applying transform <monai.transforms.io.dictionary.LoadImaged"
    )
    path = running.files.studies / "spleen_002.nii.gz"
    assert f"LoadImage cannot find a suitable reader for file: {path}." in running.log.read_text()


def test_out_of_memory_ends_in_error_with_the_kill(server: Callable[..., Running]) -> None:
    running = server(oom_after_epochs=1)
    running.client.post("/train/deepedit", json={"max_epochs": 5})
    assert running.trained()["status"] == "ERROR"
    until(lambda: "Return code: -9" in running.log.read_text())


def test_pre_labelling_and_scoring(server: Callable[..., Running]) -> None:
    running = server(labelled=9)
    client = running.client
    asked = client.post("/batch/infer/deepedit_seg?images=unlabeled", json={"save_label": True}).json()
    assert asked["request"]["images"] == "unlabeled"
    until(lambda: client.get("/batch/infer").json()["status"] == "DONE")
    until(lambda: client.get("/datastore/").json()["label_tags"].get("original") == 3)
    assert " => cpu => 3 / 3" in running.log.read_text()
    client.post("/batch/infer/deepedit_seg?images=all", json={"images": ["spleen_002"], "label_tag": "named"})
    until(lambda: client.get("/datastore/").json()["label_tags"].get("named") == 1)
    assert client.post("/scoring/dice", json={}).status_code == 200
    until(lambda: client.get("/scoring/").json()["status"] == "ERROR")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGINT, 0)])
def test_signals_end_it_with_the_real_exit_codes(
    server: Callable[..., Running], number: signal.Signals, code: int
) -> None:
    running = server()
    running.process.send_signal(number)
    assert running.process.wait(10) == code
    assert (
        running.log.read_text()
        .rstrip()
        .splitlines()[-1]
        .endswith(f"Finished server process [{running.process.pid}]")
    )


def test_a_server_ended_alone_leaves_its_training(server: Callable[..., Running]) -> None:
    running = server(epoch_seconds=30.0)
    running.client.post("/train/deepedit", json={})
    log = running.log
    child = int(until(lambda: re.search(r"\[(\d+)\] .* \(__main__:37\)", log.read_text()))[1])
    running.process.kill()
    running.process.wait(10)
    assert alive(child)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"app": "/nowhere"}, 1, "APP Directory /nowhere NOT Found"),
        ({"app": ""}, 1, "APP Directory NOT provided"),
        ({"port": "many"}, 2, "invalid int value"),
    ],
)
def test_wrong_start(tmp_path: Path, options: dict[str, str], code: int, words: str) -> None:
    files = make_files(tmp_path / "pod")
    ended = subprocess.run(
        start_command(files, 1, **options),
        capture_output=True,
        env=files.environment(),
        timeout=20,
        check=False,
    )
    assert ended.returncode == code
    assert words in (ended.stdout + ended.stderr).decode()


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        (("models", "bogus"), "Invalid Model(s) are provided: ['bogus']"),
        (("sam2", "false"), "Provide --conf models"),
    ],
)
def test_no_usable_model_ends_with_3(tmp_path: Path, conf: tuple[str, str], words: str) -> None:
    running = start(make_files(tmp_path / "pod"), conf=conf)
    assert running.process.wait(15) == 3
    log = running.log.read_text()
    assert words in log
    assert log.rstrip().endswith("Application startup failed. Exiting.")
    running.client.close()


def test_a_taken_port_ends_with_3_after_the_app_was_made(
    server: Callable[..., Running], tmp_path: Path
) -> None:
    first = server()
    second = start(make_files(tmp_path / "other"), port=first.port)
    assert second.process.wait(15) == 3
    log = second.log.read_text()
    assert "App Init - completed" in log
    assert f"error while attempting to bind on address ('127.0.0.1', {first.port})" in log
    second.client.close()


def test_the_crash_scenario_dies_with_a_traceback(server: Callable[..., Running]) -> None:
    running = server(crash_after=0.3)
    assert running.process.wait(15) == 1
    assert running.log.read_text().rstrip().splitlines()[-1].startswith("RuntimeError: CUDA error")


def test_hostile_names_stay_as_they_are(server: Callable[..., Running]) -> None:
    running = server(hostile=True)
    objects = running.client.get("/datastore/?output=all").json()["objects"]
    name = "[red]x[bold] $(touch pwned) \x1b]0;t\x07"
    assert name in objects
    assert running.client.get("/datastore/image", params={"image": name}).status_code == 200
    until(lambda: "\x1b[2J" in running.log.read_text() or "$(touch pwned)" in running.log.read_text())
    assert not list(running.files.root.rglob("pwned"))
    assert (
        json.loads((running.files.studies / "datastore_v2.json").read_text())["objects"].keys()
        == objects.keys()
    )
