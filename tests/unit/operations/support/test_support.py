"""The support bundle: secrets and names planted in every source, and what is left without them."""

from __future__ import annotations

import asyncio
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.state import Alert, Level
from labeltui.operations.support.redaction import Redaction
from labeltui.session.history.studies import StudyEvent, StudyEventKind
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

VALUE = "tr0ub4dor&3"  # the value of a variable of the environment
FORMS = (
    f"it was {VALUE} there",
    "Authorization: Bearer sesame-bearer",
    "password=sesame-password and more",
    '{"api_key": "sesame api key"}',
    "https://user:sesame-url@203.0.113.7:8042/dicom-web?token=sesame-query",
    "--dicom-token sesame-flag",
    "rpa_SESAME0123456789ABCDEF",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nsesamepem\n-----END OPENSSH PRIVATE KEY-----",
    "eyJsesamejwt.eyJsesame2.sesamesig",
    "0123456789abcdefsesamelong0123456789",
)
NAMES = "liver_042 of anna, /data/Smith John/scan.nii.gz, ben@ward3.clinic.org at 203.0.113.7, 'image': 'Mary Roe'"
NAMED = (
    "liver_042",
    "anna",
    "Smith",
    "scan.nii",
    "ben",
    "ward3",
    "clinic",
    "203.0.113.7",
    "Mary",
    "Roe",
    "annot-7",
)
PLANTED = "\n".join((*FORMS, NAMES, "Epoch 12/50 is a fact"))
SECRETS = (VALUE, "esame", "SESAME")


async def plant(it: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put secrets and names into every source of the bundle."""
    monkeypatch.setenv("MY_SERVICE_TOKEN", VALUE)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    (folder / "labeltui-crash-1.txt").write_text(PLANTED)
    session = it.session
    (session.state_folder.ready() / "labeltui.log").write_text(PLANTED)
    session.log.begin("r9", "/root/r9.log")
    session.log.feed(0, PLANTED.encode())
    now = session.clock()
    session.store.alert(Alert("planted", Level.ERROR, PLANTED, PLANTED, now))
    entry = session.journal.begin(
        now, "Delete", f"labeltui studies delete liver_042 --tag={FORMS[2]} {FORMS[6]}"
    )
    session.journal.end(entry, False, PLANTED)
    session.study_history.add(StudyEvent("r9", StudyEventKind.FETCH, "liver_042", "anna", "", now))
    await asyncio.sleep(1)
    assert await session.study_history.load()


def settings() -> dict[str, Any]:
    return {
        "client_id": "anna",
        "server": {
            "env": {"PROXY": "sesame-env", "OTHER": VALUE}, "conf": {"extra": "sesame-conf"},
            "pip_args": ("--index-url=https://user:sesame-pip@203.0.113.7/simple",),
        },
        "shell": {"command": "echo sesame-command"},
        "runpod": {"pod": "annot-7", "key_command": "cat sesame-key-command"},
    }  # fmt: skip


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


@in_virtual_time
@pytest.mark.parametrize("names", [False, True])
async def test_no_planted_secret_is_in_the_zip_and_names_only_if_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: bool
) -> None:
    saved = tmp_path / "bundle.zip"
    async with desk(tmp_path, **settings()) as it:
        await it.session.readiness.settled()
        await plant(it, tmp_path, monkeypatch)
        listed = await it.run("support", names=names)
        assert not saved.exists()
        document = await it.run("support", file=str(saved), names=names)
    files = contents(saved)
    assert set(files) == {
        "about.json", "profile.json", "status.json", "events.json", "server.log", "labeltui.log", "crash.txt",
    }  # fmt: skip
    for name, text in files.items():
        for secret in SECRETS:
            assert secret not in text, (name, secret)
        for known in NAMED:
            assert names or known not in text, (name, known)
        if name not in ("about.json", "profile.json"):
            assert "Epoch 12/50 is a fact" in text, name
            assert ("liver_042" in text) is names, name
    assert [(one["file"], one["bytes"]) for one in document["files"]] == [
        (name, len(text.encode())) for name, text in files.items()
    ]
    assert {one["file"] for one in listed["files"]} == set(files)
    assert (listed["saved"], document["saved"]) == (None, str(saved))
    assert saved.stat().st_mode & 0o077 == 0


@in_virtual_time
async def test_a_bundle_without_a_host_is_saved_and_replaces_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        saved = tmp_path / "bundle.zip"
        await it.run("support", file=str(saved))
        assert any("can't be reached" in line for line in it.report.lines)
        refused = await it.failing("support", file=str(saved))
        misnamed = await it.failing("support", file=str(tmp_path / "bundle.txt"))
        await it.run("support", file=str(saved), replace=True)
    files = contents(saved)
    assert (refused.problem.code, misnamed.problem.code) == ("exists", "bad_parameter")
    assert "crash.txt" not in files
    assert json.loads(files["about.json"])["labeltui"]


def test_the_same_name_has_the_same_number_and_plain_words_stay() -> None:
    redaction = Redaction((), {"study": ["liver_042", "John Smith"], "person": ["ana"], "host": ["pod"]})
    text = redaction.text(
        "ana: liver_042.nii.gz, label_LIVER_042_final; John Smith at 127.0.0.1:8000; banana"
    )
    assert text == "person-1: study-1.nii.gz, label_study-1_final; study-2 at 127.0.0.1:8000; banana"
    assert redaction.value({"study": "7", "n": 3, "by": {"ana": 1}}) == {
        "study": "study-3",
        "n": 3,
        "by": {"person-1": 1},
    }
