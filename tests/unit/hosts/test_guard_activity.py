"""Which changes the guard counts as activity. The polls of a console are no activity."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.guard.activity import Requests, Shells, Uploads, use_of
from labeltui.hosts.agent.remote.guard.labels import Labels, on_disk
from labeltui.hosts.agent.remote.guard.work import task_words
from labeltui.hosts.agent.remote.uploads.staging import make_staging, part_name
from tests.paths import MONAILABEL

STAMP = "[2026-11-23 17:11:34,852] [23664] [MainThread] [INFO] "


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"{STAMP}(monailabel.endpoints.infer:169) - Infer Request: {{'model': 'deepedit'}}", "for an inference"),
        (f"{STAMP}(monailabel.tasks.activelearning.random:47) - Random: Selected Image: x", "for the next study"),
        (f"{STAMP}(monailabel.endpoints.datastore:101) - Saving Label for 1.2 for tag: final by admin",
         "for a study or a label"),
        (f"{STAMP}(monailabel.datastore.local:430) - Saving Label for Image: x; Tag: final; Info: {{}}",
         "for a study or a label"),
        (f"{STAMP}(monailabel.datastore.local:430) - Adding Image: x => /tmp/y", "for a study or a label"),
        # what starts by itself, or answers a poll
        (f"{STAMP}(monailabel.datastore.local:577) - Invalidate count: 0", None),
        (f"{STAMP}(monailabel.datastore.local:594) - Adding New Image: x => x.nii.gz", None),
        (f"{STAMP}(monailabel.datastore.dicom:80) - Total Series in DICOM server: 2", None),
        (f"{STAMP}(dicomweb_client.web:200) - search for studies", None),
        (f"{STAMP}(monailabel.utils.sessions:51) - Session Path: /root", None),
        # an access log, where there is one
        ('INFO: 127.0.0.1:5123 - "GET /info/ HTTP/1.1" 200', None),
        ('INFO: 127.0.0.1:5123 - "GET /info HTTP/1.1" 307', None),
        ('INFO: 127.0.0.1:5123 - "GET /datastore/?output=all HTTP/1.1" 200', None),
        ('INFO: 127.0.0.1:5123 - "GET /train/?check_if_running=true HTTP/1.1" 404', None),
        ('INFO: 127.0.0.1:5123 - "GET /logs/?lines=5&text=true HTTP/1.1" 200', None),
        ('INFO: 127.0.0.1:5123 - "GET /batch/infer HTTP/1.1" 200', None),
        ('INFO: 127.0.0.1:5123 - "GET /proxy/dicom/qido/studies HTTP/1.1" 200', None),
        ('INFO: 127.0.0.1:5123 - "HEAD / HTTP/1.1" 405', None),
        ('INFO: 127.0.0.1:5123 - "GET /proxy/dicom/wado/studies/1/series/2 HTTP/1.1" 200', ""),
        ('INFO: 127.0.0.1:5123 - "GET /datastore/image?image=x HTTP/1.1" 200', "for a study or a label"),
        ('INFO: 127.0.0.1:5123 - "POST /infer/deepedit?image=x HTTP/1.1" 200', "for an inference"),
        ('INFO: 127.0.0.1:5123 - "POST /activelearning/random HTTP/1.1" 200', "for the next study"),
        ('INFO: 127.0.0.1:5123 - "PUT /datastore/label?image=x&tag=final HTTP/1.1" 200', "for a study or a label"),
        ("\x1b[31m(monailabel.endpoints.infer is only named here)", None),
    ],
)  # fmt: skip
def test_which_lines_of_a_servers_log_are_use(line: str, what: str | None) -> None:
    assert use_of(line.encode()) == what
    assert use_of(b"noise\n" + line.encode() + b"\nmore noise \xff\xfe\n") == what


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("startup_radiology", None),
        ("server_auth_enabled", None),
        ("infer", "for a study or a label"),
        ("batch_infer", "for a study or a label"),
        ("server_dicomweb_orthanc", "for a study or a label"),
    ],
)
def test_the_real_servers_logs(name: str, what: str | None) -> None:
    folder = MONAILABEL
    assert use_of((folder / f"log_{name}.txt").read_bytes()) == what


def test_only_what_comes_after_the_first_poll_counts(tmp_path: Path) -> None:
    log, studies = tmp_path / "app.log", tmp_path / "studies"
    studies.mkdir()
    use = f"{STAMP}(monailabel.endpoints.infer:169) - Infer Request\n"
    log.write_text(use)
    requests = Requests()

    def poll() -> str | None:
        return requests.poll([log, tmp_path / "later.log"], studies)

    assert poll() is None
    with log.open("a") as file:
        file.write(use)
    assert poll() == "for an inference"
    assert poll() is None
    log.rename(tmp_path / "app.log.1")
    log.write_text(use)  # rotated
    assert poll() == "for an inference"
    (tmp_path / "later.log").write_text(use)  # a new run of the server
    assert poll() == "for an inference"
    log.write_text("")
    assert poll() is None
    (studies / "datastore_v2.json").write_text("{}")
    assert poll() is None  # the server came up
    (studies / "datastore_v2.json").write_text('{"objects": {}}')
    assert poll() == "that changed the datastore"


def test_a_key_in_a_shell_is_use_and_output_or_a_new_shell_is_not(tmp_path: Path) -> None:
    shells = Shells(tmp_path, opening_s=20)
    one = tmp_path / "1"
    one.touch()
    assert shells.poll(0) is None
    os.utime(one, (1000, 5000))
    assert shells.poll(10) is None  # the terminal answers what a shell asks while it opens
    os.utime(one, (1000, 6000))
    assert shells.poll(30) is None  # output
    os.utime(one, (2000, 6000))
    assert shells.poll(40) == ""
    assert shells.poll(50) is None
    (tmp_path / "2").touch()
    assert shells.poll(60) is None
    os.utime(tmp_path / "2", (9000, 9000))
    assert shells.poll(81) == ""
    one.unlink()
    assert shells.poll(90) is None


def test_uploads_arrive_and_grow(tmp_path: Path) -> None:
    uploads = Uploads()
    poll = lambda: uploads.poll(tmp_path)  # noqa: E731
    (tmp_path / "old.nii.gz").write_text("x")
    (tmp_path / "labels").mkdir()
    assert poll() is None
    (tmp_path / "datastore_v2.json").write_text("{}")
    (tmp_path / "labels" / "final").mkdir()
    assert poll() is None
    coming = tmp_path / "new.nii.gz.part"
    coming.write_text("x")
    assert poll() == "of new.nii.gz"
    poll()
    assert poll() is None
    coming.write_text("xx")
    assert poll() == "of new.nii.gz"
    folder = tmp_path / "case"
    folder.mkdir()
    assert poll() == "of case"
    poll()
    poll()
    (folder / "slice.dcm").write_text("x")
    assert poll() == "of slice.dcm"


def test_a_growing_part_of_labeltuis_upload_is_use(tmp_path: Path) -> None:
    studies, uploads = tmp_path / "studies", Uploads()
    part = make_staging(studies) / part_name("a.part.nii", 10, 1)
    part.write_bytes(b"x")
    uploads.poll(studies)
    part.write_bytes(b"xx")
    (part.parent / part_name("b.nii", 10, 1)).write_bytes(b"x")
    assert uploads.poll(studies) == "of b.nii"
    (part.parent / part_name("b.nii", 10, 1)).write_bytes(b"xx")
    assert uploads.poll(studies) == "of b.nii"
    assert uploads.poll(studies) is None


def test_labels_are_files_below_a_tag_and_unfinished_ones_are_not(tmp_path: Path) -> None:
    for name in (
        "final/a.nii.gz",
        "original/a.nii.gz",
        "final/b.nii.gz.part",
        "final/.hidden",
        ".tag/c.nii.gz",
    ):
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert sorted(on_disk(tmp_path)) == ["labels/final/a.nii.gz", "labels/original/a.nii.gz"]
    with pytest.raises(FileNotFoundError):
        on_disk(tmp_path / "nowhere")
    labels = Labels()
    assert labels.poll(tmp_path) is None
    assert len(labels.uncopied(tmp_path, {"labels/final/a.nii.gz": "garbage"})) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "train", "-r", '{"model": "deepedit"}'], "a training of deepedit runs"),
        (["-m", "train", "-r", "garbage"], "a training of a model runs"),
        (["-m", "batch_infer", "-r", '{"model": "seg"}'], "a batch inference of seg runs"),
        (["-m", "scoring"], "a scoring runs"),
        ([], "a task of MONAI Label runs"),
    ],
)
def test_what_a_task_is_called(words: list[str], said: str) -> None:
    assert task_words(["python", "-m", "monailabel.interfaces.utils.app", *words]) == said
