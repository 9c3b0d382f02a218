"""The agent's answers about labels, the installation, and whether the server can start."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote import labels
from labeltui.hosts.agent.remote.agent import problem_of
from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.installation import environment
from labeltui.hosts.agent.remote.installation.preflight import preflight
from labeltui.hosts.agent.remote.installation.probe import probe, versions_in
from labeltui.hosts.agent.remote.labels import list_labels, sum_labels
from tests.unit.hosts.agent_process import AgentProcess, pythons

Start = Callable[..., AgentProcess]
ODD = "[red]x[bold] $(touch pwned)\n\udcff.nii.gz"


def label(studies: Path, path: str, content: bytes = b"label") -> Path:
    file = studies / "labels" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def listed(studies: Path, **asked: object) -> list[str]:
    found = list_labels(str(studies), **asked)["labels"]  # type: ignore[arg-type]
    return [f"{one['tag']}/{one['name']}" for one in found]


def test_labels_are_files_below_a_tag_with_the_hosts_times(tmp_path: Path) -> None:
    for path in ("final/a.nii.gz", "original/a.nii.gz", f"final/{ODD}", "final/.hidden", ".tag/c.nii.gz"):
        label(tmp_path, path)
    (tmp_path / "labels" / "final" / "folder").mkdir()
    (tmp_path / "labels" / "final" / "dangling").symlink_to("nowhere")
    (tmp_path / "labels" / "a file").touch()
    assert listed(tmp_path) == [f"final/{ODD}", "final/a.nii.gz", "original/a.nii.gz"]
    os.utime(tmp_path / "labels/original/a.nii.gz", ns=(1, 1_700_000_000_123_456_789))
    answer = list_labels(str(tmp_path), only=[["original", "a"]])
    assert answer["labels"] == [
        {
            "tag": "original",
            "name": "a.nii.gz",
            "size": 5,
            "mtime_ns": 1_700_000_000_123_456_789,
            "sha256": None,
            "problem": "",
        }
    ]
    assert answer["root"] == str(tmp_path / "labels")
    (tmp_path / "new").mkdir()
    assert listed(tmp_path / "new") == []


def test_a_study_is_found_by_its_id_whatever_dots_it_has(tmp_path: Path) -> None:
    for name in ("1.2.3.nrrd", "1.2.nii.gz", "1.20.nrrd", "1.2"):
        label(tmp_path, f"final/{name}")
    label(tmp_path, "original/1.2.nrrd")
    assert listed(tmp_path, only=[["final", "1.2"]]) == ["final/1.2", "final/1.2.3.nrrd", "final/1.2.nii.gz"]
    assert listed(tmp_path, only=[["final", "1.2.3"]]) == ["final/1.2.3.nrrd"]
    assert listed(tmp_path, only=[]) == []


def test_many_labels_come_in_pages_in_which_none_is_missing(tmp_path: Path) -> None:
    names = sorted(f"{tag}/s_{number}.nrrd" for tag in ("final", "v[1]") for number in range(7))
    for name in names:
        label(tmp_path, name)
    got: list[str] = []
    after, more = None, True
    while more:
        answer = list_labels(str(tmp_path), after=after, limit=3)
        got += [f"{one['tag']}/{one['name']}" for one in answer["labels"]]
        after, more = answer["after"], answer["more"]
        (tmp_path / "labels" / names[len(got) - 1]).unlink()  # the last one goes meanwhile
    assert got == names


def test_checksums_are_of_what_is_there_now(tmp_path: Path) -> None:
    label(tmp_path, "final/a.nrrd", b"one")
    label(tmp_path, f"final/{ODD}", b"odd")
    found = sum_labels(
        str(tmp_path), [["final", "a.nrrd"], ["final", ODD], ["final", "gone.nrrd"], ["x", "y"]]
    )
    assert [(one["name"], one["sha256"]) for one in found["labels"]] == [
        ("a.nrrd", hashlib.sha256(b"one").hexdigest()),
        (ODD, hashlib.sha256(b"odd").hexdigest()),
    ]


def test_no_link_is_followed_out_of_the_labels_folder(tmp_path: Path) -> None:
    inside = label(tmp_path / "studies", "final/real.nii.gz")
    (tmp_path / "secret").write_bytes(b"a private key")
    (inside.parent / "out.nii.gz").symlink_to(tmp_path / "secret")
    (inside.parent / "again.nii.gz").symlink_to("real.nii.gz")
    label(tmp_path, "elsewhere/far.nii.gz")
    (tmp_path / "studies/labels/original").symlink_to(tmp_path / "labels/elsewhere")
    studies = str(tmp_path / "studies")
    found = {(one["tag"], one["name"]): one for one in list_labels(studies)["labels"]}
    summed = {
        (one["tag"], one["name"]): one for one in sum_labels(studies, [list(key) for key in found])["labels"]
    }
    assert sorted(found) == sorted(summed) == [
        ("final", "again.nii.gz"), ("final", "out.nii.gz"), ("final", "real.nii.gz"), ("original", "far.nii.gz"),
    ]  # fmt: skip
    for key, one in summed.items():
        out = key[1] in ("out.nii.gz", "far.nii.gz")
        assert bool(one["problem"]) == bool(found[key]["problem"]) == out
        assert (one["sha256"] is None) == out
    assert "out of the labels folder" in summed["final", "out.nii.gz"]["problem"]


def test_a_labels_folder_that_is_itself_a_link_has_its_labels(tmp_path: Path) -> None:
    label(tmp_path / "data", "final/a.nii.gz")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/labels").symlink_to(tmp_path / "data/labels")
    assert [one["problem"] for one in list_labels(str(tmp_path / "studies"))["labels"]] == [""]


def test_entries_that_are_no_label_files_are_reported_by_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = label(tmp_path, "final/a.nii.gz").parent
    (folder / "folder.nii.gz").mkdir()
    (folder / "to-folder").symlink_to(folder / "folder.nii.gz")
    (folder / "nothing.nii.gz").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.nii.gz")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(folder)  # a socket's path is limited to about 100 bytes
        listener.bind("socket")
        answer = list_labels(str(tmp_path))
    assert [one["name"] for one in answer["labels"]] == ["a.nii.gz"]
    assert {one["name"]: one["problem"] for one in answer["skipped"]} == {
        "folder.nii.gz": "it is a folder", "to-folder": "it is a folder", "pipe.nii.gz": "it is a pipe",
        "socket": "it is a socket", "nothing.nii.gz": "it is a link to a file that does not exist",
    }  # fmt: skip


def test_one_label_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("final/a.nii.gz", "final/b.nii.gz"):
        label(tmp_path, path)
    real = labels.sha256

    def refuse(path: Path) -> str:
        if path.name == "a.nii.gz":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(labels, "sha256", refuse)
    a, b = sum_labels(str(tmp_path), [["final", "a.nii.gz"], ["final", "b.nii.gz"]])["labels"]
    assert (a["sha256"], a["problem"]) == (None, "the host can't read it: Permission denied")
    assert (b["sha256"], b["problem"]) == (hashlib.sha256(b"label").hexdigest(), "")


def test_a_folder_of_labels_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    loop = tmp_path / "labels"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="symbolic links"):
        list_labels(str(tmp_path))


@pytest.mark.parametrize("only", [None, [["final", "a"]]])
def test_a_missing_folder_of_studies_is_no_folder_without_labels(
    tmp_path: Path, only: list[list[str]] | None
) -> None:
    with pytest.raises(FileNotFoundError, match="studies"):
        list_labels(str(tmp_path / "studies"), only)
    (tmp_path / "studies").touch()
    with pytest.raises(NotADirectoryError, match="studies"):
        list_labels(str(tmp_path / "studies"), only)


def test_whether_the_server_can_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "/of/the/image")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        nothing = preflight("~/pod", "radiology", "studies", port)
        assert nothing == {
            "home": str(tmp_path), "path": os.environ["PATH"], "app": "", "studies": False, "port_free": False,
            "venv_found": False, "venv_made_by": "", "venv_python": "", "python_version": platform.python_version(),
            "python_path": "/of/the/image", "any_study": False,
        }  # fmt: skip
    for path in ("pod/apps/radiology/main.py", "mine/main.py", "pod/venv/pyvenv.cfg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "pod/venv/pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.9.2.final.0\n")
    (tmp_path / "studies").mkdir()
    there = preflight("~/pod", "radiology", "studies", port)
    assert there["app"] == str(tmp_path / "pod/apps/radiology")
    assert (there["venv_found"], there["venv_made_by"], there["venv_python"]) == (True, "3.9.2", "")
    assert there["studies"]
    assert there["port_free"]
    assert there["any_study"] is False
    for name, counts in ((".hidden", False), ("datastore_v2.json", False), ("liver.nii.gz", True)):
        (tmp_path / "studies" / name).touch()
        assert preflight("~/pod", "radiology", "studies", port)["any_study"] is counts
    assert preflight("~/pod", "radiology", "", port)["any_study"] is None
    assert preflight("~/pod", "~/mine", "", port)["app"] == str(tmp_path / "mine")
    assert preflight("~/pod", "./mine", "", port)["studies"]


def test_a_package_that_is_half_installed_counts_as_missing(tmp_path: Path) -> None:
    for name, text in (
        ("Whole_Thing-1.0", "Metadata-Version: 2.1\nName: Whole_Thing\nVersion: 1.0\n"),
        ("half-1.0", ""),
        ("nameless-1.0", "Metadata-Version: 2.1\n"),
    ):
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "METADATA").write_text(text)
    assert versions_in([str(tmp_path), str(tmp_path / "nowhere")]) == {"whole-thing": "1.0"}


def shell_python(venv: Path, *lines: str) -> None:
    """A Python of a virtual environment that is a shell script."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").write_text("\n".join(("#!/bin/sh", *lines)))
    (venv / "bin/python").chmod(0o755)


def test_the_probe_answers_by_the_names_that_it_is_asked_for(tmp_path: Path) -> None:
    venv, site = tmp_path / "venv", tmp_path / "venv/lib/python3.11/site-packages"
    (site / "a-1.0.dist-info").mkdir(parents=True)
    (site / "a-1.0.dist-info/METADATA").write_text("Name: a\nVersion: 1.0\n")
    answer = json.dumps(["3.11.9", str(site), ["", "/nowhere", str(site)]])
    shell_python(venv, "echo 'a start-up file speaks'", f"echo '{answer}'")
    (venv / "pyvenv.cfg").write_text("version = 3.11.7\ninclude-system-site-packages = True\n")
    note = "  told \n" + "x" * 1000
    (venv / "note").write_text(note)
    (site / "a.pth").touch()
    found = probe(str(tmp_path), ["pytest"], {"app": ["main.py"]}, ["note", "none"], ["a.pth", "b.pth"])
    assert found["venv_files"] == {"note": note[:200].strip()}
    assert found["site_files"] == ["a.pth"]
    assert (found["venv_found"], found["venv_made_by"], found["venv_python"]) == (True, "3.11.7", "3.11.9")
    assert found["venv_shared"]
    assert found["packages"] == {"a": "1.0"}
    assert set(found["system_packages"]) == {"pytest"}
    assert found["apps"] == {"app": False}


@pytest.mark.parametrize(
    ("lines", "why"), [(("kill -9 $$",), "signal 9"), (("exec sleep 60",), "did not end")]
)
def test_a_venv_whose_python_is_only_slow_or_killed_is_not_taken_for_one_of_another_image(
    tmp_path: Path, lines: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "RUN_S", 0.2)
    shell_python(tmp_path / "venv", *lines)
    with pytest.raises(Problem, match=why):
        environment.environment(tmp_path / "venv")


@pytest.mark.parametrize("python", pythons())
def test_every_request_on_every_python_that_is_here(start_agent: Start, tmp_path: Path, python: str) -> None:
    agent = start_agent(
        python=pythons()[python], env={"LABELTUI_DEMO_POD": str(tmp_path), "RUNPOD_POD_ID": "p"}
    )
    assert agent.hello["python"].startswith(f"{python}.")
    studies, path = tmp_path / "studies", "final/a.nrrd"
    label(studies, path)
    assert len(agent.ask("labels.list", studies=str(studies))["labels"]) == 1
    summed = agent.ask("labels.sum", studies=str(studies), keys=[path.split("/")])
    assert summed["labels"][0]["sha256"] == hashlib.sha256(b"label").hexdigest()
    assert agent.ask("preflight", folder="~/x", app="radiology", studies="", port=1)["studies"]
    facts = agent.ask("probe", folder="~/x", packages=[], apps={}, venv_files=[], site_files=[])
    assert facts["python_version"].startswith(f"{python}.")
    assert facts["has_venv"]
    assert agent.ask("metrics")["memory_total"] > 0
    assert agent.ask("orphans")["orphans"] == []
    source = "def main(arguments): return [arguments, __import__('sys').version_info[1]]"
    ran = agent.ask("program.run", key="k", python=pythons()[python], source=source, arguments={"a": 1})
    assert ran == {"answer": [{"a": 1}, int(python.partition(".")[2])]}
    settings = {"policy": {"idle_s": 600}, "studies": str(studies)}
    status = agent.ask("guard", request={"ask": "ensure", "version": "v1", "wish": settings})
    assert status["alive"], status
    os.kill(status["state"]["pid"], 9)


@pytest.mark.parametrize(
    ("op", "arguments", "code"),
    [
        ("labels.list", {"studies": 3}, "bad_request"),
        ("labels.list", {"studies": "x", "only": [["final"]]}, "bad_request"),
        ("labels.sum", {"studies": "x", "keys": [["final", "a\0b"]]}, "bad_request"),
        ("preflight", {"folder": "x", "app": "y", "studies": "", "port": "http"}, "bad_request"),
        ("probe", {"folder": "x"}, "bad_request"),
        ("guard", {"request": {"ask": "dance"}}, "bad_request"),
        ("guard", {"request": 3}, "bad_request"),
        ("program.run", {"key": "k", "python": "/no/such/python", "source": ""}, "program_failed"),
    ],
)
def test_requests_that_make_no_sense(
    agent: AgentProcess, op: str, arguments: dict[str, object], code: str
) -> None:
    error = agent.fail(op, **arguments)
    assert error["code"] == code
    assert error["message"].endswith(".")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_code_of_its_own(number: int) -> None:
    document = problem_of(OSError(number, os.strerror(number), "/workspace/labeltui/run")).document
    assert document["code"] == "disk_full"
    assert "/workspace/labeltui/run" in document["message"]
    assert "quota" in document["hint"]
