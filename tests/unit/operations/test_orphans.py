"""A batch inference or a scoring that outlived its server: shown, stopped, and no other beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeltui.actions import BY_ID
from labeltui.operations.doctor.host import host_checks
from tests.fakes.monailabel import MONAILABEL
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

BATCH = {"pid": 61, "pgid": 60, "model": "seg", "started_ts": 1.0, "task": "batch_infer", "ours": True}
SCORING = {**BATCH, "pid": 62, "model": "dice", "task": "scoring"}
TRAINING = {**BATCH, "pid": 63, "model": "deepedit", "task": "train"}
THEIRS = {**BATCH, "pid": 71, "pgid": 70, "ours": False, "folder": "/home/bob/tui", "user": "bob"}


@in_virtual_time
@pytest.mark.parametrize("serves", [False, True])
@pytest.mark.parametrize(("orphan", "command"), [(BATCH, "infer"), (SCORING, "score")])
async def test_one_is_shown_and_stopped_with_or_without_a_server(
    tmp_path: Path, serves: bool, orphan: dict[str, object], command: str
) -> None:
    async with desk(tmp_path, serves=serves) as it:
        it.host.agent.orphans = [TRAINING, BATCH, SCORING]
        shown = await it.run(f"{command}.status")
        offered = BY_ID[f"{command}.stop"].disabled(it.session.store.state)
        stopped = await it.run(f"{command}.stop")
    assert (shown["state"], shown["error"]["code"]) == ("orphaned", "orphaned")
    assert f"pid {orphan['pid']}" in shown["message"]
    assert f"labeltui {command} stop" in shown["error"]["hint"]
    assert offered is None
    assert (stopped["state"], stopped["error"]) == ("stopped", None)
    assert orphan not in it.host.agent.orphans
    assert len(it.host.agent.orphans) == 2


@in_virtual_time
async def test_no_other_batch_begins_while_one_still_writes(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.agent.orphans = [BATCH]
        error = await it.failing("infer.batch")
        asked = it.server.asked("POST", "/batch/infer")
    assert (error.problem.code, error.exit_code, asked) == ("already_inferring", 3, [])
    assert "batch inference of seg (pid 61)" in error.problem.message
    assert "infer stop" in error.problem.hint


@in_virtual_time
async def test_a_stop_of_the_server_asks_about_them_and_ends_them_but_no_training(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [TRAINING, BATCH, SCORING, THEIRS]
        state = await it.session.store.wait_for(
            lambda s: s.server.value is not None and bool(s.server.value.orphans), 60
        )
        action = BY_ID["server.stop"]
        assert action.disabled(state) is None
        question = action.question(state) or ""
        await it.run("server.stop")
    assert "batch inference of seg (pid 61)" in question
    assert "scoring of dice (pid 62)" in question
    assert "bob" not in question
    assert it.host.agent.orphans == [TRAINING, THEIRS]


@in_virtual_time
async def test_alert_and_doctor_name_them_and_what_ends_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [BATCH, THEIRS]
        state = await it.session.store.wait_for(lambda s: any(one.key == "orphans" for one in s.alerts), 60)
    (alert,) = [one for one in state.alerts if one.key == "orphans"]
    (check,) = [one for one in host_checks(state) if one.part == "training"]
    for text in (alert.message, check.message):
        assert "batch inference of seg (pid 61)" in text
        assert "bob" in text
    assert "Q X" in alert.hint
    assert "labeltui infer stop" in check.hint
    assert "train stop" not in check.hint


@in_virtual_time
async def test_a_stop_of_the_server_asks_about_the_running_batch_and_how_far_it_is(tmp_path: Path) -> None:
    lines = (MONAILABEL / "log_batch_infer.txt").read_bytes().splitlines(keepends=True)
    third = next(at for at, line in enumerate(lines) if b"3 / 5" in line) + 1
    parts = {
        "The running batch inference is stopped too": lines[:10],
        "batch inference (3 of 5 studies done) is": lines[10:third],
    }
    question = BY_ID["server.stop"].question
    async with desk(tmp_path, serves=True) as it:
        idle = question(await it.session.readiness.settled()) or ""
        for words, part in parts.items():
            it.host.agent.jobs["server"].print(b"".join(part))
            await it.session.store.wait_for(lambda s, words=words: words in (question(s) or ""), 60)
        it.host.agent.jobs["server"].print(b"".join(lines[third:]))
        await it.session.store.wait_for(lambda s: question(s) == idle, 60)
    assert "batch" not in idle
