"""Two consoles on one host: who is there, and who has the lease."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions import ACTIONS
from labeltui.cli.parser import parse
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.ui.presentation.strip import facts
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


def other(**more: Any) -> dict[str, Any]:
    return {
        "id": "a", "who": "anna@ward3", "client_id": "labeltui", "program": "console", "read_only": False,
        "age_s": 600.0, "silent_s": 2.0, **more,
    }  # fmt: skip


def at_work(**more: Any) -> dict[str, Any]:
    return other(action="Start the server", action_age_s=20.0, **more)


@in_virtual_time
async def test_the_second_console_is_refused_with_owner_action_and_age(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.agent.consoles = [at_work()]
        refused = await it.failing("server.stop")
        assert (await it.run("server.status"))["state"] == "running"
        assert it.session.journal.entries[-1].ok is False
    assert (refused.problem.code, refused.exit_code, refused.problem.offers) == ("lease_held", 3, ())
    assert "anna@ward3" in refused.problem.message
    assert "20 s ago: Start the server" in refused.problem.message
    assert "--read-only" in refused.problem.hint


@in_virtual_time
async def test_a_silent_holder_is_taken_over_only_on_request(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.agent.consoles = [at_work(silent_s=50.0, may_be_taken=True, free_in_s=70.0)]
        refused = await it.failing("server.stop")
        assert (refused.problem.code, refused.problem.offers) == ("lease_held", ("take-over",))
        assert (await it.run("server.stop", take_over=True))["state"] == "stopped"
        assert it.host.agent.leases == []


@in_virtual_time
async def test_no_lease_is_left_and_a_lost_folder_keeps_nobody_from_stopping(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.host.agent.answers["lease.take"] = Failed(Code.DISK_FULL, "The disk is full.")
        assert (await it.run("server.stop"))["state"] == "stopped"
        assert any("do not see this action" in line for line in it.report.lines)


@in_virtual_time
async def test_an_older_agent_that_knows_no_consoles_keeps_nobody_from_working(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, start=False) as it:
        for request in ("console.enter", "console.list", "lease.take", "lease.release"):
            it.host.agent.answers[request] = Failed(Code.BAD_REQUEST, "The agent does not know this request.")
        await it.session.start()
        await it.session.readiness.settled()
        await asyncio.sleep(60)
        asked = len(it.host.agent.requests("console.enter"))
        assert (await it.run("status"))["consoles"] is None
        assert (await it.run("server.stop"))["state"] == "stopped"
        assert any("do not see this action" in line for line in it.report.lines)
        it.host.agent.answers.pop("console.enter")
        await asyncio.sleep(10)
        entered = it.host.agent.requests("console.enter")
    assert 10 <= asked <= 15  # one every 5 s
    assert asked < len(entered) <= asked + 3  # and no further one after the answer


@in_virtual_time
async def test_a_read_only_session_takes_no_lease(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, read_only=True) as it:
        for action in ACTIONS:
            if action.exclusive:
                needed = {param.name: "x" for param in action.params if param.required}
                assert (await it.failing(action.id, **needed)).problem.code == "read_only", action.id
        assert not it.host.agent.requests("lease.take")
        await it.session.readiness.settled()
        (entered,) = it.host.agent.requests("console.enter")
    assert entered["console"]["read_only"] is True


@in_virtual_time
async def test_strip_and_status_show_the_others_and_nothing_hostile(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.consoles = [at_work(who="anna\x1b[31m@ward3", read_only=True)]
        document = await it.run("status")
        shown = [fact.texts[0] for fact in facts(it.session.store.state, it.session.clock())]
        it.host.agent.consoles = []
        alone = await it.run("status")
    (one,) = document["consoles"]
    assert "\x1b" not in one["who"]
    assert (one["read_only"], one["action"]) == (True, "Start the server")
    assert any("ward3: Start the server" in text for text in shown)
    assert "\x1b" not in "".join(shown)
    assert alone["consoles"] == []


@pytest.mark.parametrize("words", [["server", "stop"], ["train", "start"], ["setup"]])
def test_take_over_is_a_flag_of_exclusive_commands(words: list[str]) -> None:
    assert parse([*words, "--take-over"]).params == {"take_over": True}
