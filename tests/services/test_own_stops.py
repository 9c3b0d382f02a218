"""The operator stops and restarts a pod that serves and trains, over SSH: no console calls that a problem."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.actions import FailingPrompter, run_confirmed
from tests.services.emulated_session import GPU, IN_WORKSPACE, write_profile
from tests.unit.operations.pod.test_own_stops import ABOUT_THE_END, raised


@pytest.fixture
async def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    async with Emulator(scenario="story", folder=tmp_path) as emulator:
        launch = write_profile(emulator, tmp_path, monkeypatch, IN_WORKSPACE)
        opened = await open_session(launch, FailingPrompter())
        await opened.start()
        yield opened
        await opened.close()


async def serve_and_train(session: Session) -> None:
    await run_confirmed(session, "server.start")
    await run_confirmed(session, "train.start", max_epochs=50)


async def ended_with_pod(session: Session) -> None:
    """The server and its training were stopped. A pod's new start has not the log that would show the training."""

    def known(state: SessionState) -> bool:
        server, trained = state.server, state.training.value
        stopped = (
            server.value is not None and server.value.state is ServerState.STOPPED and server.error is None
        )
        return stopped and trained is not None and trained.state is TrainState.STOPPED

    await session.store.wait_for(known, 60)
    assert session.watch.ended_with == "pod"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_alert_follows_a_stop_of_the_pod_nor_a_restart(session: Session, tmp_path: Path) -> None:
    await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    await run_confirmed(session, "setup")
    await serve_and_train(session)
    keys = raised(session)
    await run_confirmed(session, "pod.restart")
    await ended_with_pod(session)
    await serve_and_train(session)
    await run_confirmed(session, "pod.stop")
    await run_confirmed(session, "pod.start")
    await ended_with_pod(session)
    assert keys & ABOUT_THE_END == set()

    later = await open_session(Launch(config=str(tmp_path / "config.toml")), FailingPrompter())
    keys = raised(later)
    await later.start()
    await ended_with_pod(later)
    await later.close()
    assert keys & ABOUT_THE_END == set()
