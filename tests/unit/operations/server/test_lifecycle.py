"""The server is started, stopped and restarted: the requests to the host, the reports, and each refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.monailabel.packing import serving
from labeltui.monailabel.serving.settings import VARIABLE, Settings
from tests.fakes.agent import Run
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_it_is_started_with_the_profiles_options_and_those_of_this_once(tmp_path: Path) -> None:
    settings = {"models": ["deepedit"], "conf": {"a": "1", "b": "2"}, "env": {"TOKEN": "secret"}}
    async with desk(tmp_path, server=settings) as it:
        document = await it.run(
            "server.start", models="deepgrow, segmentation", conf={"b": "3"}, env={"MORE": "x"}, port=8001
        )
        entry = it.session.journal.entries[-1]
    run = it.host.agent.jobs["server"]
    line = " ".join(run.argv)
    assert document["state"] == "running"
    assert document["pid"] == run.pid
    assert "--port 8001" in line
    assert "--conf models deepgrow,segmentation" in line
    assert "--conf a 1" in line
    assert "--conf b 3" in line
    assert (run.env["TOKEN"], run.env["MORE"]) == ("secret", "x")
    assert "secret" not in str(run.meta)
    assert it.report.lines[0] == "Starting radiology with deepgrow, segmentation"
    assert entry.command == (
        "labeltui server start --models 'deepgrow, segmentation' --conf b 3 --env MORE '…' --port 8001"
    )


@in_virtual_time
async def test_the_modules_of_the_worklist_are_sent_before_the_start(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start", worklist="first")
        run = it.host.agent.jobs["server"]
        assert it.host.files.read(run.env["PYTHONPATH"]) == serving().source
        assert Settings.of(run.env[VARIABLE]).base == "first"
        await it.run("server.restart")
        assert Settings.of(it.host.agent.jobs["server"].env[VARIABLE]).base == "first"


@pytest.mark.parametrize(("studies", "total"), [(None, 0), ("/root/once", 1)])
@in_virtual_time
async def test_labels_of_studies_named_for_one_run_are_counted_after_its_end(
    tmp_path: Path, studies: str | None, total: int
) -> None:
    async with desk(tmp_path) as it:
        it.host.files.write("/root/once/labels/final/s1.nii.gz", b"label")
        await it.run("server.start", studies=studies)
        await it.run("server.stop")
        document = await it.run("labels.pull")
    assert document["total"] == total


@in_virtual_time
async def test_modules_that_cannot_be_stored_cost_the_worklist_only(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.answers["write"] = Failed(Code.DISK_FULL, "The disk is full.", "")
        document = await it.run("server.start")
    assert document["state"] == "running"
    assert "The server starts without a worklist: The disk is full." in it.report.lines
    assert "PYTHONPATH" not in it.host.agent.jobs["server"].env


@in_virtual_time
async def test_each_phase_of_the_start_is_reported_once(tmp_path: Path) -> None:
    async def slow(run: Run) -> int:
        for line in ("Using PYTHONPATH=x", "+++ Loading model", "Application startup complete"):
            run.print(f"INFO:     {line}\n")
            await asyncio.sleep(1)
        return await it.server.run(run)

    async with desk(tmp_path) as it:
        it.host.agent.programs["server"] = slow
        await it.run("server.start")
    assert len(it.report.lines) > 1
    assert len(set(it.report.lines)) == len(it.report.lines)


@in_virtual_time
async def test_one_that_runs_is_not_started_again_whoever_started_it(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        ours = await it.failing("server.start")
    async with desk(tmp_path) as it:
        it.server.up = True
        theirs = await it.failing("server.start")
        stopping = await it.failing("server.stop")
    assert ours.problem.code == theirs.problem.code == "already_running"
    assert "(pid " in ours.problem.message
    assert "labeltui did not start it" in theirs.problem.message
    assert stopping.problem.code == "not_ours"


def with_venv_python(version: str) -> Callable[[Desk], None]:
    return lambda it: setattr(it.host, "venv_python", version)


def without(path: str) -> Callable[[Desk], None]:
    return lambda it: it.host.files.remove(path)


@pytest.mark.parametrize(
    ("spoil", "params", "code", "todo"),
    [
        (without("~/labeltui/venv/bin/python"), {}, "not_installed", "labeltui setup"),
        (with_venv_python("3.12.1"), {}, "other_python", "labeltui setup"),
        (with_venv_python(""), {}, "other_python", "labeltui setup"),
        (lambda it: None, {"app": "mine"}, "missing_app", "by its path"),
        (lambda it: None, {"studies": "~/nowhere"}, "no_studies", "labeltui studies upload"),
        (lambda it: it.host.busy.add(8000), {}, "port_taken", "--port"),
    ],
)
@in_virtual_time
async def test_what_is_missing_on_the_host_is_said_before_it_starts(
    tmp_path: Path, spoil: Callable[[Desk], None], params: dict[str, Any], code: str, todo: str
) -> None:
    async with desk(tmp_path) as it:
        spoil(it)
        error = await it.failing("server.start", **params)
    assert error.problem.code == code
    assert todo in error.problem.hint
    assert "server" not in it.host.agent.jobs


@in_virtual_time
async def test_a_start_that_fails_says_why_from_the_output(tmp_path: Path) -> None:
    async def crash(run: Run) -> int:
        run.print("Traceback (most recent call last):\nModuleNotFoundError: No module named 'torch'\n")
        return 1

    async with desk(tmp_path) as it:
        it.host.agent.programs["server"] = crash
        error = await it.failing("server.start")
    assert isinstance(error, Failed)
    assert "torch" in error.problem.message
    assert "ModuleNotFoundError" in error.problem.detail
    assert it.session.journal.entries[-1].outcome.startswith(error.problem.message)


@in_virtual_time
async def test_one_that_is_stopped_while_it_starts(tmp_path: Path) -> None:
    async def never(run: Run) -> int:
        await asyncio.Event().wait()
        return 0

    async with desk(tmp_path) as it:
        it.host.agent.programs["server"] = never
        starting = it.begin("server.start")
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and s.server.value.pid is not None, 10
        )
        stopped = await it.run("server.stop")
        with pytest.raises(Failed) as ended:
            await starting
    assert stopped["state"] == "stopped"
    assert ended.value.problem.code == "stopped"


@in_virtual_time
async def test_stopping_one_that_does_not_run_does_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        document = await it.run("server.stop")
    assert document["state"] == "stopped"


@in_virtual_time
async def test_a_restart_takes_the_options_that_it_was_started_with(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start", models="deepgrow", port=8002, conf={"k": "v"}, env={"TOKEN": "once"})
        first = it.host.agent.jobs["server"]
        document = await it.run("server.restart")
    second = it.host.agent.jobs["server"]
    assert document["state"] == "running"
    assert second.run_id != first.run_id
    assert first.stopped_by_us
    assert second.argv == first.argv
    assert "TOKEN" not in second.env  # it may be a secret: no job remembers it


@in_virtual_time
async def test_a_restart_leaves_out_what_another_version_has_noted(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.serve(options={"models": "deepgrow", "later": True})
        await it.run("server.restart")
    assert "--conf models deepgrow" in " ".join(it.host.agent.jobs["server"].argv)


@in_virtual_time
async def test_a_job_without_a_note_is_restarted_with_the_profiles_options(tmp_path: Path) -> None:
    async with desk(tmp_path, server={"models": ["deepedit"]}) as it:
        it.serve(options="?")
        await it.run("server.restart")
    assert "--conf models deepedit" in " ".join(it.host.agent.jobs["server"].argv)


@in_virtual_time
async def test_the_dicomweb_password_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"studies": "http://127.0.0.1:8042/dicom-web", "dicomweb_password_env": "PACS_PASSWORD"}
    monkeypatch.delenv("PACS_PASSWORD", raising=False)
    async with desk(tmp_path, server=settings) as it:
        missing = await it.failing("server.start")
        monkeypatch.setenv("PACS_PASSWORD", "hush")
        document = await it.run("server.start")
    run = it.host.agent.jobs["server"]
    assert (missing.problem.code, missing.exit_code) == ("no_password", 2)
    assert document["state"] == "running"
    assert "hush" not in " ".join(run.argv)
    assert "hush" in run.env.values()


@in_virtual_time
async def test_a_host_that_can_not_be_reached_is_unreachable(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        error = await it.failing("server.start")
    assert error.exit_code == 4


@in_virtual_time
async def test_a_server_that_was_started_has_a_guard_beside_it(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        guard.alive = False
        done = await it.run("server.start")
    assert guard.alive
    assert done["guard"] == "Guard: stops the pod after 30 min idle, with RunPod's API (not tested yet)."
    assert it.report.lines[-1] == done["guard"]


@in_virtual_time
async def test_the_labels_that_each_model_was_built_with_are_told(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        document = await it.run("server.status")
    assert set(document["labels"]) == set(document["models"])
    assert document["labels"]["deepedit"][:2] == ["spleen", "right kidney"]


@in_virtual_time
async def test_options_without_effect_are_said_to_have_none(tmp_path: Path) -> None:
    app = "~/labeltui/apps/radiology"
    async with desk(tmp_path) as it:
        it.host.files.write(f"{app}/main.py", b'conf.get("models"); conf.get("spatial_size")')
        it.host.files.write(f"{app}/lib/configs/deepedit.py", b'conf.get("network")')
        await it.run(
            "server.start", models="deepedit", conf={"spatial_size": "[64, 64, 32]", "network": "unetr"}
        )
        (alert,) = [one for one in it.session.store.state.alerts if one.key == "ignored_options"]
        assert alert.message == "spatial_size has no effect: radiology with deepedit does not read it."
        assert it.report.lines[0] == alert.message
        await it.run("server.stop")
        await it.run("server.start", models="deepedit", conf={"network": "unetr"})
        assert "ignored_options" not in [one.key for one in it.session.store.state.alerts]
