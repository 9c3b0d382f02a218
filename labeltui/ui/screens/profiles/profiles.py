"""Lists the profiles, to open, edit or add one. The session before closes in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from textual.app import App
from textual.binding import Binding
from textual.content import Content

from labeltui.config.adding import answers_of, known_profiles
from labeltui.config.load import find_config_path
from labeltui.config.model import Profile
from labeltui.config.questions import TITLES
from labeltui.domain.problems import LabeltuiError
from labeltui.opening.launch import Launch
from labeltui.sandbox.scenarios import DEFAULT
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.runpod import RunpodForm

OPEN, EDIT, ADD, DEMO = "open ", "edit ", "add ", "demo"
"""The beginnings of an answer. A profile's name or a kind of host follows, except after ``demo``."""
Written = Callable[[str | None], None]


class ProfilesScreen(PickList):
    """The profiles of the file, then the kinds of host to add one for. Returns what to do."""

    TITLE_TEXT: ClassVar[str] = "Profiles"
    FOOT_TEXT: ClassVar[str] = "enter opens · ctrl+e edits · esc closes"
    BINDINGS: ClassVar = [Binding("ctrl+e", "edit", show=False, priority=True)]

    def __init__(self, profiles: Mapping[str, Profile], shown: str | None) -> None:
        """``shown`` is the profile of the present session; None without one, and for the demo."""
        listed = [_entry(name, profile, name == shown) for name, profile in profiles.items()]
        new = [Entry(_line("+", title, "a new profile"), title, ADD + host) for host, title in TITLES.items()]
        demo = Entry(_line("+", "The demo", "an emulated pod"), "demo", DEMO)
        super().__init__([*listed, *new, demo])

    def action_edit(self) -> None:
        """Edit the profile under the cursor."""
        if self.chosen is not None and (answer := self.chosen.answer or "").startswith(OPEN):
            self.dismiss(EDIT + answer.removeprefix(OPEN))


def _entry(name: str, profile: Profile, shown: bool) -> Entry:
    where = {
        "ssh": profile.ssh.address if profile.ssh is not None else "",
        "runpod": (profile.runpod.pod if profile.runpod is not None else "") or "no pod yet",
        "local": "",
    }[profile.host]
    what = " · ".join(filter(None, (TITLES[profile.host], where)))
    return Entry(_line("●" if shown else " ", name, what), f"{name} {what}", OPEN + name)


def _line(mark: str, name: str, what: str) -> Content:
    return Content.assemble(
        (f"{mark} ", "$text-accent"), (safe(name), f"bold {Tone.PLAIN}"), (f"  {safe(what)}", Tone.FAINT)
    )


def ask_profile(
    app: App[int],
    host: str,
    launch: Launch,
    written: Written,
    *,
    name: str | None = None,
    before: Mapping[str, str] | None = None,
) -> None:
    """Ask the questions of a new profile, or with ``before`` those of the profile ``name``.

    ``written`` gets the profile's name, or None if nothing was written.
    """
    form = RunpodForm if host == "runpod" else ProfileForm
    app.push_screen(form(host, find_config_path(launch.config), name, before), written)


def open_profiles(app: App[int], launch: Launch, leave: Callable[[], None] = lambda: None) -> None:
    """List the profiles and do what is chosen. ``leave`` runs before a session is opened."""
    console = console_of(app)
    try:
        profiles = known_profiles(find_config_path(launch.config))
    except LabeltuiError as error:
        console.refuse(f"{error.problem.message} {error.problem.hint}")
        return

    def switch(name: str | None) -> None:
        if name is not None:
            _switch(app, replace(launch, profile=name, demo=None), leave)

    def chosen(answer: str | None) -> None:
        if answer is None:
            return
        if answer == DEMO:
            _switch(app, replace(launch, demo=DEFAULT), leave)
        elif answer.startswith(ADD):
            ask_profile(app, answer.removeprefix(ADD), launch, switch)
        elif answer.startswith(EDIT):
            name = answer.removeprefix(EDIT)
            profile = profiles[name]
            ask_profile(app, profile.host, launch, switch, name=name, before=answers_of(profile))
        else:
            switch(answer.removeprefix(OPEN))

    session = console.session
    shown = session.name if session is not None and session.demo is None else None
    app.push_screen(ProfilesScreen(profiles, shown), chosen)


def _switch(app: App[int], launch: Launch, leave: Callable[[], None]) -> None:
    """Open a session; ask first if that cancels running actions."""
    console = console_of(app)

    def go(yes: bool) -> None:
        if yes:
            leave()
            console.open(launch)

    running = ", ".join(one.action.title for one in console.dispatcher.running.values())
    if not running:
        go(True)
        return
    question = f"Cancel {running}, and open the other profile? Work that already runs on the host continues."
    console.confirm("Profiles", question, go)
