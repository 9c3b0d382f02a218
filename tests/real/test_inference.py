"""Batch inference and scoring on a real MONAI Label. It builds on no test before."""

from __future__ import annotations

import getpass
import json
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from labeltui.hosts.agent.remote.guard.work import tasks
from tests.real.conftest import PORT, Bench
from tests.real.test_main_job import until
from tests.real.volumes import make_studies, make_volume, save

SUBMIT = """
import sys
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id="ana")
client.save_label(sys.argv[2], sys.argv[3], tag="final")
client.create_session(sys.argv[3])
"""
STUDIES = [f"case_{number:03}" for number in range(8)]
SLOW = ("case_006", "case_007")
LARGE = (256, 256, 160)  # voxels; the inference of two such studies lasts until it is stopped


def read(label: Path) -> np.ndarray:
    """The values of a label's voxels."""
    return np.asarray(nibabel.load(label).dataobj)  # type: ignore[attr-defined]


def enlarge(study: Path) -> None:
    """Replace a study by a large one."""
    image, _label = make_volume(6)
    grown = np.kron(image, np.ones((7, 7, 7), dtype=np.int16))[: LARGE[0], : LARGE[1], : LARGE[2]]
    save(grown, study)


def stored(studies: Path) -> dict[str, dict[str, Any]]:
    """The datastore's studies, as the server has written them."""
    objects: dict[str, dict[str, Any]] = json.loads((studies / "datastore_v2.json").read_text())["objects"]
    return objects


def test_a_batch_is_stopped_goes_on_and_leaves_the_annotators_labels(deepedit: Bench, tmp_path: Path) -> None:
    bench, studies = deepedit, deepedit.home / "my studies"
    make_studies(studies, 8, labelled=5)
    for name in SLOW:
        enlarge(studies / f"{name}.nii.gz")
    finals = {path.name: path.read_bytes() for path in (studies / "labels/final").iterdir()}
    conf = ("--conf", "use_pretrained_model", "false", "--conf", "skip_scoring", "false")
    started = bench.run("server", "start", *conf)
    assert started.code == 0, started.stderr + started.stdout
    words = bench.argv("infer", "batch", "unlabelled", "--json")
    batch = subprocess.Popen(words, env=bench.environment, stdout=subprocess.PIPE, text=True)
    until(
        "the first study is done", lambda: (bench.run("infer", "status").document.get("done") or 0) >= 1, 150
    )
    assert "a batch inference of deepedit_seg runs" in tasks()  # the guard counts it as work
    second = bench.run("infer", "case_000")
    assert (second.code, second.document["error"]["code"]) == (3, "already_inferring")
    assert f"begun by {getpass.getuser()}@" in second.stdout
    label = tmp_path / "label.nii.gz"
    save(make_volume(7)[1], label)
    bench.python(SUBMIT, f"http://127.0.0.1:{PORT}/", "case_007", str(label))
    stopped = bench.run("infer", "stop", "--yes")
    assert (stopped.code, stopped.document["state"]) == (0, "stopped"), stopped.stderr + stopped.stdout
    output, _ = batch.communicate(timeout=60)
    assert (batch.returncode, json.loads(output)["error"]["code"]) == (1, "stopped")
    done = [name for name in STUDIES if "original" in stored(studies)[name]["labels"]]
    assert done[0] == "case_005"
    assert "case_007" not in done
    assert "label.nii.gz" in [one["image"] for one in bench.run("sessions").document["sessions"]]

    (studies / "case_006.nii.gz").write_bytes(b"no volume")
    named = [name for name in STUDIES if name > "case_003"]
    failed = bench.run("infer", "batch", "marked", *named)
    assert (failed.code, failed.document["error"]["code"]) == (1, "program_failed")
    assert "failed at case_006 after 2 of 4 studies" in failed.document["error"]["message"]
    assert (
        "`labeltui infer batch marked case_006 case_007 --model deepedit_seg`"
        in failed.document["error"]["hint"]
    )
    assert "deepedit_seg is untrained" in failed.stderr
    seen = bench.run("infer", "status").document
    assert (seen["done"], seen["total"], seen["study"]) == (2, 4, "case_006")
    for name in SLOW:
        save(make_volume(int(name[-1]))[0], studies / f"{name}.nii.gz")
    missing = [name for name in STUDIES if "original" not in stored(studies)[name]["labels"]]

    went_on = bench.run("infer", "batch", "all", "--new")
    assert went_on.code == 0, went_on.stderr + went_on.stdout
    assert went_on.document["done"] == len(missing) >= 5
    after = stored(studies)
    assert all("original" in after[name]["labels"] for name in STUDIES)
    # Values of DeepEdit's own labels: its liver has 6, though it is the model's fourth.
    values = {
        int(value)
        for name in STUDIES
        for value in np.unique(read(studies / f"labels/original/{name}.nii.gz"))
    }
    assert values <= {0, 1, 2, 3, 6, 7, 8, 9}
    assert values & {6, 7, 8, 9}
    assert after["case_007"]["labels"]["final"]["info"]["client_id"] == "ana"
    assert {path.name: path.read_bytes() for path in (studies / "labels/final").iterdir()} == {
        **finals, "case_007.nii.gz": label.read_bytes(),
    }  # fmt: skip

    scored = bench.run("score", "dice")
    assert scored.code == 0, scored.stderr + scored.stdout
    assert set(scored.document["results"]) == {*STUDIES[:5], "case_007"}
    assert "dice" in stored(studies)["case_000"]["image"]["info"]
