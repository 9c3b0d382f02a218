"""The guide's steps that need RunPod, over an emulated account: each tick goes on with its fact, and off with it."""

from __future__ import annotations

import pytest

from labeltui.domain.guide.guide import guide
from labeltui.domain.guide.step import Mark, Step
from labeltui.domain.state import SessionState
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.actions import run_confirmed
from tests.services.emulated_session import GPU

WITHIN_S = 30.0


async def shows(session: Session, mark: Mark, *titles: str, action: str = "") -> None:
    """Wait until each step has the mark, and ``action`` for its key."""

    def holds(state: SessionState) -> bool:
        return all((found.mark, found.action) == (mark, action) for found in steps(state))

    def steps(state: SessionState) -> list[Step]:
        return [one for one in guide(state) if one.title in titles]

    try:
        await session.store.wait_for(holds, WITHIN_S)
    except TimeoutError:
        raise AssertionError(f"never {mark}: {steps(session.store.state)}") from None


@pytest.mark.slow
async def test_the_steps_of_a_rented_pod_go_on_and_off(session: Session, emulator: Emulator) -> None:
    await shows(session, Mark.DONE, "account key")
    await shows(session, Mark.TODO, "pod", action="pod.options")
    await shows(session, Mark.UNKNOWN, "SSH key", "pod stopped")

    await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    await shows(session, Mark.DONE, "pod", "SSH key", "connection")
    await shows(session, Mark.UNKNOWN, "pod stopped", action="evening.show")

    await run_confirmed(session, "pod.stop")
    await shows(session, Mark.DONE, "account key", "pod stopped")
    await shows(session, Mark.TODO, "pod", action="pod.start")
    await shows(session, Mark.UNKNOWN, "SSH key", "connection", "MONAI Label", "server")

    await run_confirmed(session, "pod.start")
    await shows(session, Mark.DONE, "pod", "SSH key", "connection")
    await shows(session, Mark.UNKNOWN, "pod stopped", action="evening.show")

    await session.account.refresh_pods()  # as the list of pods does
    key = emulator.world.keys.pop(emulator.key)
    session.account.wake()
    await shows(session, Mark.WRONG, "account key", action="doctor")
    await shows(session, Mark.UNKNOWN, "pod")
    emulator.world.keys[emulator.key] = key
    session.account.wake()
    await shows(session, Mark.DONE, "account key", "pod")

    await run_confirmed(session, "pod.terminate", named="annot")
    await shows(session, Mark.TODO, "pod", action="pod.options")
    await shows(session, Mark.DONE, "pod stopped")
