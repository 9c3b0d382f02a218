"""The same story by keys alone: the console over an emulated account, from an empty screen to a pod given back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.states import ServerState, TrainState
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.ui.app import Console
from labeltui.ui.screens.checklist import ChecklistScreen
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.services.emulated_session import IN_WORKSPACE, write_profile

LONGEST_S = 120.0


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    """An account without a pod; what plays in one starts without MONAI Label."""
    async with Emulator(scenario="story", folder=tmp_path) as running:
        yield running


@pytest.fixture
def console(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The console over a profile that names a pod which is not there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return Console(write_profile(emulator, tmp_path, monkeypatch, IN_WORKSPACE))


async def until(pilot: Pilot[Any], holds: Callable[[], object], what: str) -> None:
    """Let the console work until ``holds()``; if it never does, the error shows the last screen."""
    end = time.monotonic() + LONGEST_S
    while not holds():
        if time.monotonic() > end:
            app: Any = pilot.app
            raise AssertionError(f"never: {what}; last said: {app.last_flash}; on {app.screen}")
        await pilot.pause(0.05)


async def confirmed(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen), "the question")
    await pilot.press("y")


@pytest.mark.slow
async def test_the_story_by_keys(console: Console, emulator: Emulator) -> None:
    async with console.run_test(size=(120, 40)) as pilot:
        await until(
            pilot, lambda: console.session is not None and console.state.pod.error, "that there is no pod"
        )

        await pilot.press("p", "n")
        await until(pilot, lambda: isinstance(console.screen, DeployScreen), "the form")
        form: Any = console.screen
        await until(pilot, lambda: form.draft.gpu, "a GPU that is suggested")
        await confirmed(pilot, "ctrl+s")
        await until(pilot, lambda: isinstance(console.screen, ChecklistScreen), "the checklist")
        await until(pilot, lambda: running(console), "a server on the new pod")
        await until(pilot, lambda: not console.dispatcher.running, "the checklist to be done")
        await pilot.press("escape")
        assert len(emulator.world.pods) == 1

        await pilot.press("t", "s")
        await until(pilot, lambda: state_of(console) is TrainState.RUNNING, "a training")
        await until(pilot, lambda: console.state.training.value.epoch, "an epoch")  # type: ignore[union-attr]
        await confirmed(pilot, "t", "x")
        await until(pilot, lambda: state_of(console) is TrainState.STOPPED, "the training to stop")

        await confirmed(pilot, "p", "x")
        await until(pilot, lambda: pod_is(console, PodStatus.STOPPED), "a stopped pod")
        await until(pilot, lambda: not console.dispatcher.running, "the stop to be reported")
        await confirmed(pilot, "p", "s")
        await until(pilot, lambda: pod_is(console, PodStatus.RUNNING), "the pod again")
        await until(pilot, lambda: not console.dispatcher.running, "the start to be reported")

        await pilot.press("p", "D")
        await until(pilot, lambda: console.screen is not console.frame_screen, "the question for the name")
        await pilot.press(*"annot", "enter")
        await until(pilot, lambda: not emulator.world.pods, "nothing to be rented any more")
        await until(pilot, lambda: not console.dispatcher.running, "the end to be reported")


def running(console: Console) -> bool:
    server = console.state.server.value
    return server is not None and server.state is ServerState.RUNNING


def state_of(console: Console) -> TrainState | None:
    training = console.state.training.value
    return None if training is None else training.state


def pod_is(console: Console, status: PodStatus) -> bool:
    pod = console.state.pod.value
    return pod is not None and pod.status is status
