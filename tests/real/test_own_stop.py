"""A console over a real MONAI Label whose operator stops it in the middle of a training. Builds on no test before."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from labeltui.domain.guide.guide import guide
from labeltui.domain.guide.step import Mark
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from tests.actions import run_confirmed
from tests.real.conftest import SMALL, Bench
from tests.real.test_main_job import console

OF_EARLIER = ("replaced:", "shared:", "held:", "untrained_models")
"""Keys of alerts about what earlier tests have submitted to this host, and trained on it."""


def mark(state: SessionState, title: str) -> Mark:
    """The guide's mark of a step."""
    return next(step.mark for step in guide(state) if step.title == title)


def is_prepared(state: SessionState) -> bool:
    return mark(state, "MONAI Label") is Mark.DONE and state.server.value is not None


async def test_no_alert_follows_the_operators_stop_of_a_server_that_trains(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.run("setup", timeout=1200).code == 0
    app = bench.folder / "apps/radiology/lib/configs/deepedit.py"
    app.write_text(app.read_text().replace(*SMALL))
    alerts: set[str] = set()
    shutil.move(bench.folder / "venv", bench.folder / "elsewhere")
    async with console(bench, monkeypatch) as session:
        session.store.subscribe(
            lambda state, _changed: alerts.update(
                alert.message for alert in state.alerts if not alert.key.startswith(OF_EARLIER)
            )
        )
        try:
            await session.store.wait_for(lambda s: mark(s, "MONAI Label") is Mark.TODO, 60)
        finally:
            shutil.move(bench.folder / "elsewhere", bench.folder / "venv")
        assert mark(await session.store.wait_for(is_prepared, 60), "server") in (
            Mark.TODO,
            Mark.WRONG,
        )  # an earlier test may have killed it
        await run_confirmed(session, "server.start")
        await run_confirmed(session, "train.start", max_epochs=50)
        await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.RUNNING, 60
        )
        during = session.store.state
        assert [
            mark(during, title) for title in ("SSH key", "connection", "MONAI Label", "studies", "server")
        ] == ([Mark.DONE] * 5)
        assert mark(during, "training") is Mark.BUSY
        await run_confirmed(session, "server.stop")
        state = await session.store.wait_for(
            lambda s: s.training.value is not None and s.training.value.state is TrainState.STOPPED, 30
        )
        await asyncio.sleep(20)  # what comes later would come within one poll of each poller
        assert (state.training.value and state.training.value.ended_with) == "server"
        assert state.server.value is not None
        assert state.server.value.state is ServerState.STOPPED
        assert mark(session.store.state, "server") is Mark.TODO
        assert mark(session.store.state, "MONAI Label") is Mark.DONE
        assert alerts == set()
