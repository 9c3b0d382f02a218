"""Installing MONAI Label: each step a job of the host, followed over lost connections, and each failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.monailabel.installation.probe import Facts
from tests.fakes.agent import TERMINATED, Run
from tests.fakes.facts import EMPTY, INSTALLED, report_facts
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

UNVERIFIED = replace(INSTALLED, verified="")
STEPS = ["python", "venv", "torch", "monailabel", "dependencies", "ops", "apps", "verify"]


class Installer:
    """The commands of setup on the host: each prints its step and ends well, unless ``exits`` says otherwise."""

    def __init__(self, it: Desk, facts: Facts) -> None:
        self.facts = facts
        self.after_step = {"verify": INSTALLED}
        self.exits: dict[str, int] = {}
        self.prints: dict[str, str] = {}
        self.ran: list[Run] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        it.host.agent.programs["setup"] = self._run
        report_facts(it.host, lambda: self.facts)

    async def _run(self, run: Run) -> int:
        self.ran.append(run)
        step = str(run.meta["step"])
        run.print(self.prints.get(step, f"doing {step}\n"))
        await self.may_end.wait()
        run.print("the last line\n")
        self.facts = self.after_step.get(step, self.facts)
        return self.exits.get(step, 0)

    @property
    def steps(self) -> list[str]:
        """The steps that ran something, in their order."""
        return list(dict.fromkeys(str(run.meta["step"]) for run in self.ran))


@asynccontextmanager
async def installing(
    folder: Path, facts: Facts = EMPTY, **settings: Any
) -> AsyncIterator[tuple[Desk, Installer]]:
    async with desk(folder, **{"server": {"torch": "cpu"}, **settings}) as it:
        yield it, Installer(it, facts)


@in_virtual_time
async def test_every_step_that_is_missing_is_done_and_reported(tmp_path: Path) -> None:
    async with installing(tmp_path) as (it, installer):
        document = await it.run("setup")
    assert installer.steps == STEPS[1:]
    assert (document["complete"], document["changed"], document["error"]) == (True, True, None)
    assert [(step["step"], step["state"]) for step in document["steps"]] == [(step, "done") for step in STEPS]
    states = [(r["step"], r["state"]) for r in it.report.records if "line" not in r]
    assert states[:3] == [("python", "skipped"), ("venv", "running"), ("venv", "done")]
    lines = [r["line"] for r in it.report.records if r.get("step") == "torch" and "line" in r]
    assert lines[:2] == ["doing torch", "the last line"]


@in_virtual_time
async def test_what_is_done_already_is_skipped(tmp_path: Path) -> None:
    async with installing(tmp_path, UNVERIFIED) as (it, installer):
        document = await it.run("setup")
        again = await it.run("setup")
    assert installer.steps == ["verify"]
    assert document["changed"]
    assert not again["changed"]


@in_virtual_time
async def test_a_stand_in_needs_nothing(tmp_path: Path) -> None:
    async with installing(tmp_path, Facts("/f", standin=True)) as (it, installer):
        document = await it.run("setup")
    assert document["stand_in"]
    assert not installer.ran


@in_virtual_time
async def test_torch_can_be_chosen_this_once(tmp_path: Path) -> None:
    async with installing(tmp_path, server={"torch": "cuda"}) as (it, installer):
        await it.run("setup", torch="cpu")
    (torch, *_more) = [run for run in installer.ran if run.meta["step"] == "torch"]
    assert "https://download.pytorch.org/whl/cpu" in torch.argv


@in_virtual_time
async def test_checking_changes_nothing_and_fails_where_something_is_missing(tmp_path: Path) -> None:
    async with installing(tmp_path, UNVERIFIED) as (it, installer):
        missing = await it.failing("setup", check=True)
        installer.facts = INSTALLED
        complete = await it.run("setup", check=True)
    assert missing.problem.code == "not_installed"
    assert missing.document is not None
    assert missing.document["steps"][-1]["state"] == "missing"
    assert complete["complete"]
    assert not installer.ran


@in_virtual_time
async def test_obstacles_are_reported_before_anything_is_done(tmp_path: Path) -> None:
    async with installing(tmp_path, replace(EMPTY, disk_free=10**9)) as (it, installer):
        error = await it.failing("setup")
        check = await it.failing("setup", check=True)
    assert error.problem.code == check.problem.code == "disk_space"
    assert not installer.ran


OUTLIVED = replace(INSTALLED, venv_python="3.12.1", packages={}, disk_free=10**9)
"""A volume with a venv of 3.11.7 under an image with Python 3.12.1. The venv uses nearly all of the disk."""


@in_virtual_time
async def test_a_venv_that_another_python_made_is_reported_with_both_pythons(tmp_path: Path) -> None:
    async with installing(tmp_path, OUTLIVED) as (it, installer):
        error = await it.failing("setup", check=True)
    assert error.problem.code == "other_python"
    assert "3.11.7" in error.problem.message
    assert "3.12.1" in error.problem.message
    assert not installer.ran


@in_virtual_time
async def test_a_venv_that_another_python_made_is_made_again_and_filled(tmp_path: Path) -> None:
    async with installing(tmp_path, OUTLIVED) as (it, installer):
        installer.after_step["venv"] = replace(EMPTY, venv_found=True, venv_pip=True, venv_python="3.11.7")
        document = await it.run("setup")
    assert document["complete"]
    assert installer.steps == STEPS[1:]


@in_virtual_time
async def test_the_room_is_checked_once_the_old_venv_is_gone(tmp_path: Path) -> None:
    async with installing(tmp_path, OUTLIVED) as (it, installer):
        installer.after_step["venv"] = replace(
            EMPTY, venv_found=True, venv_pip=True, venv_python="3.11.7", disk_free=2 * 10**9
        )
        error = await it.failing("setup")
    assert error.problem.code == "disk_space"
    assert installer.steps == ["venv"]


@pytest.mark.parametrize(
    ("exit_code", "prints", "code"),
    [
        (1, "ERROR: No space left on device\n", "disk_full"),
        (-9, "Collecting torch\n", "killed"),
        (3, "", "step_failed"),
    ],
)
@in_virtual_time
async def test_a_step_that_fails_ends_setup_with_its_cause(
    tmp_path: Path, exit_code: int, prints: str, code: str
) -> None:
    async with installing(tmp_path) as (it, installer):
        installer.exits["torch"], installer.prints["torch"] = exit_code, prints
        error = await it.failing("setup")
        entry = it.session.journal.entries[-1]
    assert error.problem.code == code
    assert installer.steps[-1] == "torch"
    assert ("torch", "failed") in [(r["step"], r["state"]) for r in it.report.records]
    assert "the last line" in error.problem.detail
    assert not entry.ok


@in_virtual_time
async def test_a_lost_connection_does_not_end_a_step(tmp_path: Path) -> None:
    async with installing(tmp_path, UNVERIFIED) as (it, installer):
        installer.may_end.clear()
        running = it.begin("setup")
        await it.report.wait_for("doing verify")
        it.host.drop()
        await it.report.wait_for("reconnects to show it")
        installer.may_end.set()
        document = await running
    assert document["complete"]
    assert len(installer.ran) == 2 + 1  # two imports, and the mark
    lines = [r["line"] for r in it.report.records if "line" in r]
    assert lines.count("doing verify") == 3  # none twice


@in_virtual_time
async def test_last_lines_that_do_not_arrive_are_waited_for_and_asked_for_again(tmp_path: Path) -> None:
    async with installing(tmp_path, UNVERIFIED) as (it, _installer):
        longer = iter([{"size": 10**6, "mtime": 0.0, "is_dir": False, "file_id": "x"}])

        def stat(request: Any) -> Any:
            it.host.agent.answers.pop("stat")
            return next(longer)

        it.host.agent.answers["stat"] = stat
        document = await it.run("setup")
    assert document["complete"]
    assert any("The last lines of the step did not arrive" in line for line in it.report.lines)


@in_virtual_time
async def test_cancelled_it_stops_the_running_step(tmp_path: Path) -> None:
    async with installing(tmp_path) as (it, installer):
        installer.may_end.clear()
        running = it.begin("setup")
        await it.report.wait_for("doing venv")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        entry = it.session.journal.entries[-1]
    assert it.host.agent.jobs["setup"].exit_code == TERMINATED
    assert it.report.lines[-1] == "Stopping the running step"
    assert entry.outcome == "cancelled"


@in_virtual_time
async def test_a_setup_that_already_runs_there_is_waited_for(tmp_path: Path) -> None:
    async with installing(tmp_path, UNVERIFIED) as (it, installer):
        installer.may_end.clear()
        it.host.agent.start("setup", meta={"step": "torch"})
        running = it.begin("setup")
        await it.report.wait_for("its progress is shown here")
        assert len(installer.ran) <= 1
        installer.may_end.set()
        document = await running
    assert [run.meta["step"] for run in installer.ran][:2] == ["torch", "verify"]
    assert document["complete"]


@in_virtual_time
async def test_a_probe_without_sense_is_said(tmp_path: Path) -> None:
    async with installing(tmp_path) as (it, _installer):
        it.host.agent.answers["probe"] = {"nonsense": True}
        error = await it.failing("setup")
    assert error.problem.code == "probe_failed"
