"""The lists of alerts and actions: the present ones first, then those of earlier sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.state import Alert, Level
from labeltui.domain.states import TrainState
from labeltui.domain.training.record import TrainingRecord
from labeltui.domain.training.training import Best, EpochPoint
from labeltui.operations.table import BEFORE_ASKING
from labeltui.session.labels import deleted
from labeltui.session.labels.deleted import DeletedStudy
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.records import ActionLogScreen, AlertsScreen, DeletionsScreen, TrainingsScreen
from tests.ui.fake_session import NOW, FakeSession, connected, settled, stopped, wait_for
from tests.ui.fake_session import console as console_of
from tests.ui.screen_text import screen_text


async def test_alerts_that_are_over_are_listed_below_the_present_ones() -> None:
    present = Alert("host", Level.ERROR, "The host is gone.", "", NOW)
    over = Alert("training", Level.ERROR, "The [b]GPU[/] had no memory.", "", NOW - timedelta(days=1))
    app = console_of(replace(connected(), alerts=(present,)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        app.session.alert_history.alerts = (over,)
        await pilot.press("a")
        await wait_for(
            pilot, lambda: isinstance(app.screen, AlertsScreen) and app.screen.options.option_count
        )
        assert isinstance(app.screen, AlertsScreen)
        texts = [str(option.prompt) for option in app.screen.options.options]
    assert ["host is gone" in text for text in texts] == [True, False, False]
    assert "earlier session" in texts[1]
    assert "The [b]GPU[/] had no memory." in texts[2]


async def test_an_open_list_of_alerts_follows_them_and_keeps_search_and_cursor() -> None:
    first, second = (Alert(key, Level.WARNING, f"{key} is gone.", "", NOW) for key in ("alpha", "beta"))
    app = console_of(replace(connected(), alerts=(first, second)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        store = app.session.store
        await pilot.press("a")
        await wait_for(pilot, lambda: isinstance(app.screen, AlertsScreen) and app.screen.chosen is not None)
        screen = app.screen
        assert isinstance(screen, AlertsScreen)
        await pilot.press("down")
        assert screen.chosen is not None
        assert "alpha" in screen.chosen.text
        store.alert(Alert("gamma", Level.ERROR, "gamma is gone.", "", NOW))
        await wait_for(pilot, lambda: screen.options.option_count == 3)
        assert "alpha" in screen.chosen.text
        store.dismiss("alpha")
        await wait_for(pilot, lambda: screen.options.option_count == 4)
        texts = [str(option.prompt) for option in screen.options.options]
        names = ("gamma", "beta", "have ended", "alpha")
        assert all(name in text for name, text in zip(names, texts, strict=True))
        await pilot.press(*"beta")
        store.alert(Alert("betamax", Level.ERROR, "betamax is gone.", "", NOW))
        await wait_for(pilot, lambda: screen.options.option_count == 2)


async def test_what_was_deleted_is_offered_and_the_chosen_deletion_is_undone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str, Any]] = []

    async def run_action(_session: Any, action_id: str, params: Any, *_: Any, **__: Any) -> dict[str, Any]:
        ran.append((action_id, params))
        return {"message": "done"}

    async def no_note(*_: Any) -> str:
        return ""

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    monkeypatch.setitem(BEFORE_ASKING, "studies.restore", no_note)
    at = [f"2026-11-23T17:0{minute}:00.000+00:00" for minute in range(3)]
    app = console_of(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.session.labels = SimpleNamespace(folder=SimpleNamespace(root=tmp_path))  # type: ignore[union-attr]
        await pilot.press("Q", "u")
        await wait_for(pilot, lambda: "Nothing that was deleted" in app.last_flash)
        deleted.store(
            tmp_path, DeletedStudy("liver_042", at[0], {"original": "a", "final": "b"}, restored=True)
        )  # they are back
        deleted.store(tmp_path, DeletedStudy("liver_081", at[1], {"final": "c"}))
        deleted.store(tmp_path, DeletedStudy("[b]gone[/]", at[2], {"final": "d"}, "deleted/x/image"))
        await pilot.press("Q", "u")
        await wait_for(pilot, lambda: isinstance(app.screen, DeletionsScreen))
        assert isinstance(app.screen, DeletionsScreen)
        texts = [str(option.prompt).partition("\n")[0] for option in app.screen.options.options]
        assert texts == ["[b]gone[/]  image and 1 label final", "liver_081  label final"]
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_for(pilot, lambda: ran)
    assert ran == [("studies.restore", {"study": "liver_081", "at": at[1]})]


async def test_an_action_of_another_day_says_which() -> None:
    app = console_of(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        journal = app.session.journal
        journal.begin(NOW - timedelta(days=3), "Start the server", "labeltui server start")
        journal.begin(NOW, "Stop the server", "labeltui server stop")
        await pilot.press("L")
        await wait_for(
            pilot, lambda: isinstance(app.screen, ActionLogScreen) and app.screen.options.option_count
        )
        assert isinstance(app.screen, ActionLogScreen)
        today, earlier = (str(option.prompt) for option in app.screen.options.options)
    day = f"{(NOW - timedelta(days=3)).astimezone():%a %d %b}"
    assert "Stop the server" in today
    assert day not in today
    assert day in earlier


def training(hours: int, state: TrainState | None, **more: object) -> TrainingRecord:
    return TrainingRecord(
        "deep[b]edit[/]", NOW - timedelta(hours=hours), state, "run", options={"max_epochs": 9, "lr": "[red]x"},
        total_epochs=9, points=(EpochPoint(4),), best=Best("val_mean_dice", 0.8125, 4),
        model_file="/apps/model/a.pt", **more,
    )  # fmt: skip


async def test_earlier_trainings_are_in_the_pane_and_all_of_them_one_key_away() -> None:
    records = (
        training(50, TrainState.STOPPED), training(30, None),
        training(2, TrainState.ERROR, problem="The GPU had no memory."),
    )  # fmt: skip
    app = console_of(replace(stopped(), trainings=records))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        await wait_for(pilot, lambda: "earlier trainings (t h shows all 3)" in screen_text(app))
        picture = app.export_screenshot().replace("&#160;", " ")
        assert "deep[b]edit[/]  4/9 epochs  best 0.812  2h ago" in picture
        await pilot.press("t", "h")
        await wait_for(
            pilot, lambda: isinstance(app.screen, TrainingsScreen) and app.screen.options.option_count
        )
        assert isinstance(app.screen, TrainingsScreen)
        newest, unknown, oldest = (str(option.prompt) for option in app.screen.options.options)
    assert newest.startswith("✗ error")
    assert "The GPU had no memory." in newest
    assert "best 0.812 (val_mean_dice)" in newest
    assert "max_epochs=9 lr=[red]x" in newest
    assert "/apps/model/a.pt" in newest
    assert unknown.startswith("? unknown")
    assert oldest.startswith("■ stopped")


async def test_the_training_that_is_shown_is_not_an_earlier_one() -> None:
    state = connected()
    assert state.training.value is not None
    now = replace(state.training.value, started_at=NOW - timedelta(hours=2, seconds=1), points=(), lines=())
    records = (training(30, TrainState.DONE), training(2, TrainState.RUNNING))
    app = console_of(replace(state, training=replace(state.training, value=now), trainings=records))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        picture = app.export_screenshot().replace("&#160;", " ")
    assert "earlier trainings (t h shows all 1)" in picture
    assert "1d ago" in picture
