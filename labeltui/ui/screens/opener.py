"""Opens the screens over the panes. Imported after the first paint, to keep the start fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

from textual.app import App
from textual.command import CommandPalette

from labeltui.actions import BY_ID, LEADERS
from labeltui.domain.problems import Problem
from labeltui.domain.state import Alert
from labeltui.opening.launch import Launch
from labeltui.operations.deploy.draft import like
from labeltui.session.labels.deleted import open_deletions
from labeltui.ui.contract import Console, console_of
from labeltui.ui.frame.user_themes import Themes
from labeltui.ui.running import Running
from labeltui.ui.screens.action_form import FormScreen, models_of, notes, prefilled
from labeltui.ui.screens.checklist import ChecklistScreen
from labeltui.ui.screens.choices import ChoicesScreen, about_pod
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.doctor import DoctorScreen
from labeltui.ui.screens.guide import EveningScreen, GuideScreen
from labeltui.ui.screens.help import HelpScreen, entries
from labeltui.ui.screens.invitations import InvitationScreen, InvitationsScreen
from labeltui.ui.screens.leader import LeaderScreen
from labeltui.ui.screens.models import ModelsScreen
from labeltui.ui.screens.palette import Palette
from labeltui.ui.screens.pods import PodsScreen
from labeltui.ui.screens.problem import ProblemScreen
from labeltui.ui.screens.profiles.profiles import open_profiles
from labeltui.ui.screens.records import (
    ActionLogScreen,
    AlertsScreen,
    DeletionsScreen,
    EventsScreen,
    TrainingsScreen,
)
from labeltui.ui.screens.steps import StepsScreen
from labeltui.ui.screens.support import SupportScreen
from labeltui.ui.screens.themes import open_themes
from labeltui.ui.screens.training_form import TrainingForm

WATCHED = {
    "pod.create": ChecklistScreen, "doctor": DoctorScreen, "setup": StepsScreen, "studies.upload": StepsScreen,
    "labels.export": StepsScreen, "evening.end": StepsScreen,
}  # fmt: skip
"""The screens that show a running action, by the action's id."""
ASKED_FIRST = {
    "report": ("file", "format", "since"),
    "studies.upload": ("paths", "checksum", "dry_run", "anyway"),
    "labels.export": (
        "dest",
        "format",
        "study",
        "tag",
        "version",
        "annotator",
        "review",
        "channel",
        "name",
        "dicom",
    ),
}
"""The parameters that a form asks for, by action. The action itself asks for others when it needs them."""
SENT_UNCHANGED = {"report": ("file",)}
"""The parameters whose prefilled values are sent even if the operator leaves them, by action."""
READ_S = 2.0  # another labeltui may have the history locked


class Screens:
    """Opens screens over the console, and runs the actions that the screens return."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._console: Console = console_of(app)
        self._typed: dict[
            str, dict[str, str]
        ] = {}  # what the operator gave last, by the action's id and parameter

    # -- questions

    def confirm(
        self, title: str, question: str, answered: Callable[[bool], None], *, typed: str | None = None
    ) -> None:
        """Ask a yes or no question and call ``answered``.

        ``typed`` is a text that the operator must type to confirm.
        """
        self._app.push_screen(ConfirmScreen(title, question, typed), lambda yes: answered(yes is True))

    def quit(self) -> None:
        """Ask whether to quit although actions are running."""
        titles = ", ".join(running.action.title for running in self._console.dispatcher.running.values())
        question = f"Quit and cancel: {titles}? Work that already runs on the host continues."
        self.confirm("Quit", question, lambda yes: self._app.exit(0) if yes else None)

    def form(self, action_id: str) -> None:
        """Ask for an action's parameters, then run it."""
        console, action = self._console, BY_ID[action_id]
        initial = prefilled(action, console.session, console.state)
        unchanged = {name: initial[name] for name in SENT_UNCHANGED.get(action_id, ()) if name in initial}

        async def submitted(params: dict[str, object] | None) -> None:
            if params is not None:
                self._typed[action_id] = form.typed
                await console.dispatcher.invoke(action_id, {**unchanged, **params})

        state, session = console.state, console.session
        below = notes(action, state)
        only, models = ASKED_FIRST.get(action_id, ()), models_of(session)
        if action_id == "evening.end" and not state.identity.rents:
            only = ("stop_training",)
        typed = self._typed.get(action_id) if action_id in console.dispatcher.failed_params else None
        form = (
            TrainingForm(action, initial, state, notes=below)
            if action_id == "train.start"
            else FormScreen(action, initial, state, only, notes=below, models=models, typed=typed)
        )
        self._app.push_screen(form, submitted)

    # -- finding an action

    def help(self) -> None:
        """Open the searchable list of all keys."""
        self._app.push_screen(HelpScreen(entries(self._console)), self._picked)

    def palette(self) -> None:
        """Open the command palette with all actions, unless it is open."""
        if not CommandPalette.is_open(cast("App[object]", self._app)):
            self._app.push_screen(Palette())

    def leader(self, leader: str) -> None:
        """Open the pop-up with the keys of a leader."""
        console = self._console
        entries = [
            (key, action, console.dispatcher.why_not(action))
            for key, action in console.keymap.leaders[leader].items()
        ]
        self._app.push_screen(LeaderScreen(LEADERS[leader], leader, entries), self._picked)

    def guide(self) -> None:
        """List the steps of the session, and run the action of the chosen one."""
        self._app.push_screen(GuideScreen(), self._picked)

    def evening(self) -> None:
        """Show what is safe at the end of the day, and run the chosen action."""
        self._app.push_screen(EveningScreen(), self._picked)

    def support(self) -> None:
        """List what a support bundle would have, and save it if the operator says so."""

        async def chosen(params: dict[str, object] | None) -> None:
            if params is not None:
                await self._console.dispatcher.invoke("support", params)

        self._app.push_screen(SupportScreen(), chosen)

    async def _picked(self, action_id: str | None) -> None:
        if action_id is not None:
            await self._console.dispatcher.invoke(action_id)

    # -- records and problems

    async def action_log(self) -> None:
        """List the actions as commands, including those that other processes and earlier sessions ran."""
        session, now = self._console.session, self._console.clock()
        if session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_S):
                    await session.journal.load()
        self._app.push_screen(ActionLogScreen(session.journal.entries if session is not None else (), now))

    async def alerts(self) -> None:
        """List the present alerts, and below them the alerts that have ended."""
        session, earlier = self._console.session, tuple[Alert, ...]()
        if session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_S):
                    earlier = await session.alert_history.earlier()
        self._app.push_screen(AlertsScreen(self._console.state.alerts, self._console.clock(), earlier))

    async def trainings(self) -> None:
        """List every training that is known."""
        session = self._console.session
        if session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_S):
                    await session.trainings.load()
        self._app.push_screen(TrainingsScreen(self._console.state.trainings, self._console.clock()))

    async def deletions(self) -> None:
        """List deleted studies and labels that are not on the server, and bring back the chosen one."""
        console = self._console
        if console.session is None:
            return
        root, queue = console.session.labels.folder.root, console.state.queue.value
        try:
            records = await asyncio.to_thread(open_deletions, root, queue)
        except OSError as error:
            records = []
            console.refuse(f"{root} can't be read: {error.strerror or error}.")
        else:
            if not records:
                console.refuse("Nothing that was deleted from this machine is missing on the server.")

        async def chosen(index: str | None) -> None:
            if index is not None:
                record = records[int(index)]
                await console.dispatcher.invoke("studies.restore", {"study": record.study, "at": record.at})

        if records:
            self._app.push_screen(DeletionsScreen(records, console.clock()), chosen)

    async def models(self) -> None:
        """List the models' versions on this machine, and send the picked version to the host."""
        console, session = self._console, self._console.session
        copies = await asyncio.to_thread(session.models.folder.copies) if session is not None else ()

        async def picked(answer: str | None) -> None:
            if answer is not None:
                model, _, version = answer.rpartition(" ")
                await console.dispatcher.invoke("models.push", {"model": model, "version": version})

        self._app.push_screen(ModelsScreen(console.state, copies, console.clock()), picked)

    def events(self) -> None:
        """List the pod's events."""
        self._app.push_screen(EventsScreen(self._console.state.pod_events, self._console.clock()))

    def problem(self, title: str, problem: Problem) -> None:
        """Show a problem with its details."""
        self._app.push_screen(ProblemScreen(title, problem))

    def choices(self, title: str, problem: Problem) -> None:
        """Show a problem with the actions that may help."""
        self._app.push_screen(ChoicesScreen(title, problem), self._picked)

    def watch(self, running: Running) -> None:
        """Open the screen of a running action, if it has one."""
        screen = WATCHED.get(running.action.id)
        if screen is not None:
            self._app.push_screen(screen(running))

    # -- invitations

    def invitations(self) -> None:
        """List the invited annotators."""
        self._app.push_screen(InvitationsScreen(self.invite))

    def invite(self) -> None:
        """Ask for a name, and before a key is replaced; then invite the annotator."""
        console, action = self._console, BY_ID["invite"]

        async def submitted(params: dict[str, object] | None) -> None:
            name = str((params or {}).get("name") or "")
            if not name:
                return
            invitations = console.state.invitations.value
            found = invitations.find(name) if invitations is not None else None
            if found is None:
                await console.dispatcher.invoke("invite", {"name": name})
                return
            question = f"{found.name} is invited already. Revoke that key, and make a new one?"
            self.confirm(action.title, question, lambda yes: replace_key(name) if yes else None)

        def replace_key(name: str) -> None:
            self._app.call_later(console.dispatcher.invoke, "invite", {"name": name, "replace": True})

        self._app.push_screen(FormScreen(action, {}, console.state, ("name",)), submitted)

    def invitation(self, document: Mapping[str, Any]) -> None:
        """Show the text of an invitation."""
        self._app.push_screen(
            InvitationScreen(
                str(document.get("message", "")), str(document["text"]), tuple(document.get("warnings", ()))
            )
        )

    # -- pods

    def pod_choices(self) -> None:
        """Show the actions that fit the pod's state. Does nothing without a pod."""
        pod = self._console.state.pod.value
        if pod is not None:
            self.choices(*about_pod(pod, self._console.clock()))

    def profiles(self) -> None:
        """List the profiles; open, edit or add one."""
        open_profiles(self._app, self._console.launch or Launch())

    def themes(self, themes: Themes) -> None:
        """List the themes, and store the chosen one in the profile."""
        open_themes(self._app, themes)

    def pods(self) -> None:
        """List the account's pods."""
        self._app.push_screen(PodsScreen())

    def deploy(self, prefill: Mapping[str, object] | None = None) -> None:
        """Open the deploy form, or the checklist of a running deployment.

        ``prefill`` has parameters of ``pod.create``, which override those copied from the present pod.
        """
        console = self._console
        if console.session is None:
            return
        running = console.dispatcher.running.get("pod.create")
        if running is not None:
            self.watch(running)
            return
        before = console.state.pod.value
        prefill = {**(like(before).given() if before is not None else {}), **(prefill or {})}

        async def submitted(params: dict[str, object] | None) -> None:
            if params is not None:
                await console.dispatcher.invoke("pod.create", params)

        self._app.push_screen(DeployScreen(console.session, prefill), submitted)
