"""Profiles are switched and edited inside the console, also while the present host does not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.config.load import load, select
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused, Problem
from labeltui.opening.launch import Launch
from labeltui.ui import switching
from labeltui.ui.app import Console
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.profiles import ProfilesScreen
from tests.ui.fake_session import NOW, FakeSession, connected, settled, wait_for
from tests.ui.screen_text import screen_text

FILE = """\
default = "liver"
[profiles.liver]
host = "ssh" # the old box
[profiles.liver.ssh]
address = "me@[red]box:22"
[profiles.spleen]
host = "local"
[profiles.spleen.server]
studies = "STUDIES"
"""


class Dead(FakeSession):
    """A session whose host does not answer: closing it never ends."""

    async def close(self) -> None:
        await super().close()
        await asyncio.Event().wait()


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Launch]:
    """What was opened. Each launch of ``spleen`` gives a fake session; ``gone`` fails."""
    path = tmp_path / "config.toml"
    path.write_text(FILE.replace("[red]", "").replace("STUDIES", str(tmp_path)))
    monkeypatch.setenv("LABELTUI_CONFIG", str(path))
    monkeypatch.setattr(switching, "CLOSED_S", 0.01)
    monkeypatch.setattr(switching, "ENDED_S", 0.01)
    opened: list[Launch] = []

    async def fake(launch: Launch, _prompter: Any) -> Any:
        opened.append(launch)
        if launch.demo is not None:
            raise Misused(Code.DEMO_FAILED, "The demo did not start.", "Try again.")
        return FakeSession(connected())

    monkeypatch.setattr("labeltui.ui.opening.open_session", fake)
    return opened


async def listed(pilot: Pilot[Any], *keys: str) -> None:
    app = pilot.app
    await settled(pilot)
    await pilot.press("P")
    await wait_for(pilot, lambda: isinstance(app.screen, ProfilesScreen), "the list")
    await pilot.press(*keys)


async def test_another_profile_opens_while_the_present_one_never_closes(launches: list[Launch]) -> None:
    dead = Dead(connected())
    app = Console(session=dead, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        before = dict(app.panes)
        app.dispatcher.last_problem = ("Start server", Problem(Code.BAD_CONFIG, "It failed."))
        await listed(pilot, *"spleen", "enter")
        await wait_for(pilot, lambda: app.session not in (None, dead), "the session of the other profile")
        assert launches == [Launch(profile="spleen")]
        assert dead.closed
        assert app.dispatcher.last_problem is None, "a failure of the other host offers nothing here"
        await wait_for(pilot, lambda: len(app.panes) == len(before))
        assert not set(app.panes.values()) & set(before.values()), "no pane shows the other host's texts"
        await pilot.press("4")
        await wait_for(pilot, lambda: app.frame_screen.current == "queue", "keys work")


async def test_a_profile_that_does_not_open_leaves_the_present_one(launches: list[Launch]) -> None:
    session = FakeSession(connected())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(pilot, *"demo", "enter")
        await wait_for(pilot, lambda: "The demo did not start" in app.last_flash)
        assert app.session is session
        assert not session.closed
        assert app.screen is app.frame_screen


async def test_a_running_action_is_cancelled_only_after_a_question(
    launches: list[Launch], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def run_action(*_: Any, **__: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    session = FakeSession(connected())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.dispatcher.invoke("train.stop")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen) or app.dispatcher.running)
        if isinstance(app.screen, ConfirmScreen):
            await pilot.press("y")
        await wait_for(pilot, lambda: app.dispatcher.running, "a running action")
        await listed(pilot, *"spleen", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert not launches
        await pilot.press("y")
        await wait_for(pilot, lambda: app.session not in (None, session))
        await wait_for(pilot, ended.is_set, "the end of the action")


async def test_a_profile_is_edited_and_opened_again(launches: list[Launch], tmp_path: Path) -> None:
    app = Console(session=FakeSession(connected()), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(pilot, *"liver")
        await pilot.press("ctrl+e")
        await wait_for(pilot, lambda: isinstance(app.screen, ProfileForm), "the form")
        screen = app.screen
        assert isinstance(screen, ProfileForm)
        assert [answer.value for answer in screen.answers] == ["me@box:22", "", "~/studies"]
        screen.answers[0].control.value = "me@[new]box:2222"
        await wait_for(pilot, lambda: "✗" in screen_text(app))
        screen.answers[0].control.value = "me@newbox:2222"
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: launches, "the session")
        assert launches == [Launch(profile="liver")]
    path = tmp_path / "config.toml"
    assert path.read_text() == FILE.replace("[red]box:22", "newbox:2222").replace("STUDIES", str(tmp_path))
    assert select(load(path), "spleen")[1].server.studies == str(tmp_path)
