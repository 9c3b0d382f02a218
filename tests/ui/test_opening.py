"""Opening the session behind the painted frame: failures, the welcome, and the questions in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused, Unreachable
from labeltui.hosts.base import HostKey
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from labeltui.ui.opening import ScreenPrompter
from labeltui.ui.screens.dialogs.prompts import HostKeyScreen, SecretScreen
from labeltui.ui.screens.profiles.welcome import WelcomeScreen
from tests.ui.fake_session import NOW, FakeSession, connected, wait_for

SIZE = (120, 40)


def opening_with(monkeypatch: pytest.MonkeyPatch, *outcomes: Any) -> list[Launch]:
    """Let ``open_session`` end in each of the outcomes, one after the other."""
    launches: list[Launch] = []
    left = list(outcomes)

    async def open_session(launch: Launch, _prompter: Any) -> Any:
        launches.append(launch)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("labeltui.ui.opening.open_session", open_session)
    return launches


async def test_the_frame_is_painted_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def open_session(*_: Any) -> Any:
        await never.wait()

    monkeypatch.setattr("labeltui.ui.opening.open_session", open_session)
    app = Console(Launch(profile="liver"), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: app.panes)
        text = app.export_screenshot().replace("&#160;", " ")
        for word in ("liver", "1 pod", "2 shell", "3 server log", "4 study queue", "5 training", "? unknown"):
            assert word in text
        await pilot.press("4")
        await wait_for(pilot, lambda: app.frame_screen.current == "queue", "keys work meanwhile")


async def test_without_a_profile_there_is_a_welcome_that_offers_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = FakeSession(connected())
    launches = opening_with(
        monkeypatch, Misused(Code.NO_PROFILE, "There is no profile.", "Write one."), session
    )
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.pause()
        assert "welcome to labeltui" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.session is session)
        assert launches[1].demo == "story"


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_failure_is_a_banner_with_what_to_do_and_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    session = FakeSession(connected())
    problem = Unreachable(Code.BAD_CONFIG, "labeltui.toml:3: [red]unknown key[/].", "Did you mean 'host'?")
    opening_with(monkeypatch, problem, session)
    app = Console(Launch(profile="liver"), clock=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.pause()
        text = app.export_screenshot().replace("&#160;", " ").replace("&#x27;", "'")
        assert "[red]unknown key[/]" in text
        assert "Did you mean 'host'?" in text
        await pilot.press("r")
        await wait_for(pilot, lambda: app.session is session)


async def test_a_fault_of_labeltui_itself_does_not_end_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    opening_with(monkeypatch, RuntimeError("boom"))
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press("w")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "ProblemScreen")
        await pilot.pause()
        assert "Traceback" in app.export_screenshot().replace("&#160;", " ")
        assert app.is_running


async def test_secrets_are_asked_one_at_a_time_and_never_shown() -> None:
    app = Console(session=FakeSession(connected()), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: app.session is not None)
        prompter = ScreenPrompter(app)
        first = asyncio.ensure_future(prompter.secret("Passphrase", "for [red]id_ed25519"))
        second = asyncio.ensure_future(prompter.secret("Password", "for root@host"))
        await wait_for(pilot, lambda: isinstance(app.screen, SecretScreen))
        await pilot.press(*"hunter2")
        assert "hunter2" not in app.export_screenshot()
        assert "[red]id_ed25519" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("enter")
        assert await first == "hunter2"
        await wait_for(pilot, lambda: isinstance(app.screen, SecretScreen))
        await pilot.press("escape")
        assert await second is None


async def test_a_notice_during_the_login_is_shown_literally() -> None:
    app = Console(session=FakeSession(connected()), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: app.session is not None)
        ScreenPrompter(app).notice("Touch the security key of [red]yubi[/], if it blinks.")
        await wait_for(
            pilot,
            lambda: (
                "Touch the security key of [red]yubi[/]" in app.export_screenshot().replace("&#160;", " ")
            ),
        )


@pytest.mark.parametrize(
    ("keys", "trusted"), [(("enter",), False), (("escape",), False), (("right", "enter"), True)]
)
async def test_an_unknown_host_key_is_not_trusted_by_default(keys: tuple[str, ...], trusted: bool) -> None:
    app = Console(session=FakeSession(connected()), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: app.session is not None)
        key = HostKey("root@203.0.113.7:40022", "ssh-ed25519", "SHA256:abcdef")
        answer = asyncio.ensure_future(ScreenPrompter(app).trust_host_key(key))
        await wait_for(pilot, lambda: isinstance(app.screen, HostKeyScreen))
        await pilot.pause()
        assert "SHA256:abcdef" in app.export_screenshot()
        await pilot.press(*keys)
        assert await answer is trusted
