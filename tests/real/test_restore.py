"""Copied labels go back to a real MONAI Label server that lost them, and what is deleted comes back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real.conftest import FOLDER, PROFILE, Bench, write_config
from tests.real.volumes import make_studies
from tests.sshd import free_port

SUBMIT = """
import sys, tempfile
import nibabel, numpy as np
from monailabel.client import MONAILabelClient
url, client, image, study, start = sys.argv[1:]
label = np.zeros(nibabel.load(image).shape, np.uint8)
label[int(start):20, 8:16, 8:16] = 1
path = tempfile.mkdtemp() + "/label.nii.gz"
nibabel.save(nibabel.Nifti1Image(label, nibabel.load(image).affine), path)
info = {"label_info": [{"name": "spleen", "idx": 1}]}
MONAILabelClient(server_url=url, client_id=client).save_label(study, path, tag="final", params=info)
"""


@dataclass
class Served:
    """A server on three studies without labels, and a labeltui that copies labels to ``copies``."""

    bench: Bench
    url: str
    studies: Path
    copies: Path

    def submit(self, client: str, study: str, start: int = 8) -> bytes:
        """Submit a final label as Slicer does. Returns the file on the host."""
        self.bench.python(SUBMIT, self.url, client, str(self.studies / f"{study}.nii.gz"), study, str(start))
        return (self.studies / f"labels/final/{study}.nii.gz").read_bytes()

    def from_another_folder(self) -> Served:
        """The same server as seen by a labeltui that did not start it, and does not know its studies."""
        config = self.bench.config.with_name("other.toml")
        text = self.bench.config.read_text()
        config.write_text(
            text.replace(json.dumps(FOLDER), '"~/other tui"').replace(str(self.studies), "/nowhere")
        )
        return replace(self, bench=replace(self.bench, config=config))

    def datastore(self) -> Any:
        """The server's whole list, without times."""
        everything = httpx.get(f"{self.url}/datastore/", params={"output": "all"}, timeout=60).json()
        return without_times(everything["objects"])


def without_times(value: Any) -> Any:
    """A document without the fields that are times."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in ("ts", "submitted_ts")}
    return value


@pytest.fixture
def served(bench: Bench, tmp_path: Path) -> Iterator[Served]:
    """The server runs."""
    assert bench.run("setup", timeout=1200).code == 0
    studies, copies, port = tmp_path / "my studies", tmp_path / "copies", free_port()
    make_studies(studies, 3, labelled=0)
    config = tmp_path / "config.toml"
    write_config(
        config, bench.sshd, bench.sshd.folder.parent / "known_hosts", studies=str(studies), port=port
    )
    settings = f"[profiles.{PROFILE}.labels]\nfolder = {json.dumps(str(copies))}\n"
    config.write_text(config.read_text() + settings)
    environment = {**bench.environment, "LABELTUI_STATE": str(tmp_path / "state")}
    desk = replace(bench, config=config, environment=environment)
    desk.run("server", "stop", "--yes")  # another test's
    try:
        started = desk.run("server", "start")
        assert started.code == 0, started.stdout + started.stderr
        yield Served(desk, f"http://127.0.0.1:{port}", studies, copies)
    finally:
        desk.run("server", "stop", "--yes")


def test_labels_go_back_to_an_empty_server(served: Served) -> None:
    study, other = sorted(served.datastore())[:2]
    alices = served.submit("alice", study)
    served.submit("bob", other)
    before = served.datastore()
    assert served.bench.run("labels", "pull").code == 0

    served.bench.run("server", "stop", "--yes")
    shutil.rmtree(served.studies / "labels")  # a new pod has the images only
    (served.studies / "datastore_v2.json").unlink()
    assert served.bench.run("server", "start").code == 0
    assert served.datastore() != before
    unasked = served.bench.run("labels", "restore")
    assert (unasked.code, unasked.document["error"]["code"]) == (3, "unconfirmed")
    restored = served.bench.run("labels", "restore", "--yes")
    assert restored.code == 0, restored.stdout + restored.stderr
    assert [row["who"] for row in restored.document["restored"]] == ["alice", "bob"]
    assert served.datastore() == before
    assert served.bench.run("labels", "verify").document["same"] == 2
    assert served.bench.run("labels", "restore", "--yes").document["same"] == 2

    bobs = served.submit("bob", study, start=4)
    refused = served.bench.run("labels", "restore", study, "--yes")
    assert refused.code == 3
    assert f"final/{study}.nii.gz" in refused.document["error"]["message"]
    assert (served.studies / f"labels/final/{study}.nii.gz").read_bytes() == bobs
    everything = served.bench.run("labels", "restore", "--yes").document
    assert (everything["restored"], len(everything["left"])) == ([], 1)
    assert served.bench.run("labels", "restore", study, "--replace", "--yes").code == 0
    assert (served.studies / f"labels/final/{study}.nii.gz").read_bytes() == alices
    versions = {path.read_bytes() for path in served.copies.rglob(f"{study}*.nii.gz")}
    assert versions == {alices, bobs}


@pytest.mark.parametrize("ours", [True, False], ids=["own server", "somebody else's"])
def test_what_is_deleted_comes_back(served: Served, ours: bool) -> None:
    served = served if ours else served.from_another_folder()
    assert served.bench.run("labels", "pull").document["by_checksum"] is ours
    study, other = sorted(served.datastore())[:2]
    label = served.submit("alice", study)
    image = (served.studies / f"{study}.nii.gz").read_bytes()
    before = served.datastore()
    deleted = served.bench.run("studies", "delete", study, "--yes")
    assert deleted.code == 0, deleted.stdout + deleted.stderr
    assert set(served.datastore()) == set(before) - {study}
    assert not (served.studies / f"{study}.nii.gz").exists()
    back = served.bench.run("studies", "restore", study, "--yes")
    assert back.code == 0, back.stdout + back.stderr
    after = served.datastore()
    after[study]["image"]["info"].pop("user", None)  # MONAI Label notes who added an image
    assert after == before
    assert (served.studies / f"{study}.nii.gz").read_bytes() == image
    assert (served.studies / f"labels/final/{study}.nii.gz").read_bytes() == label

    deleted = served.bench.run("studies", "delete", study, "--label", "final", "--yes")
    assert deleted.code == 0, deleted.stdout + deleted.stderr
    assert served.datastore()[study]["labels"] == {}
    assert served.bench.run("studies", "restore", study, "--yes").code == 0
    assert served.datastore()[study]["labels"] == before[study]["labels"]
    missing = served.bench.run("studies", "delete", other, "--label", "final", "--yes")
    assert missing.document["error"]["code"] == "not_found"
    unknown = httpx.delete(f"{served.url}/datastore/label?id=nope&tag=final", timeout=60)
    assert (unknown.status_code, unknown.json()) == (200, {})
