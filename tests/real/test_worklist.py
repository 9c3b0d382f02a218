"""The worklist on a real MONAI Label: three annotators and one without an id, at once, through Slicer's client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.state import SessionState
from labeltui.session.studies.worklist import ALL_FINAL
from tests.real.conftest import FOLDER, Bench
from tests.real.test_main_job import console, label_for, tunnel
from tests.real.volumes import make_studies

STUDIES, ROUNDS = 120, 40
WHERE = "~/many studies"

ANNOTATE = """
import json, sys, threading, time
from monailabel.client import MONAILabelClient
url, strategy, label, rounds, submits = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5] == "submit"
given, submitted, lock = [], {}, threading.Lock()

def work(name):
    client = MONAILabelClient(server_url=url, client_id=name)
    for _ in range(rounds):
        study = client.next_sample(strategy, {}).get("id")
        with lock:
            given.append((name, study))
        if study is not None and submits:
            submitted[study] = time.time()
            client.save_label(study, label, tag="final", params={"label_info": [{"name": "spleen", "idx": 1}]})

threads = [threading.Thread(target=work, args=(name,)) for name in ("ana", "ben", "cleo", None)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps([given, submitted]))
"""
NEXT = """
import json, sys
from monailabel.client import MONAILabelClient
names = json.loads(sys.argv[3])
print(json.dumps([
    MONAILabelClient(server_url=sys.argv[1], client_id=n).next_sample(sys.argv[2], {}).get("id") for n in names
]))
"""


@pytest.fixture
def studies(bench: Bench) -> Iterator[Path]:
    """120 unlabelled volumes, and no server."""
    bench.run("setup", timeout=1200)
    bench.run("server", "stop", "--yes")
    folder = bench.home / WHERE.removeprefix("~/")
    shutil.rmtree(folder, ignore_errors=True)
    for stale in (bench.home / FOLDER.removeprefix("~/") / "run").glob("worklist-*"):
        stale.unlink()
    make_studies(folder, STUDIES, labelled=0)
    yield folder
    bench.run("server", "stop", "--yes")


def start(bench: Bench, *words: str) -> None:
    ran = bench.run("server", "start", "--studies", WHERE, *words)
    assert ran.code == 0, ran.stderr + ran.stdout


def annotate(bench: Bench, url: str, strategy: str, label: Path, rounds: int, submits: str) -> Any:
    return json.loads(bench.python(ANNOTATE, url, strategy, str(label), str(rounds), submits))


def finals(state: SessionState) -> list[str]:
    """The studies that the console shows as final."""
    queue = state.queue.value
    return [one.id for one in queue.studies if "final" in one.tags] if queue is not None else []


def study_of(label: HostLabel) -> str:
    """The study of a label file."""
    return label.name.partition(".")[0]


def note(studies: Iterable[str], times: dict[str, float]) -> None:
    """Store the time at which each study was seen first."""
    now = time.time()
    for study in studies:
        times.setdefault(study, now)


def refused(state: SessionState) -> set[str]:
    """The annotators who got no study."""
    worklist = state.worklist.value
    return {one.client for one in worklist.refusals} if worklist is not None else set()


def fetch(bench: Bench, url: str, strategy: str, *names: str | None) -> Any:
    return json.loads(bench.python(NEXT, url, strategy, json.dumps(names)))


async def test_no_study_is_handed_out_twice(
    bench: Bench, studies: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start(bench)
    label = label_for("case_001", tmp_path)
    shown, copied = dict[str, float](), dict[str, float]()
    with tunnel(bench) as url:
        async with console(bench, monkeypatch) as session:
            await session.readiness.settled()
            session.store.subscribe(lambda state, _changed: note(finals(state), shown))
            session.labels.on_copied.append(lambda _root, labels: note(map(study_of, labels), copied))
            given, submitted = await asyncio.to_thread(
                annotate, bench, url, "worklist", label, ROUNDS, "submit"
            )
            # All three got nothing at last, which the server's log reports; the worklist is polled every 15 s.
            await session.store.wait_for(lambda s: refused(s) >= {"ana", "ben", "cleo"}, 60)
            await session.store.wait_for(lambda s: ALL_FINAL in {alert.key for alert in s.alerts}, 60)
            await session.store.wait_for(lambda s: len(finals(s)) == STUDIES, 60)
            await session.store.wait_for(
                lambda s: s.labels.value is not None and s.labels.value.here == STUDIES, 60
            )
            sums = {
                hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (session.labels.folder.root / "final").glob("case_*")
            }
    assert sums == {hashlib.sha256(label.read_bytes()).hexdigest()}
    for what, times in (("shown", shown), ("copied", copied)):
        waits = sorted(times[study] - at for study, at in submitted.items())
        print(f"{what} after submit: median {waits[60]:.2f} s, p95 {waits[113]:.2f} s, {len(waits)} labels")
    counts = Counter(study for _, study in given if study is not None)
    print(f"\n{dict(Counter(name for name, study in given if study is not None))}")
    assert len(given) == 4 * ROUNDS
    assert (len(counts), set(counts.values())) == (STUDIES, {1})
    assert len(list((studies / "labels" / "final").iterdir())) == STUDIES
    error = bench.run("studies", "next", "worklist", "--yes").document["error"]
    assert (error["code"], "120 are final" in error["message"]) == ("nothing_left", True)


async def test_holds_and_decisions_survive_a_restart(
    bench: Bench, studies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(bench, "--worklist", "first")
    strategies = bench.run("studies", "list").document["worklist"]
    assert strategies["why_not"] is None
    for words in (("order", "case_050"), ("assign", "case_001", "--to", "ben"), ("skip", "case_002")):
        ran = bench.run("studies", *words)
        assert ran.code == 0, ran.stdout
    with tunnel(bench) as url:
        first = fetch(bench, url, "worklist", "ana", "ana", "ben", "user-xyz", "user-xyz", None)
    assert first == ["case_050", "case_050", "case_001", "case_000", "case_003", "case_004"]
    assert bench.run("server", "restart", "--yes").code == 0
    with tunnel(bench) as url:
        again = fetch(bench, url, "worklist", "cleo", "ana", "ben", "user-xyz")
        async with console(bench, monkeypatch) as session:
            state = await session.store.wait_for(
                lambda s: any(alert.key == "shared name" for alert in s.alerts), 30
            )
            assert state.worklist.value is not None
            held = {s: [h.client for h in hs] for s, hs in state.worklist.value.holders.items()}
    assert again == ["case_005", "case_050", "case_001", "case_006"]
    assert held["case_050"] == ["ana"]
    assert held["case_004"] == [""]
    listed = {one["id"]: one for one in bench.run("studies", "list").document["studies"]}
    assert listed["case_002"]["skipped"]
    assert bench.run("studies", "skip", "case_002", "--undo").document["skipped"] == []


async def test_the_same_annotators_on_first_raise_the_alert_of_a_collision(
    bench: Bench, studies: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start(bench, "--worklist", "off")
    with tunnel(bench) as url:
        async with console(bench, monkeypatch) as session:
            await session.readiness.settled()
            given, _ = annotate(bench, url, "first", tmp_path / "none", 1, "hold")
            (study,) = {study for _, study in given}
            state = await session.store.wait_for(
                lambda s: any(alert.key == f"shared:{study}" for alert in s.alerts), 30
            )
            assert state.worklist.value is not None
            assert state.worklist.value.why_not == "this server was started without one"
