"""Trained models on a real MONAI Label: they come home whole, and a new model folder gives the same masks with them."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labeltui.monailabel.weights import model_names, weight_files
from tests.checkpoints import checkpoint
from tests.real.conftest import KILLS, PORT, Bench, write_config
from tests.real.test_main_job import until

INFER = """
import hashlib, sys
import nibabel, numpy
from monailabel.client import MONAILabelClient
file, _ = MONAILabelClient(sys.argv[1]).infer("deepedit_seg", "case_006", {})
mask = numpy.asarray(nibabel.load(file).dataobj)
print(hashlib.sha256(mask.tobytes()).hexdigest(), int(mask.any()))
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mask_of(bench: Bench) -> tuple[str, bool]:
    """The checksum of the mask that automatic segmentation gives, and whether it has anything in it."""
    digest, filled = bench.python(INFER, f"http://127.0.0.1:{PORT}/").split()[-2:]
    return digest, filled == "1"


def started(bench: Bench, *words: str) -> dict[str, object]:
    ran = bench.run("server", "start", *words)
    assert ran.code == 0, ran.stderr + ran.stdout
    return ran.document


def test_a_trained_model_comes_home_and_segments_the_same_in_an_empty_folder(deepedit: Bench) -> None:
    bench = deepedit
    folder = bench.folder / "apps/radiology/model"
    published = folder / "deepedit_dynunet.pt"
    weights = started(bench)["weights"]
    assert isinstance(weights, dict)
    assert (weights["deepedit"], weights["deepedit_seg"]) == ("untrained", "untrained")
    assert weights["GMM+GraphCut"] is None  # scribbles have no weights
    trained = bench.run("train", "start", "deepedit", "--max-epochs", "1", "--follow")
    assert trained.code == 0, trained.stderr + trained.stdout
    assert bench.run("server", "status").document["weights"]["deepedit"] == "trained"
    before = mask_of(bench)

    pulled = bench.run("models", "pull")
    assert pulled.code == 0, pulled.stderr + pulled.stdout
    (copy,) = pulled.document["copied"]
    assert sha256(Path(copy["file"])) == copy["sha256"] == sha256(published)
    assert copy["metric"]
    assert bench.run("models", "pull").document["copied"] == []
    bench.run("server", "stop", "--yes")

    shutil.rmtree(folder)
    assert started(bench)["weights"]["deepedit"] == "untrained"  # type: ignore[index]
    noise = mask_of(bench)
    assert noise != before
    pushed = bench.run("models", "push", "deepedit", "--yes")
    assert pushed.code == 0, pushed.stderr + pushed.stdout
    assert sha256(published) == copy["sha256"]
    assert mask_of(bench) == before  # the running server has loaded it
    bench.run("server", "stop", "--yes")

    shutil.rmtree(folder)
    assert started(bench, "--model-from", "newest")["weights"]["deepedit"] == "trained"  # type: ignore[index]
    assert sha256(published) == copy["sha256"]
    assert mask_of(bench) == before
    bench.run("server", "stop", "--yes")


def test_weights_are_fetched_here_for_a_host_without_a_way_out(deepedit: Bench, tmp_path: Path) -> None:
    bench, folder = deepedit, deepedit.folder / "apps/radiology/model"
    weights = tmp_path / "site" / "radiology_deepedit_dynunet_multilabel.pt"
    weights.parent.mkdir()
    weights.write_bytes(checkpoint(random.Random(3).randbytes(1 << 20)))  # read only at the first inference
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(weights.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        conf = {"pretrained_path": f"http://127.0.0.1:{server.server_port}", "use_pretrained_model": "true"}
        config = tmp_path / "config.toml"
        write_config(config, bench.sshd, bench.config.with_name("known_hosts"), conf=conf)
        offline = replace(bench, config=config)
        pushed = offline.run("models", "push", "deepedit", "--pretrained", "--yes")
        assert pushed.code == 0, pushed.stderr + pushed.stdout
        server.shutdown()
    assert sha256(folder / "pretrained_deepedit_dynunet.pt") == sha256(weights)
    # Nothing serves the weights any more, so a start that downloads would fail.
    assert started(offline)["weights"]["deepedit"] == "pretrained"  # type: ignore[index]


def test_the_addresses_are_those_of_the_installed_app(bench: Bench) -> None:
    app = bench.folder / "apps/radiology"
    for name in model_names(str(app), ("all",)):
        source = (app / "lib/configs" / f"{name}.py").read_text()
        (file,) = re.findall(r'\{url\}/(radiology_[^"]+\.pt)"', source)
        files = weight_files(str(app), name, {})
        assert files is not None
        assert files.url.endswith(f"/{file.replace('{network}', 'dynunet')}")
        assert 'f"pretrained_{' in source


def kill(bench: Bench, words: list[str], chance: random.Random) -> None:
    """Run a command, and kill it at a random moment of its copy, the checksum and the renaming at its end included."""
    process = subprocess.Popen(
        bench.argv(*words),
        env=bench.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    moment = chance.randrange(12)
    for number, _line in enumerate(line for line in process.stderr if " MB" in line):
        if number >= min(moment, 10):
            break
    time.sleep(chance.uniform(0, 0.3 if moment < 10 else 2))
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("command", ["pull", "push"])
def test_a_copy_that_is_killed_at_any_moment_leaves_whole_files(
    deepedit: Bench, tmp_path: Path, command: str
) -> None:
    bench, chance = deepedit, random.Random(7)
    folder = bench.folder / "apps/radiology/model"
    folder.mkdir(exist_ok=True)
    published, store = folder / "deepedit_dynunet.pt", bench.state / "models/real/deepedit"
    shutil.rmtree(store, ignore_errors=True)
    old, new = tmp_path / "old.pt", tmp_path / "new.pt"
    old.write_bytes(checkpoint(chance.randbytes(24 << 20)))
    new.write_bytes(checkpoint(chance.randbytes(48 << 20)))
    whole = {sha256(old), sha256(new)}
    shutil.copy(new if command == "pull" else old, published)
    words = ["models", "pull"] if command == "pull" else [
        "models", "push", "deepedit", "--file", str(new), "--yes"
    ]  # fmt: skip
    for _ in range(KILLS):
        kill(bench, words, chance)
        assert sha256(published) in whole
        for entry in store.glob("*.json"):
            copy = json.loads(entry.read_text())
            assert sha256(entry.with_name(copy["name"])) == copy["sha256"]
        if command == "pull":
            shutil.rmtree(store, ignore_errors=True)
        else:
            shutil.copy(old, published)
    ran = bench.run(*words)
    assert ran.code == 0, ran.stderr + ran.stdout
    assert sha256(published) == sha256(new)
    assert not list(folder.parent.rglob("*.part"))


def test_a_push_connects_again_and_sends_the_rest(deepedit: Bench, tmp_path: Path) -> None:
    bench, app = deepedit, deepedit.folder / "apps/radiology"
    file = tmp_path / "new.pt"
    file.write_bytes(checkpoint(random.Random(9).randbytes(96 << 20)))

    def arrived() -> int:
        return sum(path.stat().st_size for path in app.glob(".model.*/*.part"))

    with (tmp_path / "said").open("wb") as said:
        command = subprocess.Popen(
            bench.argv("models", "push", "deepedit", "--file", str(file), "--yes"),
            env=bench.environment,
            stdout=said,
            stderr=said,
        )
        try:
            until("10 MB", lambda: arrived() > 10_000_000)
            bench.sshd.drop_sessions()
            assert command.wait(120) == 0, (tmp_path / "said").read_text()
        finally:
            command.kill()
            command.wait()
    assert "connects again" in (tmp_path / "said").read_text()
    assert sha256(app / "model/deepedit_dynunet.pt") == sha256(file)
    assert not list(app.rglob("*.part"))
