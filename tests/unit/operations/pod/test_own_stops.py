"""A stop or restart of the pod by the operator is no problem, so that no alert reports it. Somebody else's is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.sandbox.runpod.world.pods import Pod
from labeltui.session.session import Session
from tests.fakes.account import EmulatedAccount
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.fakes.session import memory_session
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

ABOUT_THE_END = {"host", "server", "training", "orphans", "pod:stopped"}
SETTINGS: dict[str, Any] = {"labels": {"copy": False}}


def raised(session: Session) -> set[str]:
    """The keys of all alerts from now on, also of those that are dismissed."""
    keys: set[str] = set()

    def note(state: SessionState, _changed: object) -> None:
        keys.update(alert.key for alert in state.alerts)

    session.store.subscribe(note)
    return keys


def dies_with_its_container(it: Desk) -> None:
    """Connection and server end with the pod's container, before RunPod has answered. Nothing records their end."""
    assert isinstance(it.account, EmulatedAccount)

    def container_down(_pod: Pod) -> None:
        it.server.up = False
        it.host.drop()
        for run in it.host.agent.jobs.values():
            run.lose()

    it.account.containers.container_down = container_down  # type: ignore[method-assign]


async def serving(it: Desk) -> str:
    pod_id = await it.rent()
    it.serve()
    dies_with_its_container(it)
    await it.session.readiness.need_server()
    return pod_id


def state_of(session: Session) -> ServerState | None:
    server = session.store.state.server.value
    return None if server is None else server.state


def training_of(state: SessionState) -> TrainState | None:
    return None if state.training.value is None else state.training.value.state


@pytest.mark.parametrize("action", ["pod.stop", "pod.restart"])
@in_virtual_time
async def test_no_alert_follows_the_operators_own_stop_of_the_pod(tmp_path: Path, action: str) -> None:
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        await serving(it)
        keys = raised(it.session)
        await it.run(action, lose_labels=True)
        await asyncio.sleep(60)
        assert state_of(it.session) is ServerState.STOPPED
        assert it.session.watch.ended_with == "pod"
    assert keys & ABOUT_THE_END == set()


@in_virtual_time
async def test_a_command_in_another_terminal_stops_the_pod_without_an_alert_in_the_console(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        await serving(it)
        keys = raised(it.session)
        async with memory_session(
            tmp_path, host=MemoryHost(), account=it.account, hold=False, profile=SETTINGS
        ) as other:
            command = Desk(tmp_path, other, MemoryHost(), FakeMonaiLabel(), it.account)
            await command.run("pod.stop", lose_labels=True)
            await asyncio.sleep(60)
    assert keys & ABOUT_THE_END == set()


@pytest.mark.parametrize(
    ("actions", "ahead_s"),
    [(["pod.stop", "pod.start"], 0), (["pod.restart"], 0), (["pod.restart"], 1200), (["pod.restart"], -1200)],
)
@in_virtual_time
async def test_a_console_that_is_opened_later_knows_that_the_server_ended_with_the_pod(
    tmp_path: Path, actions: list[str], ahead_s: int
) -> None:
    """``ahead_s`` are the seconds by which the host's clock is ahead of the desk's."""
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        it.host.now = lambda: it.session.clock().timestamp() + ahead_s
        await serving(it)

        for action in actions:
            await it.run(action, **({} if action == "pod.start" else {"lose_labels": True}))
        host, server, account = it.host, it.server, it.account
    host.drop()
    async with memory_session(tmp_path, host=host, server=server, account=account, profile=SETTINGS) as later:
        host.now = lambda: later.clock().timestamp() + ahead_s
        keys = raised(later)
        await later.readiness.settled()
        await asyncio.sleep(60)
        assert state_of(later) is ServerState.STOPPED
        assert later.watch.ended_with == "pod"
        # What the next server does is judged by itself.
        host.agent.start("server", meta={}).lose()
        await later.store.wait_for(lambda _: state_of(later) is ServerState.CRASHED, 10)
    assert keys & ABOUT_THE_END == {"server"}


@in_virtual_time
async def test_a_training_that_had_printed_nothing_is_stopped_with_its_pod_also_in_a_later_console(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        await serving(it)
        await it.run("train.start", model="deepedit")
        await it.run("pod.restart", lose_labels=True)
        state = await it.session.store.wait_for(lambda s: training_of(s) is TrainState.STOPPED, 60)
        assert (state.training.value and state.training.value.ended_with) == "pod"
        host, server, account = it.host, it.server, it.account
    host.drop()
    async with memory_session(tmp_path, host=host, server=server, account=account, profile=SETTINGS) as later:
        state = await later.store.wait_for(lambda s: training_of(s) is not None, 60)
        assert state.training.value is not None
        ended = state.training.value
        assert (ended.state, ended.model, ended.ended_with) == (TrainState.STOPPED, "deepedit", "pod")
        # Another run has trained nothing yet.
        host.agent.start("server", meta={}).lose()
        await later.store.wait_for(lambda s: training_of(s) is TrainState.IDLE, 60)


@in_virtual_time
async def test_a_stop_on_runpods_page_is_an_alert_also_after_the_operators_own(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        pod_id = await serving(it)
        await it.run("pod.restart", lose_labels=True)
        await asyncio.sleep(60)
        keys = raised(it.session)
        it.elsewhere(pod_id, "stop")
        await asyncio.sleep(60)
    assert {"host", "pod:stopped"} <= keys


@in_virtual_time
async def test_a_refused_stop_excuses_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, **SETTINGS) as it:
        await serving(it)
        keys = raised(it.session)
        it.world.faults.arm("status", method="POST", path="^/v2/pods/", status=403)
        await it.failing("pod.stop", lose_labels=True)
        it.host.drop()
        await asyncio.sleep(5)
    assert "host" in keys
