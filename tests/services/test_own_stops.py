"""The operator stops and restarts a pod that serves and trains, over SSH: no console calls that a problem."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labeltui.config.model import Profile
from labeltui.domain.server.server import ServerState
from labeltui.domain.state import SessionState
from labeltui.domain.training.training import TrainState
from labeltui.opening.hosts import host_of
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from tests.actions import FailingPrompter, run_confirmed
from tests.services.emulated_session import GPU
from tests.unit.operations.pod.test_own_stops import ABOUT_THE_END, raised


@pytest.fixture
async def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)  # noqa: ASYNC221
    async with Emulator(scenario="story", folder=tmp_path) as emulator:
        monkeypatch.setenv("RUNPOD_API_BASE_URL", emulator.url)
        monkeypatch.setenv("RUNPOD_API_KEY", emulator.key)
        profile = Profile.model_validate(
            {
                "host": "runpod",
                "runpod": {"pod": "annot", "key": str(key)},
                "server": {
                    "folder": "~/workspace/labeltui",
                    "studies": "~/workspace/studies",
                    "port": emulator.server_port,
                    "torch": "cpu",
                },
                "labels": {"folder": str(tmp_path / "labels")},
            }
        )
        opened = console(profile, tmp_path)
        await opened.start()
        yield opened
        await opened.close()


def console(profile: Profile, folder: Path) -> Session:
    state = StateFolder(folder / "state")
    return Session("p", profile, host_of(profile, state, FailingPrompter()), state)


async def serve_and_train(session: Session) -> None:
    await run_confirmed(session, "server.start")
    await run_confirmed(session, "train.start", max_epochs=50)
    await session.store.wait_for(is_logged, 60)


def is_logged(state: SessionState) -> bool:
    """Whether the training runs, and the log shows it: each start of an emulated pod has a home without that log."""
    training = state.training.value
    return training is not None and training.state is TrainState.RUNNING and training.iteration is not None


async def ended_with_pod(session: Session, training: TrainState) -> None:
    def known(state: SessionState) -> bool:
        server, trained = state.server, state.training.value
        stopped = (
            server.value is not None and server.value.state is ServerState.STOPPED and server.error is None
        )
        return stopped and trained is not None and trained.state is training

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
    await ended_with_pod(session, TrainState.STOPPED)
    await serve_and_train(session)
    await run_confirmed(session, "pod.stop")
    await run_confirmed(session, "pod.start")
    await ended_with_pod(session, TrainState.STOPPED)
    assert keys & ABOUT_THE_END == set()

    later = console(session.profile, tmp_path)
    keys = raised(later)
    await later.start()
    await ended_with_pod(
        later, TrainState.IDLE
    )  # each start of an emulated pod has another home, without the log
    await later.close()
    assert keys & ABOUT_THE_END == set()
