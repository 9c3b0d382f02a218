"""The screen without a session: the reason, and the possible next steps."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from labeltui.config.adding import known_profiles
from labeltui.config.load import find_config_path
from labeltui.config.questions import TITLES
from labeltui.domain.problems import LabeltuiError, Problem
from labeltui.opening.launch import Launch
from labeltui.sandbox.scenarios import DEFAULT
from labeltui.ui.contract import Console, console_of
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.screens.problem import ProblemScreen
from labeltui.ui.screens.profiles.profiles import ask_profile, open_profiles
from labeltui.ui.widgets.columns import Options, Static

WELCOME = "labeltui runs an annotation session: a machine with MONAI Label, the study queue, and training."


def _has_profiles(launch: Launch) -> bool:
    """Whether the profile file has profiles that could be opened. A wrong file has none."""
    try:
        return bool(known_profiles(find_config_path(launch.config)))
    except LabeltuiError:
        return False


class WelcomeScreen(Dialog[None]):
    """Shown if no session is configured or the session failed to open. Offers the possible next steps."""

    BINDINGS: ClassVar = [
        Binding("escape,ctrl+c", "close", show=False),
        Binding("q", "app.quit", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("d", "choose('demo')", show=False),
        Binding("l", "choose('local')", show=False),
        Binding("s", "choose('ssh')", show=False),
        Binding("p", "choose('runpod')", show=False),
        Binding("o", "choose('profiles')", show=False),
        Binding("r", "choose('again')", show=False),
        Binding("w", "choose('why')", show=False),
    ]

    def __init__(self, launch: Launch, problem: Problem | None) -> None:
        super().__init__()
        self._launch = launch
        self._problem = problem
        again = (
            [("again", "r", "Try again", "read the profile and open the session again")] if problem else []
        )
        why = (
            [("why", "w", "Why", "show the details of this problem")]
            if problem is not None and problem.detail
            else []
        )
        there = (
            [("profiles", "o", "Open a profile", "one of those in the profile file")]
            if _has_profiles(launch)
            else []
        )
        self._choices = [
            *again,
            *why,
            *there,
            (
                "demo",
                "d",
                "Try the demo",
                "an emulated pod; needs no account, no network, leaves no files",
            ),
            ("local", "l", "This machine", "a workstation with a GPU; asks for the folder of the studies"),
            ("ssh", "s", "A machine by SSH", "asks for its address, as you would type or paste it"),
            ("runpod", "p", "RunPod", "rent a pod with a GPU, or use one that you have"),
            ("quit", "q", "Quit", ""),
        ]
        self.options = Options(
            *[Option(self._line(key, title, text), id=name) for name, key, title, text in self._choices],
            markup=False,
        )

    @staticmethod
    def _line(key: str, title: str, text: str) -> Content:
        return Content.assemble(
            (f"{key:>2} ", "bold $text-accent"),
            (f" {title}", Tone.PLAIN),
            (f"\n    {text}" if text else "", Tone.FAINT),
        )

    def compose(self) -> ComposeResult:
        """Yield the reason, then the choices."""
        with Box(classes="box -bad" if self._problem else "box") as box:
            box.border_title = Content("no session" if self._problem else "welcome to labeltui")
            box.hints = "enter picks"
            if self._problem is None:
                message = Content.assemble(
                    (WELCOME + "\n\n", Tone.PLAIN),
                    (
                        ("" if _has_profiles(self._launch) else "There is no profile yet. ")
                        + "Where does MONAI Label run?",
                        Tone.FAINT,
                    ),
                )
            else:
                message = Content.assemble(
                    (safe(self._problem.message) + "\n", f"bold {Tone.BAD}"),
                    (safe(self._problem.hint), Tone.PLAIN),
                )
            yield Static(message, classes="message")
            yield self.options

    def on_mount(self) -> None:
        """Focus the first choice."""
        self.options.focus()
        self.options.highlighted = 0

    def action_down(self) -> None:
        """Go to the next choice."""
        self.options.action_cursor_down()

    def action_up(self) -> None:
        """Go to the previous choice."""
        self.options.action_cursor_up()

    def action_close(self) -> None:
        """Close the screen. The empty panes stay, and all keys work."""
        self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Run the choice that was picked."""
        event.stop()
        self.action_choose(str(event.option_id))

    def action_choose(self, name: str) -> None:
        """Run the choice ``name``. An unavailable choice does nothing."""
        console = console_of(self)
        if name not in {choice[0] for choice in self._choices}:
            return
        if name == "quit":
            self.app.exit(0)
        elif name == "why" and self._problem is not None:
            self.app.push_screen(ProblemScreen("The session", self._problem))
        elif name in TITLES:
            self._ask(console, name)
        elif name == "profiles":
            open_profiles(self.app, self._launch, self.action_close)
        else:
            self.dismiss(None)
            console.open(replace(self._launch, demo=DEFAULT) if name == "demo" else self._launch)

    def _ask(self, console: Console, host: str) -> None:
        """Ask for a new profile, then open it. Esc returns to the choices."""

        box = self.query_one(".box")

        def written(name: str | None) -> None:
            box.display = True
            self.options.focus()
            if name is not None:
                self.dismiss(None)
                console.open(replace(self._launch, profile=name, demo=None))

        box.display = False  # it would show around the form
        wanted = None if self._problem else self._launch.profile
        ask_profile(self.app, host, self._launch, written, name=wanted)
