"""A server is started with own labels: the requests, and the question about models with other labels."""

from __future__ import annotations

import json
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

MODEL = "~/labeltui/apps/radiology/model"


def put(it: Desk, *names: str) -> None:
    for name in names:
        it.host.files.write(f"{MODEL}/{name}", b"weights")


def confs(it: Desk) -> dict[str, str]:
    argv = it.host.agent.jobs["server"].argv
    return {argv[at + 1]: argv[at + 2] for at, word in enumerate(argv) if word == "--conf"}


@in_virtual_time
async def test_the_profiles_labels_reach_the_server_without_pretrained_weights(tmp_path: Path) -> None:
    settings = {"labels": ["liver", "tumour"], "conf": {"use_pretrained_model": "true"}}
    async with desk(tmp_path, server=settings) as it:
        await it.run("server.start")
        env = it.host.agent.jobs["server"].env
        assert json.loads(env["LABELTUI_LABELS"]) == ["liver", "tumour"]
        assert confs(it)["labels"] == "liver,tumour"
        assert confs(it)["use_pretrained_model"] == "false"
        assert any("deepedit is untrained" in line and "noise" in line for line in it.report.lines)
        assert any("untrained" in alert.message for alert in it.session.store.state.alerts)
        await it.run("server.stop")
        await it.run("server.start", labels="off")
        assert "LABELTUI_LABELS" not in it.host.agent.jobs["server"].env
        await it.run("server.restart")
        assert "LABELTUI_LABELS" not in it.host.agent.jobs["server"].env


@in_virtual_time
async def test_a_trained_model_with_other_labels_is_set_aside_only_when_asked_to(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        put(it, "deepedit_dynunet.pt", "pretrained_deepedit_dynunet.pt", "segmentation.pt")
        error = await it.failing("server.start", labels="liver,tumour")
        assert error.problem.code == "labels_changed"
        assert "deepedit was trained with the labels of its app" in error.problem.message
        assert "--replace-models" in error.problem.hint
        assert "server" not in it.host.agent.jobs
        it.host.on("other-labels-", b"")
        await it.run("server.start", labels="liver,tumour", replace_models=True)
        (moved,) = [ran.command for ran in it.host.ran if "other-labels-" in ran.command]
        assert "model/deepedit_dynunet.pt" in moved
        assert "segmentation" not in moved


@in_virtual_time
async def test_the_same_labels_ask_nothing_and_other_labels_ask_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start", labels="liver,tumour")
        put(it, "deepedit_dynunet.pt")
        await it.run("server.restart")
        assert not any("untrained" in alert.message for alert in it.session.store.state.alerts)
        await it.run("server.stop")
        other = await it.failing("server.start", labels="kidney")
        back = await it.failing("server.start")
    assert "trained with liver, tumour. That does not fit kidney." in other.problem.message
    assert "That does not fit the labels of its app." in back.problem.message


@in_virtual_time
async def test_pretrained_weights_alone_are_set_aside_unasked(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        put(it, "pretrained_deepedit_dynunet.pt")
        it.host.on("other-labels-", b"")
        await it.run("server.start", labels="liver")
        assert any("Moved pretrained_deepedit_dynunet.pt to" in line for line in it.report.lines)


@in_virtual_time
async def test_own_labels_need_the_modules_that_set_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.answers["write"] = Failed(Code.DISK_FULL, "The disk is full.", "")
        error = await it.failing("server.start", labels="liver")
        assert error.problem.code == "disk_full"
        bad = await it.failing("server.start", labels="liver,background")
        assert bad.problem.code == "bad_labels"
    assert "server" not in it.host.agent.jobs
