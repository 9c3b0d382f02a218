"""The first minutes: the choices without a profile, and the forms behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.config.load import load, select
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused, Unreachable
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.runpod.keys import Secret
from labeltui.ui.app import Console
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.profiles import ProfilesScreen
from labeltui.ui.screens.profiles.runpod import RunpodForm
from labeltui.ui.screens.profiles.welcome import WelcomeScreen
from tests.ui.fake_session import NOW, FakeSession, connected, wait_for
from tests.ui.screen_text import screen_text

PASTED = "ssh root@203.0.113.7 -p 12345 -i {key}"


async def account_of(key: Secret) -> str:
    """Accept the key ``rpa_good_123``, fail to reach RunPod for ``rpa_away_123``, and refuse any other."""
    if key == Secret("rpa_away_123"):
        raise Unreachable(Code.RUNPOD_UNREACHABLE, "RunPod did not answer.", "Try again.")
    if key != Secret("rpa_good_123"):
        raise Refused(Code.RUNPOD_KEY_REFUSED, "RunPod does not accept the API key.", "Make a new key.")
    return "RunPod accepts the key: 2 pods"


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Launch]:
    """What was opened. A profile that exists, and the demo, give a fake session."""
    monkeypatch.setenv("LABELTUI_CONFIG", str(tmp_path / "labeltui" / "config.toml"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    monkeypatch.setattr("labeltui.ui.screens.profiles.runpod.describe_account", account_of)
    opened: list[Launch] = []

    async def fake(launch: Launch, prompter: Any) -> Any:
        opened.append(launch)
        if launch.demo is None and launch.profile is None:
            return await open_session(launch, prompter)
        return FakeSession(connected())

    monkeypatch.setattr("labeltui.ui.opening.open_session", fake)
    return opened


async def form(pilot: Pilot[Any], key: str) -> ProfileForm:
    app = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen), "the welcome")
    await pilot.press(key)
    await wait_for(pilot, lambda: isinstance(app.screen, ProfileForm), "the form")
    assert isinstance(app.screen, ProfileForm)
    return app.screen


def type_over(screen: ProfileForm, at: int, text: str) -> None:
    screen.answers[at].control.value = text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_pasted_address_becomes_a_profile_that_is_opened(
    launches: list[Launch], tmp_path: Path, size: tuple[int, int]
) -> None:
    key = tmp_path / "id"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        screen = await form(pilot, "s")
        await pilot.press("r", "o", "o", "t", "@", "h", ":", "9", "9", "9", "9", "9", "9")
        await wait_for(
            pilot, lambda: "✗ 'root@h:999999' is not" in screen_text(app), "what is wrong, while typing"
        )
        await pilot.press("ctrl+s")
        assert app.screen is screen
        type_over(screen, 0, PASTED.format(key=key))
        await wait_for(pilot, lambda: "✓ 203.0.113.7, port 12345, user root" in screen_text(app))
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: app.session is not None, "the session of the new profile")
        assert launches[-1] == Launch(profile="203.0.113.7")
        assert app.screen is app.frame_screen
    profile = select(load(tmp_path / "labeltui" / "config.toml"), "203.0.113.7")[1]
    assert profile.ssh is not None
    assert (profile.ssh.address, profile.ssh.key) == ("root@203.0.113.7:12345", str(key))


async def test_this_machine_needs_a_folder_that_exists(launches: list[Launch], tmp_path: Path) -> None:
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await form(pilot, "l")
        await wait_for(pilot, lambda: "There is no folder" in screen_text(app))
        await pilot.press("ctrl+s")
        assert not (tmp_path / "labeltui").exists()
        (tmp_path / "[red]scans").mkdir()
        type_over(screen, 0, str(tmp_path / "[red]scans"))
        await wait_for(pilot, lambda: "an empty folder" in screen_text(app))
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.session is not None)
        assert launches[-1] == Launch(profile="local")


async def test_esc_returns_from_a_form_to_the_choices(launches: list[Launch], tmp_path: Path) -> None:
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await form(pilot, "p")
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press("d")
        await wait_for(pilot, lambda: app.session is not None)
        assert launches[-1].demo == "story"
    assert not (tmp_path / "labeltui").exists()


async def test_a_file_that_can_not_be_written_is_named_in_the_form(
    launches: list[Launch], tmp_path: Path
) -> None:
    (tmp_path / "labeltui").write_text("a file where a folder must be")
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        screen = await form(pilot, "l")
        type_over(screen, 0, str(tmp_path))
        # A change of the answer that is handled after the key would clear the error.
        await wait_for(pilot, lambda: "✓" in screen_text(app))
        await pilot.press("ctrl+s")
        # The length of the file's path decides where the screen wraps the line.
        await wait_for(pilot, lambda: "can't be written" in str(screen.query_one(".error").render()))
        assert app.session is None


@pytest.mark.parametrize(
    ("key", "stored"), [("rpa_good_123", True), ("rpa_away_123", True), ("rpa_gone_123", False)]
)
async def test_a_refused_api_key_is_not_stored_and_no_key_is_shown(
    launches: list[Launch], tmp_path: Path, key: str, stored: bool
) -> None:
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await form(pilot, "p")
        await wait_for(pilot, lambda: "Make an API key in RunPod" in screen_text(app), "where to make a key")
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: "There is no RunPod API key" in screen_text(app))
        await pilot.press(*"rpa")
        screen = app.screen
        assert isinstance(screen, RunpodForm)
        assert screen.key_field.value == "rpa"
        screen.key_field.control.value = key
        await pilot.press("ctrl+s")
        if stored:
            await wait_for(pilot, lambda: app.session is not None, "the session")
        else:
            await wait_for(pilot, lambda: "does not accept" in screen_text(app))
        assert key not in screen_text(app)
    config = tmp_path / ".runpod" / "config.toml"
    assert config.exists() == stored
    assert (tmp_path / "labeltui").exists() == stored


async def test_a_key_that_is_there_is_tested_and_not_asked_for(
    launches: list[Launch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_good_123")
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await form(pilot, "p")
        await wait_for(pilot, lambda: "RunPod accepts the key: 2 pods" in screen_text(app))
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: app.session is not None)
        assert launches[-1] == Launch(profile="runpod")


async def test_profiles_without_a_default_are_offered(launches: list[Launch], tmp_path: Path) -> None:
    path = tmp_path / "labeltui" / "config.toml"
    path.parent.mkdir()
    path.write_text('[profiles.liver]\nhost = "local"\n[profiles.spleen]\nhost = "local"\n')
    app = Console(Launch(), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await wait_for(pilot, lambda: "Open a profile" in screen_text(app))
        assert "There is no profile yet" not in screen_text(app)
        await pilot.press("o")
        await wait_for(pilot, lambda: isinstance(app.screen, ProfilesScreen))
        await pilot.press(*"spleen", "enter")
        await wait_for(pilot, lambda: app.session is not None)
        assert launches[-1] == Launch(profile="spleen")
        await wait_for(pilot, lambda: app.screen is app.frame_screen)
