"""ASCII: every screen and pane without any other character, and what asks for it. Motion: what reduces it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

import labeltui.ui.screens
from labeltui.actions import BY_ID
from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.hosts.base import HostKey
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from labeltui.ui.running import Running
from labeltui.ui.screens.checklist import ChecklistScreen
from labeltui.ui.screens.choices import ChoicesScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.find import FindScreen
from labeltui.ui.screens.dialogs.prompts import HostKeyScreen, SecretScreen
from labeltui.ui.screens.doctor import DoctorScreen
from labeltui.ui.screens.invitations import InvitationScreen
from labeltui.ui.screens.pods import PodScreen
from labeltui.ui.screens.preview.labels import Choice as LabelChoice
from labeltui.ui.screens.preview.labels import CompareScreen, LabelsScreen
from labeltui.ui.screens.preview.screen import PreviewScreen
from labeltui.ui.screens.problem import ProblemScreen
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.profiles import ProfilesScreen
from labeltui.ui.screens.profiles.runpod import RunpodForm
from labeltui.ui.screens.profiles.welcome import WelcomeScreen
from labeltui.ui.screens.records import DeletionsScreen, EventsScreen
from labeltui.ui.screens.steps import StepsScreen
from labeltui.ui.screens.study import DeletionScreen
from labeltui.ui.screens.support import SupportScreen
from labeltui.ui.screens.training_form import TrainingForm
from tests.ui.fake_market import RentingSession
from tests.ui.fake_session import (
    NOW,
    STATES,
    FakeSession,
    ago,
    connected,
    console,
    settled,
    studies,
    wait_for,
)
from tests.ui.sample_pods import EVENTS, OWN, with_pod
from tests.ui.screen_text import rows, screen_text
from tests.ui.screens.preview.fake_preview import FakePreview, facts, volume

ASCII = Profile(host="local", glyphs="ascii")
PROBLEM = Problem(Code.BAD_CONFIG, "It failed.", "Try again.", "Traceback\n  line")
KEYS = (
    "s", "p", "t", "question_mark", "ctrl+p", "a", "L", "ctrl+t", "H", "D", "p l", "p n", "p i", "t m", "t h", "p g",
    "4 enter",
)  # fmt: skip
"""The keys that open a screen."""


def running(action: str) -> Running:
    steps = {
        str(n): {"step": str(n), "title": state, "state": state}
        for n, state in enumerate(("done", "running"))
    }
    return Running(BY_ID[action], steps=steps, params={})


async def open_preview(*_: Any) -> Any:
    return FakePreview(volume(facts()))


async def labels() -> list[LabelChoice]:
    return [LabelChoice("final", "", "final")]


def pushed(folder: Path) -> list[Screen[Any]]:
    """The screens that keys open only after something has happened."""
    path = folder / "labeltui.toml"
    return [
        EventsScreen(EVENTS, ago(0)), DeletionsScreen((), ago(0)), ChoicesScreen("Start", PROBLEM),
        ProblemScreen("Start", PROBLEM), ProfileForm("ssh", path), RunpodForm("runpod", path),
        ProfilesScreen({"liver": Profile()}, "liver"), WelcomeScreen(Launch(), None),
        ChecklistScreen(running("pod.create")), StepsScreen(running("setup")), DoctorScreen(running("doctor")),
        DeletionScreen(studies()[0]), ConfirmScreen("Stop", "Stop it?", "annot"), FindScreen("Find what?", "abc"),
        SecretScreen("Password", "Password:"), HostKeyScreen(HostKey("h:22", "ssh-ed25519", "SHA256:abc")),
        InvitationScreen("invited.", "ssh -N", ("beware",)), PodScreen(OWN), LabelsScreen(()), CompareScreen(()),
        TrainingForm(BY_ID["train.start"], {}, connected()), PreviewScreen("liver_042", open_preview, labels),
        SupportScreen(),
    ]  # fmt: skip


def screen_classes() -> Iterator[type[Screen[Any]]]:
    """Every class of a screen over the panes."""
    for found in pkgutil.walk_packages(labeltui.ui.screens.__path__, "labeltui.ui.screens."):
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, type) and issubclass(value, Screen) and value.__module__ == found.name:
                yield value


def drawn_beyond(app: Console) -> str:
    """The characters beyond ASCII that the screen has."""
    return "".join(sorted({char for char in screen_text(app) if char > "~" and char != "\n"}))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(200, 60), (80, 24)])
async def test_every_pane_is_drawn_in_ascii(size: tuple[int, int]) -> None:
    app = console(with_pod(), profile=ASCII)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert isinstance(app.session, FakeSession)
        for key in "12345":
            await pilot.press(key)
            assert drawn_beyond(app) == ""
            assert "|" in screen_text(app)
        for state in STATES.values():
            app.session.store.publish(state())
            app.paint()
            await pilot.pause()
            assert drawn_beyond(app) == ""


@pytest.mark.slow
async def test_every_screen_is_drawn_in_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_action(*_: Any, **__: Any) -> dict[str, Any]:
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    session = RentingSession(tmp_path)
    session.profile = session.profile.model_copy(update={"glyphs": "ascii"})
    session.store.publish(with_pod())
    app = Console(session=session, clock=lambda: NOW)
    shown: set[type[Screen[Any]]] = set()

    async def check(pilot: Pilot[Any]) -> None:
        shown.add(type(app.screen))
        await pilot.pause()
        assert drawn_beyond(app) == "", app.screen
        await app.pop_screen()
        await settled(pilot)

    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for keys in KEYS:
            await pilot.press(*keys.split())
            await wait_for(pilot, lambda: app.screen is not app.frame_screen, keys)
            await check(pilot)
        for screen in pushed(tmp_path):
            await app.push_screen(screen)
            await check(pilot)
    assert {one for one in screen_classes() if not any(issubclass(other, one) for other in shown)} == set()


async def test_text_from_outside_is_question_marks_and_text_for_the_terminal_is_ascii() -> None:
    app = console(connected(), profile=ASCII, log="Saved Müller 肝\n".encode())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await wait_for(pilot, lambda: "Saved M?ller ??" in screen_text(app), "the line")
    assert (
        app.appearance.written("\x1b]2;labeltui: stopped · 肝\x1b\\") == "\x1b]2;labeltui: stopped | ??\x1b\\"
    )


@pytest.mark.parametrize(
    ("locale", "glyphs", "ascii_only"),
    [("C", "auto", True), ("C", "unicode", False), ("C.UTF-8", "auto", False), ("C.UTF-8", "ascii", True)],
)
async def test_the_locale_and_the_profile_choose(
    monkeypatch: pytest.MonkeyPatch, locale: str, glyphs: Any, ascii_only: bool
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    app = console(connected(), profile=Profile(host="local", glyphs=glyphs))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert (drawn_beyond(app) == "") is ascii_only


async def test_the_command_line_chooses_before_a_session_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Console, "open", lambda *_: None)
    launch = Launch(ascii_only=True, reduced_motion=True)
    app = Console(launch)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert drawn_beyond(app) == ""
        assert "server>" in screen_text(app)
    profile = Profile().model_copy(update=launch.overrides)
    assert (profile.glyphs, profile.motion) == ("ascii", "reduced")


def blinks(app: Console) -> bool:
    """Whether any text of the screen blinks."""
    return any(segment.style is not None and segment.style.blink for row in rows(app) for segment in row)


@pytest.mark.parametrize(
    ("environment", "motion", "level"),
    [
        ("full", "auto", "full"),
        ("full", "reduced", "none"),
        ("none", "auto", "none"),
        ("basic", "auto", "basic"),
    ],
)
async def test_reduced_motion_ends_animations_and_blinking(
    monkeypatch: pytest.MonkeyPatch, environment: str, motion: Any, level: str
) -> None:
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", environment)
    monkeypatch.setattr(FakeSession, "prompt", b"\x1b[5mblinking\x1b[m ")
    app = console(connected(), profile=Profile(host="ssh", motion=motion))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await wait_for(pilot, lambda: "blinking" in screen_text(app), "the shell's prompt")
        assert app.animation_level == level
        assert blinks(app) is (level != "none")


async def test_no_cursor_blinks() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await wait_for(pilot, lambda: isinstance(app.screen, CommandPalette), "the palette")
        fields = [*app.frame_screen.query(Input), *app.screen.query(Input)]
        assert len(fields) > 1
        assert not any(field.cursor_blink for field in fields)
