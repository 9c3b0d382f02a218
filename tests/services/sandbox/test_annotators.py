"""The simulated activity in the pod."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from labeltui.monailabel.serving.settings import VARIABLE, Settings
from labeltui.sandbox.annotators import annotate, arrive
from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.monailabel.classifier import dice
from labeltui.sandbox.nifti import decode
from labeltui.sandbox.scenarios import find
from tests.services.sandbox.sandbox_server import Running, free_port, make_files, until

EAGER = replace(find("healthy"), annotator_pause=0.0)


async def test_an_annotator_fetches_and_submits_good_labels(server: Callable[..., Running]) -> None:
    running = server(labelled=11)
    task = asyncio.create_task(annotate("ana", EAGER, running.files, running.port))
    await asyncio.to_thread(until, lambda: running.client.get("/datastore/").json()["completed"] == 12)
    task.cancel()
    entry = running.client.get("/datastore/?output=all").json()["objects"]["spleen_018"]
    assert {opener["client_id"] for opener in entry["image"]["info"]["strategy"].values()} == {"ana"}
    assert entry["labels"]["final"]["info"]["client_id"] == "ana"
    drawn, _ = decode(running.files.studies / "labels" / "final" / "spleen_018.nii.gz")
    truth, _ = decode(running.files.truth / "spleen_018.nii.gz")
    score = dice(drawn, truth, 1)
    assert score is not None
    assert 0.85 < score < 1
    assert "New label saved for: spleen_018 => spleen_018" in running.log.read_text()


async def test_an_annotator_waits_for_a_server_that_is_down(tmp_path: Path) -> None:
    task = asyncio.create_task(annotate("ben", EAGER, make_files(tmp_path / "pod"), free_port()))
    done, _ = await asyncio.wait((task,), timeout=1.5)
    assert not done
    task.cancel()


async def test_studies_arrive(server: Callable[..., Running]) -> None:
    running = server()
    await arrive(replace(EAGER, most_studies=14), running.files, 0.01)
    await asyncio.to_thread(until, lambda: running.client.get("/datastore/").json()["total"] == 14)
    assert "Adding New Image: spleen_101 => spleen_101.nii.gz" in running.log.read_text()


async def test_annotators_on_the_worklist_never_share_a_study(
    server: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = {VARIABLE: Settings(tmp_path / "w.json", "random", 5400).text()}
    plain = PodFiles.environment
    monkeypatch.setattr(PodFiles, "environment", lambda files: plain(files) | setting)
    running = server(labelled=2)
    assert next(iter(running.client.get("/info/").json()["strategies"])) == "worklist"
    names = [name for name in ("ana", "ben", "user-xyz", "") for _ in range(3)]
    answers = [
        running.client.post("/activelearning/worklist", json={"client_id": name} if name else {}).json()
        for name in names
    ]
    studies = {(name, answer.get("id")) for name, answer in zip(names, answers, strict=True)}
    assert len(studies) == len({study for _, study in studies}) == 8
