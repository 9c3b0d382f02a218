"""The readings for which an operation waits before it reads the state."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.session.readiness import Readiness
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Poller
from labeltui.session.session import utc_now
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_poll_that_began_before_the_operation_is_not_its_reading() -> None:
    store = Store(SessionState(Identity("p")))
    states = [TrainState.IDLE, TrainState.RUNNING]

    async def poll() -> TrainStatus:
        state = (
            states.pop(0) if len(states) > 1 else states[0]
        )  # as the server answers the request when it comes
        await asyncio.sleep(1)
        return TrainStatus(state)

    poller = Poller(store.own(Fields.training), poll, lambda: 60.0, utc_now)
    pollers = SimpleNamespace(all=(poller,), wake=poller.wake)
    readiness = Readiness(store, *cast("Any", (None, pollers, None)))
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(0.5)
    for _ in range(2):  # the second time, a good reading is already there
        state = await readiness.first_readings(Fields.training)
        assert state.training.value == TrainStatus(TrainState.RUNNING)
        await asyncio.sleep(0)
    assert poller.attempts == 3
    running.cancel()
