"""Pictures of the console: what a person sees, at each size, state and palette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from textual.pilot import Pilot

from labeltui.config.model import Profile, RunpodSection, SshSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.states import LinkState
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.profiles import ProfilesScreen
from labeltui.ui.screens.profiles.welcome import WelcomeScreen
from tests.ui.fake_session import STATES, FakeSession, console, settled, wait_for

Compare = Callable[..., bool]
SMALL, MIDDLE, WIDE = (80, 24), (120, 40), (200, 60)


PROMPT = "annot-a5000:/workspace#"


@pytest.fixture(autouse=True)
def _a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell has prompted."""
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())


def before(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Wait until the console is idle, then press keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        app = pilot.app
        assert isinstance(app, Console)
        host = app.state.host.value
        if (
            host is not None
            and host.state is LinkState.CONNECTED
            and "shell" in app.frame_screen.planned(app.frame_screen.body.size).regions
        ):
            await wait_for(pilot, lambda: PROMPT in app.export_screenshot(), "the shell's prompt")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        app.paint()
        await pilot.pause()
        ElementTree.fromstring(app.export_screenshot())

    return run


@pytest.mark.parametrize("state", ["connected", "stale", "dead"])
@pytest.mark.parametrize("size", [SMALL, MIDDLE, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_main(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    keys = ("5",) if size is SMALL else ()
    assert snap_compare(console(STATES[state]()), terminal_size=size, run_before=before(*keys))


@pytest.mark.parametrize("theme", ["labeltui-light", "labeltui-deuteranopia", "ansi-dark"])
def test_themes(snap_compare: Compare, theme: str) -> None:
    app = console(STATES["stale"](), profile=Profile(host="local", theme=theme))
    assert snap_compare(app, terminal_size=MIDDLE, run_before=before("4"))


def test_no_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(STATES["connected"]()), terminal_size=MIDDLE, run_before=before("4"))


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("connected", ("1",)),
        ("connected", ("4",)),
        ("crashed", ("5",)),
        ("stopped", ("4",)),
        ("stopped", ("s",)),
        ("connected", ("s", "x")),
        ("connected", ("a",)),
        ("dead", ("question_mark",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_small(snap_compare: Compare, state: str, keys: tuple[str, ...]) -> None:
    assert snap_compare(console(STATES[state]()), terminal_size=SMALL, run_before=before(*keys))


def test_form(snap_compare: Compare) -> None:
    assert snap_compare(console(STATES["stopped"]()), terminal_size=MIDDLE, run_before=before("s", "o"))


def test_welcome(snap_compare: Compare) -> None:
    async def welcome(pilot: Pilot[Any]) -> None:
        await before()(pilot)
        problem = Problem(Code.BAD_CONFIG, "labeltui.toml:3: unknown key 'hots'.", "Did you mean 'host'?")
        await pilot.app.push_screen(WelcomeScreen(Launch(), problem))
        await pilot.pause()

    assert snap_compare(console(STATES["empty"]()), terminal_size=SMALL, run_before=welcome)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_first_form(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setenv("LABELTUI_CONFIG", "/home/ana/labeltui.toml")

    async def first_form(pilot: Pilot[Any]) -> None:
        await before()(pilot)
        await pilot.app.push_screen(WelcomeScreen(Launch(), None))
        await pilot.press("s")
        screen = pilot.app.screen
        assert isinstance(screen, ProfileForm)
        screen.answers[0].control.value = "ssh root@203.0.113.7 -p 12345 -i /none/[red]id"
        await pilot.pause()

    assert snap_compare(console(STATES["empty"]()), terminal_size=size, run_before=first_form)


def test_profiles(snap_compare: Compare) -> None:
    async def profiles(pilot: Pilot[Any]) -> None:
        await before()(pilot)
        ssh = Profile(host="ssh", ssh=SshSection(address="root@203.0.113.7:40022"))
        rented = Profile(host="runpod", runpod=RunpodSection(pod="annot-a5000"))
        await pilot.app.push_screen(
            ProfilesScreen({"liver-ct": ssh, "[red]pod": rented, "here": Profile()}, "liver-ct")
        )
        await pilot.pause()

    assert snap_compare(console(STATES["empty"]()), terminal_size=SMALL, run_before=profiles)


def test_too_small(snap_compare: Compare) -> None:
    assert snap_compare(console(STATES["connected"]()), terminal_size=(50, 16), run_before=before())
