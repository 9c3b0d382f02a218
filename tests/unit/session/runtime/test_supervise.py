"""Pollers that fail go on; the store notifies its subscribers; nothing dies silently."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from labeltui.domain.problems import Unreachable
from labeltui.domain.server.server import ServerInfo
from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Poller, Supervisor
from tests.fakes.store import put

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
INFO = ServerInfo("x", "0.8.5")


def new_store() -> Store:
    return Store(SessionState(Identity("test")))


async def test_a_poller_keeps_the_old_value_when_a_poll_fails_and_says_why() -> None:
    store = new_store()
    answers = iter([INFO, Unreachable("down", "connection refused"), RuntimeError("boom")])

    async def poll() -> ServerInfo:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    poller = Poller(store.own(Fields.info), poll, lambda: 3600.0, lambda: NOW)
    supervisor = Supervisor()
    supervisor.run("info", poller.run)
    await store.wait_for(lambda s: s.info.value == INFO and s.info.error is None, 5)
    poller.wake()
    state = await store.wait_for(lambda s: s.info.failures == 1, 5)
    assert (state.info.value, state.info.error, state.info.as_of) == (INFO, "connection refused", NOW)
    poller.wake()
    state = await store.wait_for(lambda s: s.info.failures == 2, 5)
    assert state.info.error == "RuntimeError: boom"
    await supervisor.close()


async def test_a_reading_has_the_interval_that_follows_from_its_value() -> None:
    store = new_store()

    async def poll() -> ServerInfo:
        return INFO

    poller = Poller(
        store.own(Fields.info), poll, lambda: 3.0 if store.state.info.value is None else 20.0, lambda: NOW
    )
    reading = await poller.poll()
    assert (reading.interval_s, store.state.info.interval_s) == (20.0, 20.0)


async def test_a_wake_during_a_poll_is_followed_by_another() -> None:
    store = new_store()
    entered, leave = asyncio.Event(), asyncio.Event()

    async def poll() -> ServerInfo:
        entered.set()
        await leave.wait()
        return INFO

    poller = Poller(store.own(Fields.info), poll, lambda: 3600.0, lambda: NOW)
    supervisor = Supervisor()
    supervisor.run("info", poller.run)
    await entered.wait()
    poller.wake()
    entered.clear()
    leave.set()
    await asyncio.wait_for(entered.wait(), 5)
    assert poller.attempts == 2
    await supervisor.close()


async def test_a_task_that_raises_is_started_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("labeltui"), "propagate", True)
    rounds = asyncio.Queue[int]()
    count = 0

    async def work() -> None:
        nonlocal count
        count += 1
        rounds.put_nowait(count)
        if count == 1:
            raise RuntimeError("boom")

    supervisor = Supervisor()
    task = supervisor.run("work", work)
    await asyncio.wait_for(task, 10)
    assert count == 2
    assert "work failed" in caplog.text


async def test_the_store_notifies_only_of_changes() -> None:
    store = new_store()
    notified: list[Changed] = []
    unsubscribe = store.subscribe(lambda _state, changed: notified.append(changed))
    put(store, demo_step="x", alerts=())
    put(store, demo_step="x")
    assert notified == [{Fields.demo_step}]
    unsubscribe()
    put(store, demo_step="")
    assert len(notified) == 1


def test_an_alert_about_the_same_thing_replaces_the_earlier_one() -> None:
    store = new_store()
    store.alert(Alert("a", Level.INFO, "one", "", NOW))
    store.alert(Alert("b", Level.INFO, "two", "", NOW))
    store.alert(Alert("a", Level.ERROR, "three", "", NOW))
    assert [a.message for a in store.state.alerts] == ["two", "three"]
    store.dismiss("b")
    assert [a.message for a in store.state.alerts] == ["three"]


async def test_waiting_for_what_never_comes_times_out() -> None:
    with pytest.raises(TimeoutError):
        await new_store().wait_for(lambda s: bool(s.demo_step), 0.01)
