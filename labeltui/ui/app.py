"""The console's own actions: what the registry names under ``console``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.actions import BY_ID
from labeltui.domain.problems import Problem
from labeltui.domain.state import Level, SessionState
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import HasVerbs, Watcher
from labeltui.ui.core import Core
from labeltui.ui.frame.layout import PANES
from labeltui.ui.running import Running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NEWS_S = 60.0
GRAVE = ("gone", "stopped", "error", "no_gpu", "migrated")


class Console(Core):
    """The console over one session, which it opens itself after the first paint (or is given, in tests)."""

    _told_event_of: datetime | None = None  # when the last event of the pod was that a flash told

    def _changed(self, state: SessionState, fields: Changed) -> None:
        """Say what happened to the pod, besides painting."""
        super()._changed(state, fields)
        if Fields.pod_events in fields and state.pod_events:
            newest = state.pod_events[-1]
            is_news = (self.clock() - newest.at).total_seconds() < NEWS_S  # not those of an earlier session
            if is_news and newest.at != self._told_event_of:  # nor one that is only worded better
                self._told_event_of = newest.at
                self.flash(newest.text, Level.WARNING if newest.kind in GRAVE else Level.INFO)

    def action_pane(self, name: str) -> None:
        """Focus a pane; again, zoom it."""
        if self.frame_screen.current == name:
            self.action_zoom()
        else:
            self.focus_pane(name)

    def action_zoom(self) -> None:
        """Give the pane the whole screen, and back."""
        self.frame_screen.zoomed = not self.frame_screen.zoomed
        self.frame_screen.arrange_panes()
        self.call_after_refresh(self._after_layout)

    def action_cycle(self, step: int) -> None:
        """The next pane, or the one before."""
        here = PANES.index(self.frame_screen.current)
        self.focus_pane(PANES[(here + step) % len(PANES)])

    async def action_back(self) -> None:
        """Leave the zoom."""
        if self.frame_screen.zoomed:
            self.action_zoom()

    def action_interrupt(self) -> None:
        """ctrl+c: copy what is selected, else cancel what runs."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy(selected)
        elif not self.dispatcher.cancel():
            self.flash(f"nothing runs; {self.keymap.keys_of(BY_ID['quit'])} quits")

    def action_help(self) -> None:
        """Every key, searchable."""
        self.screens.help()

    def action_command_palette(self) -> None:
        """Every action by name."""
        self.screens.palette()

    def action_action_log(self) -> None:
        """What was done, as commands."""
        self.screens.action_log()

    def action_alerts(self) -> None:
        """What needs attention."""
        self.screens.alerts()

    def action_copy(self) -> None:
        """Copy what is selected, else what the focused pane offers."""
        selected = self.screen.get_selected_text()
        pane = self.panes.get(self.frame_screen.current)
        text = selected or (pane.copy_text() if pane is not None else "")
        if text:
            self.copy(text)
        else:
            self.flash("there is nothing to copy here", Level.WARNING)

    def action_copy_url(self) -> None:
        """Copy what Slicer is given."""
        tunnel = self.state.tunnel.value
        if tunnel is None or tunnel.url is None:
            self.flash("there is no URL yet: the tunnel is not open", Level.WARNING)
        else:
            self.copy(tunnel.url)

    async def action_ssh_config(self) -> None:
        """Write a Host for ssh itself."""
        await self.dispatcher.invoke("ssh-config", {"write": True})

    def action_events(self) -> None:
        """What happened to the pod."""
        self.screens.events()

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
        self.screens.pod_choices()

    def action_offers(self) -> None:
        """What can be done about what failed last."""
        found = self.dispatcher.last_problem
        if found is None:
            self.flash("nothing has failed")
        else:
            self.screens.choices(*found)

    def _offer_choices(self, running: Running, level: Level) -> None:
        """A pod that did not come back is a decision, not a line to overlook."""
        found = self.dispatcher.last_problem
        if running.action.id != "pod.start" or level is not Level.ERROR or found is None:
            return
        if self.screen is self.frame_screen and found[1].code.needs_person:
            self.action_offers()

    def action_pods(self) -> None:
        """Every pod of the account."""
        self.screens.pods()

    def action_form(self, action_id: str) -> None:
        """Ask for an action's parameters, then run it."""
        self.screens.form(action_id)

    def action_deploy(self, prefill: Mapping[str, object] | None = None) -> None:
        """Choose what to rent, see the price, rent it. ``prefill``: parameters of ``pod.create`` to start with."""
        self.screens.deploy(prefill)

    def action_problem(self) -> None:
        """The evidence behind what went wrong last."""
        found = self._problem()
        if found is None:
            self.flash("nothing has failed")
        else:
            self.screens.problem(*found)

    def _problem(self) -> tuple[str, Problem] | None:
        server, training = self.state.server.value, self.state.training.value
        if server is not None and server.problem is not None:
            return "The server", server.problem
        if training is not None and training.problem is not None:
            return "The training", training.problem
        return self.dispatcher.last_problem

    async def action_shell(self, verb: str) -> None:
        """Do something with the shells of pane 2, which then has the keyboard."""
        pane = self.panes.get("shell")
        if not isinstance(pane, HasVerbs):
            return
        self.focus_pane("shell")  # first: what is typed meanwhile is not for another pane
        done = pane.verbs[verb]()
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
        if self.dispatcher.running:
            self.screens.quit()
        else:
            self.exit(0)

    def action_started(self, running: Running) -> None:
        """Long installations get a screen of their own; it can be closed while they go on."""
        super().action_started(running)
        self.screens.watch(running)

    def action_progressed(self, running: Running) -> None:
        """Show it where it is being watched."""
        super().action_progressed(running)
        if isinstance(self.screen, Watcher):
            self.screen.progressed()

    def action_ended(self, running: Running, level: Level) -> None:
        """Say it where it is being watched, too."""
        super().action_ended(running, level)
        self._offer_choices(running, level)
        if isinstance(self.screen, Watcher):
            self.screen.ended(self.last_words)
