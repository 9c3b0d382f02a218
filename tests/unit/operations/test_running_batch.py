"""A batch inference that runs on the host, as a console that did not start it shows and stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from labeltui.actions import BY_ID, why_disabled
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.early import refuse_unwanted
from labeltui.cli.output import Output
from labeltui.cli.parser import parse
from labeltui.cli.running import confirm
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.server.server import BatchRun
from labeltui.domain.state import SessionState
from labeltui.domain.training.log import TrainLog
from tests.paths import MONAILABEL
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

LINES = (MONAILABEL / "log_batch_infer.txt").read_text().splitlines()


class Asked(Exception):
    """Raised where the operator would be asked."""


class RaisingPrompter:
    present = True

    async def ask(self, prompt: str) -> str:
        raise Asked(prompt)


class NoTerminal:
    present = False


def batch_of(state: SessionState) -> BatchRun | None:
    return state.server.value.batch if state.server.value is not None else None


def stop_key(state: SessionState) -> str | None:
    return why_disabled(BY_ID["infer.stop"], state)


@in_virtual_time
async def test_a_console_opened_anew_reads_that_a_batch_runs_how_far_it_is_and_when_it_ended(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, serves=True) as it:
        store, job = it.session.store, it.host.agent.jobs["server"]
        job.print("\n".join(LINES[:150]) + "\n")  # to the third of five studies
        state = await store.wait_for(lambda s: (run := batch_of(s)) is not None and run.done == 3, 60)
        run = batch_of(state)
        assert run is not None
        assert (run.done, run.total, run.model, stop_key(state)) == (3, 5, "deepedit_seg", None)
        assert run.left_s == pytest.approx(52.145 - 50.328, abs=0.01), (
            "measured from the end of the first study"
        )
        job.print("\n".join(LINES[150:]) + "\n")
        state = await store.wait_for(
            lambda s: s.server.value is not None and s.server.value.batch is None, 60
        )
        assert stop_key(state) == "no batch inference is running"
        assert stop_key(replace(state, server=replace(state.server, error="lost"))) is None, "it is not known"


def test_the_lines_of_a_real_batch_say_when_it_begins_and_ends() -> None:
    log, runs = TrainLog(), list[BatchRun | None]()
    for line in LINES:
        log.feed(line)
        runs.append(log.batch.run)
    shown = [run for run in dict.fromkeys(runs) if run is not None]
    assert [(run.done, run.total) for run in shown] == [(0, None), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert (runs[0], runs[-1], shown[-1].left_s) == (None, None, 0.0)
    assert [run.left_s is None for run in shown] == [True, True, False, False, False, False]


@in_virtual_time
@pytest.mark.parametrize(
    ("action", "code"),
    [("infer.stop", "not_found"), ("score.stop", "not_found"), ("train.stop", "nothing_trains")],
)
async def test_a_stop_with_nothing_to_stop_says_so_instead_of_asking(
    tmp_path: Path, action: str, code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        prompter = cast(TerminalPrompter, RaisingPrompter())
        with pytest.raises(Failed) as error:
            await confirm(it.session, BY_ID[action], {}, None, prompter)
        assert (error.value.problem.code, error.value.exit_code) == (code, 1)
        running = {
            "id": "1",
            "status": "RUNNING",
            "request": {"model": "deepedit"},
            "start_ts": "2026-11-23 17:11:00",
        }
        for path in ("/batch/infer", "/scoring/", "/train/"):
            it.server.documents["GET", path] = lambda request: (
                running if "check_if_running" in request.url.params else [running]
            )
        with pytest.raises(Asked, match=r"[Ss]top"):
            await confirm(it.session, BY_ID[action], {}, None, prompter)


def test_no_stop_is_refused_as_unconfirmed_before_it_is_known_whether_anything_runs() -> None:
    for command in ("infer", "score", "train", "server"):
        refuse_unwanted(parse([command, "stop", "--json"]), Output(as_json=True))
    with pytest.raises(Refused):
        refuse_unwanted(parse(["guard", "off", "--json"]), Output(as_json=True))


@in_virtual_time
@pytest.mark.parametrize("action", ["server.stop", "server.restart"])
async def test_a_command_that_stops_the_server_names_the_batch_before_it_has_read_the_log(
    tmp_path: Path, action: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        running = {
            "id": "1", "status": "RUNNING", "request": {"model": "deepedit_seg"},
            "start_ts": "2026-11-23 17:11:00", "details": LINES[:150],
        }  # fmt: skip
        it.server.documents["GET", "/batch/infer"] = lambda _request: [running]
        prompter = cast(TerminalPrompter, RaisingPrompter())
        with pytest.raises(Asked, match=r"deepedit_seg runs \(3 of 5 studies done\)") as asked:
            await confirm(it.session, BY_ID[action], {}, None, prompter)
        assert "Stop the server?" in str(asked.value)
        nobody = cast(TerminalPrompter, NoTerminal())
        with pytest.raises(Refused, match=r"deepedit_seg runs \(3 of 5 studies done\)") as refused:
            await confirm(it.session, BY_ID[action], {}, None, nobody)
        assert refused.value.exit_code == 3
