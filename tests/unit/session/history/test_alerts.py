"""Alerts over the end of a console: those that are over can be read again, and none is stored twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.session.history import alerts as histories
from labeltui.session.history.alerts import AlertHistory
from labeltui.session.history.database import Database
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


def alert(key: str, message: str = "It fails.", at: datetime = NOW) -> Alert:
    return Alert(key, Level.ERROR, message, "Mend it.", at)


class Console:
    def __init__(self, folder: Path) -> None:
        self.store = Store(SessionState(Identity("p")))
        self.database = Database(StateFolder(folder))
        self.history = AlertHistory(self.store, self.database, lambda: NOW)
        self.history.begin()

    async def earlier(self) -> list[str]:
        return [one.key for one in await self.history.earlier()]


@in_virtual_time
async def test_the_next_console_lists_the_alerts_of_the_last_one(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        it.host.agent.jobs["server"].end(1)
        state = await it.session.store.wait_for(
            lambda state: any(
                one.key == "server" and "still being read" not in one.message for one in state.alerts
            ),
            60,
        )
        raised = next(one for one in state.alerts if one.key == "server")
    async with desk(tmp_path, start=False) as it:
        earlier = await it.session.alert_history.earlier()
    assert (raised.level, raised.message) in [(one.level, one.message) for one in earlier]


@in_virtual_time
async def test_an_alert_that_is_over_is_listed_until_it_is_raised_again(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.store.alert(alert("pod"))
    console.store.alert(alert("log:cuda", at=NOW + timedelta(minutes=1)))
    assert await console.earlier() == []
    console.store.dismiss("pod")
    console.store.dismiss("log:cuda")
    assert await console.earlier() == ["pod", "log:cuda"]
    later = Console(tmp_path)
    later.store.alert(
        alert("log:cuda", at=NOW + timedelta(minutes=1))
    )  # the same line of the log is read again
    assert await later.earlier() == ["pod"]
    rows = await later.database.read(
        lambda c: c.execute("SELECT key, ended_at IS NULL FROM alerts").fetchall()
    )
    assert rows == [("pod", 0), ("log:cuda", 1)]


@in_virtual_time
async def test_an_alert_that_replaces_another_ends_it(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.store.alert(alert("labels", "1 label is not copied."))
    console.store.alert(alert("labels", "2 labels are not copied."))
    assert [one.message for one in await console.history.earlier()] == ["1 label is not copied."]


@in_virtual_time
async def test_commands_store_no_alerts(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        await it.session.start(hold=False)
        it.session.store.alert(alert("pod"))
        it.session.store.dismiss("pod")
        assert await it.session.alert_history.earlier() == ()


@in_virtual_time
async def test_the_number_of_stored_alerts_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MAX_STORED", 20)
    console = Console(tmp_path)
    for number in range(50):
        console.store.alert(
            alert("labels", f"{number} labels are not copied.", NOW + timedelta(seconds=number))
        )
    console.store.dismiss("labels")
    assert [one.message.split()[0] for one in await console.history.earlier()] == [
        str(n) for n in range(30, 50)
    ]


@in_virtual_time
async def test_where_the_history_can_not_be_stored_an_alert_says_why_and_the_session_goes_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "history.db").mkdir()
    async with desk(tmp_path) as it:
        state = await it.session.store.wait_for(
            lambda state: any(one.key == "history" for one in state.alerts), 5
        )
        await it.run("server.start")
        (tmp_path / "state" / "history.db").rmdir()
        await it.run("server.stop")
        await it.session.store.wait_for(lambda state: all(one.key != "history" for one in state.alerts), 5)
    (said,) = (one for one in state.alerts if one.key == "history")
    assert (said.level, said.message) == (
        Level.WARNING, "The history can't be stored on this machine: Is a directory.",
    )  # fmt: skip
