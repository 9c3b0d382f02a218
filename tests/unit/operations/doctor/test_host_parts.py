"""The doctor's checks on the host: installation, disks, and the session's key."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.checks import Check, Verdict
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Problem
from labeltui.operations.doctor.account import key_check
from labeltui.operations.doctor.doctor import verdict_of, without_session
from tests.actions import RecordingReport
from tests.fakes.facts import EMPTY, report_facts
from tests.fakes.session import KEY
from tests.unit.operations.desk import desk
from tests.unit.operations.doctor.examining import NOW, checks, examine, verdicts
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_what_is_not_installed_is_wrong_and_a_stalled_probe_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        report_facts(it.host, lambda: EMPTY)
        missing = await examine(it)
        it.host.agent.answers["probe"] = Failed(Code.PROBE_FAILED, "No Python.", "Install one.")
        failing = await examine(it)
    assert verdicts(missing)["monailabel"] == "wrong"
    assert "Missing: " in checks(missing)["monailabel"]["message"] or checks(missing)["monailabel"]["hint"]
    assert checks(failing)["monailabel"]["message"] == "No Python."


@in_virtual_time
async def test_a_probe_that_takes_too_long_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_self: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("labeltui.operations.doctor.doctor.Setup.check", never)
    async with desk(tmp_path) as it:
        document = await examine(it)
    assert verdicts(document)["monailabel"] == "unknown"


GIB = 2**30


def disks(free: Mapping[str, int]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Answers of the agent for a host with several volumes: the free bytes by path, each of 100 GiB."""

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        path = str(request["disk_path"])
        room = {"disk_total": 100 * GIB, "disk_used": 100 * GIB - free[path], "disk_path": path}
        return {"cpu_pct": 1.0, "gpus": [], **room}

    return answer


@in_virtual_time
async def test_the_disks_of_studies_and_of_the_copies_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "labeltui.operations.doctor.disks.shutil.disk_usage", lambda _path: SimpleNamespace(free=GIB)
    )
    async with desk(tmp_path, labels={"folder": str(tmp_path / "not/yet/there")}) as it:
        it.host.agent.answers["metrics"] = disks({"~/studies": 5 * 2**20, "~/labeltui": 50 * GIB})
        document = checks(await examine(it))
    assert document["studies"]["verdict"] == "warning"
    assert "5 MiB free at ~/studies" in document["studies"]["message"]
    assert document["copies"]["verdict"] == "warning"
    assert document["copies"]["message"] == f"1.0 GiB free at {tmp_path}/not/yet/there."


@in_virtual_time
async def test_a_disk_that_can_not_be_asked_about_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(_path: Path) -> Any:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("labeltui.operations.doctor.disks.shutil.disk_usage", usage)
    async with desk(tmp_path) as it:
        it.host.agent.answers["metrics"] = Failed(Code.IO_ERROR, "Stale file handle.", "Try again.")
        found = verdicts(await examine(it))
    assert (found["studies"], found["copies"]) == ("unknown", "unknown")


@in_virtual_time
async def test_studies_of_a_dicomweb_server_have_no_disk_here(tmp_path: Path) -> None:
    async with desk(tmp_path, server={"studies": "http://127.0.0.1:8042/dicom-web"}) as it:
        document = await examine(it)
    assert "studies" not in verdicts(document)


async def test_where_no_session_opens_the_key_is_checked_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    report = RecordingReport()
    with pytest.raises(Failed) as failed:
        await without_session(Problem(Code.NO_CONFIG, "There is no profile file.", "Make one."), report)
    assert failed.value.document is not None
    assert verdicts(failed.value.document) == {"profile": "wrong", "key": "ok"}
    assert [record["check"] for record in report.records] == ["profile", "key"]


async def test_a_key_command_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(**_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("labeltui.operations.doctor.account.find_key", never)
    monkeypatch.setattr("labeltui.operations.doctor.account.KEY_S", 0.01)
    check = await key_check()
    assert check.verdict is Verdict.UNKNOWN


def test_the_first_part_that_is_wrong_is_the_failure() -> None:
    found = [
        Check("server", Verdict.WRONG, "It crashed.", "Restart it."),
        Check("host", Verdict.WRONG, "No answer.", "Check the address."),
        Check("key", Verdict.OK, "There is one."),
    ]
    with pytest.raises(Failed) as failed:
        verdict_of(found, NOW)
    document = failed.value.document
    assert document is not None
    assert failed.value.problem.message == "No answer."
    assert [check["part"] for check in document["checks"]] == ["key", "host", "server"]
    assert document["message"] == "1 ok, 2 wrong"
