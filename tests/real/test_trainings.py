"""Trainings that a real MONAI Label calls done, and those that it loses. They build on no test before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import SMALL, Bench
from tests.real.test_main_job import group_of, trainings, until
from tests.real.zoo_bundle import HALF, NAME, make_zoo_bundles


@pytest.fixture(scope="module")
def bundles(bench: Bench) -> Iterator[Bench]:
    """A server that offers two bundles of the model zoo's kind."""
    assert bench.run("setup", timeout=1200).code == 0
    make_zoo_bundles(bench.folder / "apps/monaibundle/model")
    bench.run("server", "stop", "--yes")
    models = f"{NAME},{HALF}"
    ran = bench.run(
        "server", "start", "--app", "monaibundle", "--models", models, "--conf", "zoo_source", "ngc"
    )
    assert ran.code == 0, ran.stderr + ran.stdout
    yield bench
    bench.run("server", "stop", "--yes")


def test_the_bundle_app_has_a_worklist(bundles: Bench) -> None:
    assert bundles.run("studies", "list").document["worklist"]["why_not"] is None
    assert bundles.run("studies", "next", "--yes").document["strategy"] == "worklist"


def test_a_bundle_with_a_logging_conf_of_its_own_reports_each_epoch(bundles: Bench) -> None:
    ran = bundles.run("train", "start", NAME, "--max-epochs", "2", "--follow")
    assert ran.code == 0, ran.stderr + ran.stdout
    *epochs, final = ran.documents
    assert [e["epoch"] for e in epochs] == [1, 2]
    assert all(e["loss"] > 0 and 0 <= e["metrics"]["val_mean_dice"] <= 1 for e in epochs)
    assert (final["state"], final["epoch"], final["best"]["metric"]) == ("done", 2, "val_mean_dice")


def test_a_training_that_fails_in_epoch_2_is_not_done_because_its_process_exits_with_0(
    bundles: Bench,
) -> None:
    ran = bundles.run("train", "start", HALF, "--max-epochs", "3", "--follow")
    assert (ran.code, ran.document["state"]) == (1, "error")
    assert "after 1 of 3 epochs: ValueError" in ran.document["error"]["message"]


def test_a_training_that_trains_nothing_is_not_done(bundles: Bench) -> None:
    ran = bundles.run("train", "start", NAME, "--param", "force_multi_gpu", "true", "--follow")
    assert (ran.code, ran.document["error"]["code"]) == (1, "nothing_trained")
    checks = {check["part"]: check for check in bundles.run("doctor").document["checks"]}
    assert checks["training"]["verdict"] != "ok"


def test_the_death_of_the_server_ends_the_following_and_leaves_an_orphan(bench: Bench) -> None:
    assert bench.run("setup", timeout=1200).code == 0
    bench.run("server", "stop", "--yes")  # that of the bundles
    app = bench.folder / "apps/radiology/lib/configs/deepedit.py"
    app.write_text(app.read_text().replace(*SMALL))
    started = bench.run("server", "start")
    assert started.code == 0, started.stderr + started.stdout
    group = started.document["pid"]
    words = bench.argv("train", "start", "deepedit", "--max-epochs", "50", "--follow", "--json")
    following = subprocess.Popen(words, env=bench.environment, stdout=subprocess.PIPE, text=True)
    until("the training runs", lambda: any(os.getpgid(one.pid) == group for one in trainings(bench)))
    os.kill(group, signal.SIGKILL)
    began = time.monotonic()
    stdout, _ = following.communicate(timeout=30)
    print(f"\nthe following ended {time.monotonic() - began:.1f} s after its server")
    final = json.loads(stdout.splitlines()[-1])
    assert (following.returncode, final["error"]["code"]) == (1, "orphaned")
    status = bench.run("train", "status").document
    assert (status["state"], status["model"], status["eta_s"]) == ("orphaned", "deepedit", None)
    assert bench.run("train", "stop", "--yes").document["state"] != "orphaned"
    assert group_of(group) == []


def test_a_training_whose_output_is_lost_with_its_server_is_named_and_not_idle(bench: Bench) -> None:
    assert bench.run("setup", timeout=1200).code == 0
    started = bench.run("server", "start")
    assert started.code == 0, started.stderr + started.stdout
    trained = bench.run("train", "start", "deepedit", "--max-epochs", "50").document
    os.killpg(started.document["pid"], signal.SIGKILL)
    Path(started.document["log_path"]).unlink()
    until(
        "group and training have ended",
        lambda: not group_of(started.document["pid"]) and not trainings(bench),
    )
    status = bench.run("train", "status").document
    assert (status["state"], status["model"], status["task_id"]) == (
        "error",
        "deepedit",
        trained["task_id"],
    )
    assert status["error"]["code"] == "server_gone"
    assert status["started_at"] == trained["started_at"]
