"""The console's own actions: what the registry names under ``console``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from labeltui.actions import BY_ID
from labeltui.domain.problems import Problem
from labeltui.domain.state import Level, SessionState
from labeltui.ui.core import Core
from labeltui.ui.running import Running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from textual.app import App

    from labeltui.session.session import Session

NEWS_S = 60.0
GRAVE = ("gone", "stopped", "error", "no_gpu", "migrated")


class Console(Core):
    """The console over one session, which it opens itself after the first paint (or is given, in tests)."""

    _told_event_of: datetime | None = None  # when the last event of the pod was that a flash told

    def _changed(self, state: SessionState, fields: frozenset[str]) -> None:
        """Say what happened to the pod, besides painting."""
        super()._changed(state, fields)
        if "pod_events" in fields and state.pod_events:
            newest = state.pod_events[-1]
            is_news = (self.clock() - newest.at).total_seconds() < NEWS_S  # not those of an earlier session
            if is_news and newest.at != self._told_event_of:  # nor one that is only worded better
                self._told_event_of = newest.at
                self.flash(newest.text, Level.WARNING if newest.kind in GRAVE else Level.INFO)

    def action_help(self) -> None:
        """Every key, searchable."""
        from labeltui.ui.screens.help import HelpScreen, entries  # noqa: PLC0415 - after first paint

        self.push_screen(HelpScreen(entries(self)), self.picked)

    def action_command_palette(self) -> None:
        """Every action by name."""
        from textual.command import CommandPalette  # noqa: PLC0415 - after first paint

        from labeltui.ui.palette import RegistryProvider  # noqa: PLC0415 - after first paint

        if not CommandPalette.is_open(cast("App[object]", self)):
            self.push_screen(
                CommandPalette(providers=[RegistryProvider], placeholder="What do you want to do?")
            )

    def action_action_log(self) -> None:
        """What was done, as commands."""
        from labeltui.ui.screens.records import ActionLogScreen  # noqa: PLC0415 - after first paint

        entries = self.session.journal.entries if self.session is not None else ()
        self.push_screen(ActionLogScreen(entries))

    def action_alerts(self) -> None:
        """What needs attention."""
        from labeltui.ui.screens.records import AlertsScreen  # noqa: PLC0415 - after first paint

        self.push_screen(AlertsScreen(self.state.alerts, self.clock()))

    def open_log(self, line: int) -> None:
        """Show a line of the server's log among its neighbours."""
        self.focus_pane("log")
        show = getattr(self.panes.get("log"), "show_line", None)
        if show is not None:
            show(line)

    def action_copy(self) -> None:
        """Copy what is selected, else what the focused pane offers."""
        selected = self.screen.get_selected_text()
        pane = self.panes.get(self.frame_screen.current)
        offered = getattr(pane, "copy_text", None)
        text = selected or (offered() if offered is not None else "")
        if text:
            self.copy(text)
        else:
            self.flash("nothing here to copy", Level.WARNING)

    def action_copy_url(self) -> None:
        """Copy what Slicer is given."""
        tunnel = self.state.tunnel.value
        if tunnel is None or tunnel.url is None:
            self.flash("no URL yet: the tunnel is not open", Level.WARNING)
        else:
            self.copy(tunnel.url)

    async def action_ssh_config(self) -> None:
        """Write a Host for ssh itself."""
        await self.dispatcher.invoke("ssh-config", {"write": True})

    def action_events(self) -> None:
        """What happened to the pod."""
        from labeltui.ui.screens.records import EventsScreen  # noqa: PLC0415 - after first paint

        self.push_screen(EventsScreen(self.state.pod_events, self.clock()))

    async def action_start_pod(self, how: str) -> None:
        """Start the pod, in another way than once: ``retry`` or ``data_only``."""
        await self.dispatcher.invoke("pod.start", {how: True})

    async def action_lose_labels(self) -> None:
        """Terminate the pod although labels go with it; asked as ever, and its name is typed."""
        await self.dispatcher.invoke("pod.terminate", {"lose_labels": True})

    def action_on_its_volume(self) -> None:
        """Rent another pod on the network volume of this one."""
        pod = self.state.pod.value
        if pod is not None and pod.network_volume_id:
            self.action_deploy({"network_volume": pod.network_volume_id})

    def action_pod_choices(self) -> None:
        """What can be done about the pod as it is."""
        from labeltui.ui.screens.choices import ChoicesScreen, about_pod  # noqa: PLC0415 - after first paint

        pod = self.state.pod.value
        if pod is not None:
            self.push_screen(ChoicesScreen(*about_pod(pod, self.clock())), self.picked)

    def action_offers(self) -> None:
        """What can be done about what failed last."""
        found = self.dispatcher.last_problem
        if found is None:
            self.flash("nothing has failed")
            return
        from labeltui.ui.screens.choices import ChoicesScreen  # noqa: PLC0415 - after first paint

        self.push_screen(ChoicesScreen(*found), self.picked)

    def _offer_choices(self, running: Running, level: Level) -> None:
        """A pod that did not come back is a decision, not a line to overlook."""
        found = self.dispatcher.last_problem
        if running.action.id != "pod.start" or level is not Level.ERROR or found is None:
            return
        if self.screen is self.frame_screen and found[1].code.needs_person:
            self.action_offers()

    def action_pods(self) -> None:
        """Every pod of the account."""
        from labeltui.ui.screens.pods import PodsScreen  # noqa: PLC0415 - after first paint

        self.push_screen(PodsScreen())

    def action_form(self, action_id: str) -> None:
        """Ask for an action's parameters, then run it."""
        from labeltui.ui.screens.dialogs.form import FormScreen, prefilled  # noqa: PLC0415 - after first paint

        action = BY_ID[action_id]

        async def submitted(params: dict[str, object] | None) -> None:
            if params is not None:
                await self.dispatcher.invoke(action_id, params)

        self.push_screen(FormScreen(action, prefilled(action, self.session, self.state)), submitted)

    def action_deploy(self, prefill: Mapping[str, object] | None = None) -> None:
        """Choose what to rent, see the price, rent it. ``prefill``: parameters of ``pod.create`` to start with."""
        if self.session is None:
            return
        running = self.dispatcher.running.get("pod.create")
        if running is not None:
            from labeltui.ui.screens.checklist import ChecklistScreen  # noqa: PLC0415 - after first paint

            self.push_screen(ChecklistScreen(running))
            return
        from labeltui.operations.deploy.draft import like  # noqa: PLC0415 - after first paint
        from labeltui.ui.screens.deploy.screen import DeployScreen  # noqa: PLC0415 - after first paint

        before = self.state.pod.value
        prefill = {**(like(before).given() if before is not None else {}), **(prefill or {})}

        async def submitted(params: dict[str, object] | None) -> None:
            if params is not None:
                await self.dispatcher.invoke("pod.create", params)

        self.push_screen(DeployScreen(cast("Session", self.session), prefill), submitted)

    def action_problem(self) -> None:
        """The evidence behind what went wrong last."""
        found = self._problem()
        if found is None:
            self.flash("nothing has failed")
            return
        from labeltui.ui.screens.problem import ProblemScreen  # noqa: PLC0415 - after first paint

        self.push_screen(ProblemScreen(*found))

    def _problem(self) -> tuple[str, Problem] | None:
        server, training = self.state.server.value, self.state.training.value
        if server is not None and server.problem is not None:
            return "The server", server.problem
        if training is not None and training.problem is not None:
            return "The training", training.problem
        return self.dispatcher.last_problem

    def why_no_terminal(self) -> str | None:
        """Why the console can't give a real terminal away, in words."""
        from labeltui.ui.panes.shell.full_screen import why_not  # noqa: PLC0415 - after first paint

        return why_not(cast("App[object]", self))

    async def action_shell(self, verb: str) -> None:
        """Do something with the shells of pane 2, which then has the keyboard."""
        pane = self.panes.get("shell")
        if pane is None:
            return
        self.focus_pane("shell")  # first: what is typed meanwhile is not for another pane
        done = getattr(pane, verb)()
        if done is not None:
            await done

    def action_save_screenshot(self) -> None:
        """Save the screen as a picture."""
        self.flash(f"saved {self.save_screenshot()}")

    def action_reconnect(self) -> None:
        """Skip the back-off."""
        if self.session is None:
            self.open(self.launch)
        else:
            self.session.reconnect()
            self.flash("connecting now …")

    async def action_quit(self) -> None:
        """Leave; asks only while an action of this console runs."""
        if not self.dispatcher.running:
            self.exit(0)
            return
        from labeltui.ui.screens.dialogs.confirm import ConfirmScreen  # noqa: PLC0415 - after first paint

        titles = ", ".join(running.action.title for running in self.dispatcher.running.values())
        question = f"Quit while this runs: {titles}? It is cancelled; what the host already does goes on."
        self.push_screen(ConfirmScreen("Quit", question), lambda yes: self.exit(0) if yes else None)

    def action_started(self, running: Running) -> None:
        """Long installations get a screen of their own; it can be closed while they go on."""
        super().action_started(running)
        if running.action.id == "pod.create":
            from labeltui.ui.screens.checklist import ChecklistScreen  # noqa: PLC0415 - after first paint

            self.push_screen(ChecklistScreen(running))
        if running.action.id == "doctor":
            from labeltui.ui.screens.doctor import DoctorScreen  # noqa: PLC0415 - after first paint

            self.push_screen(DoctorScreen(running))
        if running.action.id == "setup":
            from labeltui.ui.screens.steps import StepsScreen  # noqa: PLC0415 - after first paint

            self.push_screen(StepsScreen(running))

    def action_progressed(self, running: Running) -> None:
        """Show it where it is being watched."""
        super().action_progressed(running)
        watcher = getattr(self.screen, "progressed", None)
        if watcher is not None:
            watcher()

    def action_ended(self, running: Running, level: Level) -> None:
        """Say it where it is being watched, too."""
        super().action_ended(running, level)
        self._offer_choices(running, level)
        ended = getattr(self.screen, "ended", None)
        if ended is not None:
            ended(self.last_words)
