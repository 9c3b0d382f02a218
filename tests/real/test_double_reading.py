"""Two annotators read one study on a real MONAI Label, through Slicer's client."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import psutil
import pytest

from tests.real.conftest import Bench
from tests.real.test_main_job import console, tunnel
from tests.real.test_worklist import start, studies
from tests.real.volumes import make_volume, save

__all__ = ["studies"]

STUDY = "case_050"
READ = """
import json, sys
from monailabel.client import MONAILabelClient
url, name, label, study = sys.argv[1:5]
client = MONAILabelClient(server_url=url, client_id=name)
given = client.next_sample("worklist", {}).get("id")
if given == study:
    client.save_label(study, label, tag="final", params={"label_info": [{"name": "spleen", "idx": 1}]})
print(json.dumps(given))
"""


def drawn(path: Path, shift: int) -> Path:
    """A label of the study that lies some voxels beside the true one."""
    _image, label = make_volume(50)
    save(np.roll(label, shift, axis=0), path)
    return path


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def dice(one: Path, two: Path) -> float:
    """The Dice coefficient, computed without labeltui."""
    first, second = (np.asarray(nibabel.load(path).dataobj) == 1 for path in (one, two))
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


async def read(bench: Bench, url: str, name: str, label: Path) -> Any:
    return json.loads(await asyncio.to_thread(bench.python, READ, url, name, str(label), STUDY))


async def test_two_readings_are_on_both_machines_and_one_is_chosen(
    bench: Bench, studies: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start(bench)
    for action in ("order", "double"):
        ran = bench.run("studies", action, STUDY)
        assert ran.code == 0, ran.stdout
    pid = bench.run("server", "status").document["pid"]
    assert "--workers 1" in " ".join(psutil.Process(pid).cmdline())
    ana, ben = drawn(tmp_path / "ana.nii.gz", 0), drawn(tmp_path / "ben.nii.gz", 4)
    labels = studies / "labels"
    with tunnel(bench) as url:
        assert await read(bench, url, "ana", ana) == STUDY
        assert await read(bench, url, "ben", ben) != STUDY  # no console has stored the first reading yet
        assert not (labels / "final_ana").exists()
    assert bench.run("server", "restart", "--yes").code == 0
    with tunnel(bench) as url:
        async with console(bench, monkeypatch) as session:
            await session.store.wait_for(
                lambda s: s.worklist.value is not None and s.worklist.value.second == {STUDY: ""}, 60
            )
            assert sha(labels / "final_ana" / f"{STUDY}.nii.gz") == sha(ana)
            assert await read(bench, url, "ana", ana) != STUDY
            assert await read(bench, url, "cleo", ben) == STUDY
            await session.store.wait_for(
                lambda s: s.worklist.value is not None and len(s.worklist.value.readings.get(STUDY, ())) == 2,
                60,
            )
            assert await read(bench, url, "dora", ben) != STUDY
            here = session.labels.folder.root
            sent = {"final_ana": sha(ana), "final_cleo": sha(ben), "final": sha(ben)}
            for tag, digest in sent.items():
                assert sha(labels / tag / f"{STUDY}.nii.gz") == digest
                assert sha(here / tag / f"{STUDY}.nii.gz") == digest
            await session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.safe, 60)
    compared = bench.run("studies", "compare", STUDY).document
    assert compared["clients"] == ["ana", "cleo"]
    (spleen,) = compared["labels"]
    assert (spleen["name"], round(spleen["dice"], 6)) == ("spleen", round(dice(ana, ben), 6))
    assert 0.5 < spleen["dice"] < 1
    ran = bench.run("studies", "choose", STUDY, "ana", "--yes")
    assert ran.code == 0, ran.stdout
    assert sha(labels / "final" / f"{STUDY}.nii.gz") == sha(ana)
    assert bench.run("server", "restart", "--yes").code == 0
    shown = bench.run("studies", "show", STUDY).document
    assert (shown["state"], shown["submitted_by"]["final"]) == ("final", "ana")
    assert [one["client"] for one in shown["readings"]] == ["ana", "cleo"]
    assert {one["tag"]: one["by"] for one in shown["labels"]}["final_cleo"] == "cleo"
    assert sha(labels / "final_cleo" / f"{STUDY}.nii.gz") == sha(ben)
    final = [
        (one["event"], one["client"]) for one in shown["history"] if one.get("label", "").startswith("final")
    ]
    assert final[-1] == ("choose", "ana")  # and no submission, by either annotator
    assert [one for one in final if one[0] == "label"].count(("label", "ana")) == 1
    assert shown["opened_by"] == []
