"""Pictures of every screen, in which each two of size, palette and state meet at least once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.config.model import Profile, ServerSection, SshSection
from labeltui.domain.guard.status import GuardStatus
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.training.training import TrainStatus
from tests.ui.fake_session import FakeSession, ago, console, crashed, dead, fresh, stale, stopped, wait_for
from tests.ui.sample_pods import EVENTS, OPEN, with_pod
from tests.ui.test_situations import all_well
from tests.ui.test_snapshots import PROMPT, Compare, before

SCREENS: Mapping[str, tuple[str, ...]] = {
    "panes": (), "pod": ("1", "z"), "log": ("3", "z"), "queue": ("4", "z"), "training": ("5", "z"),
    "server keys": ("s",), "training keys": ("t",), "pod keys": ("p",), "queue keys": ("Q",),
    "shell keys": ("exclamation_mark",), "action log": ("L",), "alerts": ("a",), "trainings": ("t", "h"),
    "models": ("t", "m"), "invitations": ("p", "i"), "events": ("p", "e"), "pods": ("p", "l"), "guide": ("H",),
    "evening": ("D",), "server form": ("s", "o"), "training form": ("t", "o"), "guard form": ("p", "g"),
    "report form": ("R",), "export form": ("Q", "e"), "upload form": ("Q", "U"),
    "help": ("question_mark",), "commands": ("ctrl+p",), "themes": ("ctrl+t",), "invite form": ("s", "a"),
    "offers": ("W",), "problem": ("s", "w"), "study": ("4", "enter"), "stop the server": ("s", "x"),
    "terminate the pod": ("p", "D"),
}  # fmt: skip
PANES = ("panes", "pod", "log", "queue", "training")
SIZES = ("60x80", "80x24", "80x60", "120x40", "200x60")
NO_COLOUR = "no-colour"
PALETTES = (
    "labeltui-dark", "labeltui-light", "labeltui-deuteranopia", "labeltui-contrast", "labeltui-ansi", NO_COLOUR,
)  # fmt: skip


def hostile() -> SessionState:
    """Names with markup, escape sequences and commands."""
    name = "x [red]y[/] \x1b[31m\u202e `reboot`"
    listed = (
        Study(name, {"final": ago(60)}, (Fetch("[b]ana", name, ago(30)),), authors={"final": "[b]ana"}),
    )
    return replace(
        with_pod(OPEN), queue=fresh(StudyQueue(1, 1, listed)),
        training=fresh(TrainStatus(TrainState.IDLE)),
        guard=fresh(GuardStatus("watching", "", cause="idle", left_s=1740.0)),
        alerts=(Alert("shared:x", Level.WARNING, f"{name} is open twice.", "[link=x]Ask[/].", ago(99)),),
    )  # fmt: skip


def on_pod(state: SessionState) -> SessionState:
    """The state, on a rented pod."""
    pod = all_well()
    return replace(
        state, identity=pod.identity, pod=pod.pod, pods=pod.pods, account=pod.account, pod_events=EVENTS
    )


STATES: Mapping[str, Callable[[], SessionState]] = {
    "well": all_well, "stale": lambda: on_pod(stale()), "dead": dead, "crashed": lambda: on_pod(crashed()),
    "stopped": lambda: on_pod(stopped()), "hostile": hostile,
}  # fmt: skip
PICTURES = (
    ("panes", "60x80", "labeltui-contrast", "stopped"),
    ("panes", "80x60", "labeltui-dark", "dead"),
    ("panes", "80x24", "no-colour", "stopped"),
    ("panes", "120x40", "no-colour", "well"),
    ("panes", "200x60", "no-colour", "crashed"),
    ("pod", "60x80", "no-colour", "stale"),
    ("log", "80x60", "labeltui-deuteranopia", "dead"),
    ("queue", "60x80", "labeltui-light", "dead"),
    ("training", "80x24", "labeltui-ansi", "crashed"),
    ("training", "80x60", "no-colour", "stale"),
    ("server keys", "80x24", "labeltui-light", "well"),
    ("training keys", "60x80", "no-colour", "well"),
    ("training keys", "80x24", "no-colour", "dead"),
    ("pod keys", "80x60", "labeltui-ansi", "dead"),
    ("pod keys", "200x60", "labeltui-dark", "crashed"),
    ("queue keys", "60x80", "labeltui-dark", "hostile"),
    ("queue keys", "200x60", "labeltui-deuteranopia", "stopped"),
    ("shell keys", "80x60", "labeltui-ansi", "stale"),
    ("shell keys", "120x40", "no-colour", "hostile"),
    ("action log", "60x80", "labeltui-dark", "stale"),
    ("action log", "80x24", "labeltui-contrast", "stale"),
    ("alerts", "60x80", "labeltui-deuteranopia", "stale"),
    ("alerts", "200x60", "no-colour", "dead"),
    ("trainings", "60x80", "labeltui-deuteranopia", "stale"),
    ("trainings", "120x40", "labeltui-light", "stopped"),
    ("models", "60x80", "labeltui-dark", "well"),
    ("models", "80x60", "labeltui-light", "stale"),
    ("invitations", "60x80", "labeltui-ansi", "stopped"),
    ("invitations", "120x40", "labeltui-deuteranopia", "well"),
    ("events", "80x60", "labeltui-deuteranopia", "crashed"),
    ("events", "120x40", "labeltui-dark", "stale"),
    ("pods", "120x40", "labeltui-contrast", "dead"),
    ("guide", "200x60", "labeltui-ansi", "stale"),
    ("evening", "80x24", "no-colour", "stopped"),
    ("evening", "80x60", "no-colour", "dead"),
    ("server form", "80x60", "labeltui-dark", "stopped"),
    ("training form", "80x60", "labeltui-contrast", "hostile"),
    ("guard form", "60x80", "labeltui-deuteranopia", "hostile"),
    ("report form", "120x40", "labeltui-ansi", "crashed"),
    ("export form", "200x60", "labeltui-light", "hostile"),
    ("upload form", "200x60", "labeltui-contrast", "well"),
    ("report form", "80x24", "labeltui-dark", "hostile"),
    ("help", "80x24", "labeltui-deuteranopia", "crashed"),
    ("commands", "80x60", "labeltui-ansi", "dead"),
    ("themes", "60x80", "labeltui-light", "crashed"),
    ("invite form", "80x60", "no-colour", "hostile"),
    ("offers", "80x60", "no-colour", "crashed"),
    ("problem", "60x80", "labeltui-contrast", "crashed"),
    ("study", "60x80", "labeltui-dark", "well"),
    ("stop the server", "80x60", "labeltui-ansi", "well"),
    ("terminate the pod", "200x60", "labeltui-ansi", "hostile"),
)
"""Screen, size, palette and state of each picture."""


@pytest.fixture(autouse=True)
def _same_on_every_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())
    monkeypatch.setattr("labeltui.ui.screens.action_form.default_name", lambda *_: "labeltui-liver-ct.html")
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("LABELTUI_CONFIG", "/home/ana/labeltui.toml")


def opened(screen: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        await before(*SCREENS[screen])(pilot)
        app: Any = pilot.app
        if screen not in PANES:
            await wait_for(pilot, lambda: app.screen is not app.frame_screen, screen)
        await pilot.pause()

    return run


def test_each_screen_is_there_and_each_two_of_size_palette_and_state() -> None:
    assert {screen for screen, *_ in PICTURES} == set(SCREENS)
    values = (SIZES, PALETTES, tuple(STATES))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        found = {(row[one + 1], row[other + 1]) for row in PICTURES}
        assert found == set(product(values[one], values[other]))


def test_there_are_at_least_150_pictures() -> None:
    assert len([*Path(__file__).parent.rglob("__snapshots__/**/*.svg")]) >= 150


@pytest.mark.slow
@pytest.mark.parametrize(("screen", "size", "palette", "state"), PICTURES)
def test_picture(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, screen: str, size: str, palette: str, state: str
) -> None:
    if palette == NO_COLOUR:
        monkeypatch.setenv("NO_COLOR", "1")
    profile = Profile(
        host="ssh", ssh=SshSection(address="root@203.0.113.7:40022"), server=ServerSection(models=("deepedit",)),
        theme="labeltui-dark" if palette == NO_COLOUR else palette,
    )  # fmt: skip
    columns, rows = map(int, size.split("x"))
    app = console(STATES[state](), profile=profile)
    assert snap_compare(app, terminal_size=(columns, rows), run_before=opened(screen))
