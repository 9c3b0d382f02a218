"""Running an action: parameters, read-only sessions, confirmation, and what the journal records."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions import BY_ID
from labeltui.actions.pods import PodCreateParams, PodEndParams
from labeltui.cli.parser import parse
from labeltui.operations.run import command_line
from labeltui.operations.table import OPERATIONS
from tests.actions import failing
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("given", "words"),
    [({"max_epoch": 2}, "'max_epoch'"), ({"max_epochs": "two"}, "'max_epochs' can't be 'two'")],
)
@in_virtual_time
async def test_wrong_parameters_are_refused_by_name_before_anything_is_done(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    async with desk(tmp_path, start=False) as it:
        error = await it.failing("train.start", **given)
    assert (error.problem.code, error.exit_code) == ("bad_parameter", 2)
    assert words in error.problem.message
    assert not it.session.journal.entries


@in_virtual_time
async def test_a_read_only_session_refuses_what_changes_something(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, read_only=True) as it:
        refused = await it.failing("server.stop")
        status = await it.run("server.status")
    assert (refused.problem.code, refused.exit_code) == ("read_only", 3)
    assert status["state"] == "running"
    assert not it.session.journal.entries


@in_virtual_time
async def test_what_destroys_is_confirmed_with_its_own_question(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        refused = await failing(it.session, "server.stop", confirmed=False)
    assert refused.problem.code == "unconfirmed"
    assert refused.problem.message.startswith("Not confirmed: Stop the server")


@in_virtual_time
async def test_the_journal_records_how_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: Any) -> Any:
        raise RuntimeError("a fault")

    async def waits(*_: Any) -> Any:
        await asyncio.Event().wait()

    async with desk(tmp_path) as it:
        monkeypatch.setitem(OPERATIONS, "train.start", breaks)
        with pytest.raises(RuntimeError):
            await it.run("train.start")
        monkeypatch.setitem(OPERATIONS, "train.stop", waits)
        waiting = it.begin("train.stop")
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        first, second = it.session.journal.entries
    assert (first.ok, "a fault" in first.outcome) == (False, True)
    assert (second.title, second.ok, second.outcome) == ("Stop training", False, "cancelled")


def test_a_command_line_is_what_would_be_typed() -> None:
    create = PodCreateParams(gpu="RTX A5000", or_=("L40S", "RTX A4000"), fallback=True, volume_gb=0)
    assert command_line(BY_ID["pod.create"], create) == (
        "labeltui pod create --gpu 'RTX A5000' --volume-gb 0 --or L40S --or 'RTX A4000' --fallback"
    )
    stop = PodEndParams(pod="a b", named="a b", lose_labels=True)
    assert command_line(BY_ID["pod.stop"], stop) == "labeltui pod stop 'a b' --lose-labels --yes 'a b'"


@pytest.mark.parametrize(
    ("action_id", "given", "name", "line"),
    [
        ("studies.delete", {"study": "-rf"}, "", "studies delete --yes -- -rf"),
        ("studies.order", {"studies": ["a", "-b"], "place": 2}, "", "studies order --place 2 -- a -b"),
        ("studies.assign", {"studies": ["a"], "to": "-ben"}, "", "studies assign a --to=-ben"),
        ("pod.terminate", {}, "annot", "pod terminate --yes annot"),
        ("server.stop", {}, "", "server stop --yes"),
    ],
)
def test_a_copied_command_is_accepted_as_it_stands(
    action_id: str, given: dict[str, Any], name: str, line: str
) -> None:
    action = BY_ID[action_id]
    assert command_line(action, action.takes.of(given), name) == f"labeltui {line}"
    request = parse(shlex.split(line))
    assert action.takes.of(request.params) == action.takes.of(given)
    assert request.yes == (name if "--yes" in line else None)
