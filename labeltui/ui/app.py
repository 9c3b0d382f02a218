"""The console's own actions: the methods that the registry's ``console`` fields name."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from textual import events

from labeltui.actions import BY_ID
from labeltui.actions.model import TAKE_OVER
from labeltui.domain.failure_codes import Code
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.session.runtime.supervise import error_text
from labeltui.ui.contract import HasVerbs, Watcher
from labeltui.ui.core import Core
from labeltui.ui.dispatch import newest_failure, shown_problem
from labeltui.ui.frame.layout import PANES
from labeltui.ui.frame.lines import gravest, keep_key
from labeltui.ui.frame.notify import NOTIFIED, Notifier
from labeltui.ui.running import Running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NEWS_S = 60.0
ASKING = ("studies.upload", "labels.export", "report")
"""Actions that are refused until the operator answers a question. The console then opens the list of answers."""
GRAVE = ("gone", "error", "no_gpu", "migrated")
"""Kinds of pod events. A stop that nobody here asked for raises an alert, which is flashed too."""


class Console(Core):
    """The console with all its actions."""

    _flashed_event_at: datetime | None = None  # the time of the pod event that was flashed last
    _known_alerts: frozenset[Alert] = frozenset()
    _stop_is_near = False

    @cached_property
    def notifier(self) -> Notifier:
        """Notifies an operator who looks at another window."""
        return Notifier(self._write_to_terminal, os.environ)

    def _write_to_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(self.appearance.written(sequence))
            self._driver.flush()

    async def on_event(self, event: events.Event) -> None:
        """Take note of keys and of the terminal's focus, then handle the event as usual."""
        self.notifier.noticed(event, self.clock())
        await super().on_event(event)

    async def on_unmount(self) -> None:
        """Restore the terminal's title, then close the session."""
        self.notifier.restore_title()
        await super().on_unmount()

    def changed(self, state: SessionState, fields: Changed) -> None:
        """Repaint as usual, and flash a new pod event or alert if it is less than a minute old."""
        super().changed(state, fields)
        if Fields.pod_events in fields and state.pod_events:
            newest = state.pod_events[-1]
            is_news = (
                self.clock() - newest.at
            ).total_seconds() < NEWS_S  # not an event of an earlier session
            if (
                is_news and newest.at != self._flashed_event_at
            ):  # nor a rewording of the event that was flashed last
                self._flashed_event_at = newest.at
                if newest.kind in GRAVE or not self.lines.is_urgent:
                    self.flash(newest.text, Level.WARNING if newest.kind in GRAVE else Level.INFO)
        if Fields.alerts in fields:
            self._flash_alert(state.alerts)
        if Fields.guard in fields:
            before, self._stop_is_near = self._stop_is_near, bool(keys := keep_key(self.keymap, state))
            if self._stop_is_near and not before:
                self.notifier.notify(f"The pod is about to be stopped; {keys} keeps it.", self.clock())

    def _flash_alert(self, alerts: tuple[Alert, ...]) -> None:
        """Flash the gravest new alert. If several are equally grave, flash the newest."""
        known, self._known_alerts = self._known_alerts, frozenset(alerts)
        new = [one for one in alerts if one not in known and (self.clock() - one.at).total_seconds() < NEWS_S]
        notified = [one for one in new if one.key.startswith(NOTIFIED)]
        if notified:
            self.notifier.notify(notified[-1].message, self.clock())
        if (alert := gravest(new)) is not None:
            self.lines.flash_alert(alert)

    def action_pane(self, name: str) -> None:
        """Focus a pane."""
        self.focus_pane(name)

    def action_zoom(self) -> None:
        """Zoom the focused pane to the whole body, or restore the layout."""
        self.frame_screen.zoomed = not self.frame_screen.zoomed
        self.frame_screen.arrange_panes()
        self.call_after_refresh(self._after_layout)

    def action_cycle(self, step: int) -> None:
        """Focus the next pane (1) or the previous one (-1)."""
        here = PANES.index(self.frame_screen.current)
        self.focus_pane(PANES[(here + step) % len(PANES)])

    async def action_back(self) -> None:
        """Leave the zoom."""
        if self.frame_screen.zoomed:
            self.action_zoom()

    def action_interrupt(self) -> None:
        """Copy the selection; without one, cancel the running action that was started last."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy(selected)
        elif not self.dispatcher.cancel():
            self.flash(f"no action is running; {self.keymap.keys_of(BY_ID['quit'])} quits")

    def action_help(self) -> None:
        """List every key, searchable."""
        self.screens.help()

    def action_command_palette(self) -> None:
        """List every action by name."""
        self.screens.palette()

    async def action_action_log(self) -> None:
        """List the actions of this session and of earlier ones, as commands."""
        await self.screens.action_log()

    async def action_alerts(self) -> None:
        """List the alerts of this session and of earlier ones."""
        await self.screens.alerts()

    async def action_deletions(self) -> None:
        """List deleted studies and labels, to bring them back."""
        await self.screens.deletions()

    def action_copy(self) -> None:
        """Copy the selection; without one, the text that the focused pane offers."""
        selected = self.screen.get_selected_text()
        pane = self.panes.get(self.frame_screen.current)
        text = selected or (pane.copy_text() if pane is not None else "")
        if text:
            self.copy(text)
        else:
            self.flash("there is nothing to copy here", Level.WARNING)

    def action_copy_url(self) -> None:
        """Copy the server's URL for Slicer."""
        tunnel = self.state.tunnel.value
        if tunnel is None or tunnel.url is None:
            self.flash("there is no URL yet: the tunnel is not open", Level.WARNING)
        else:
            self.copy(tunnel.url)

    async def action_slicer(self) -> None:
        """Start Slicer. Ask for the annotator's name first, if the profile has none."""
        if self.session is not None and self.session.profile.slicer.client_id:
            await self.dispatcher.invoke("slicer")
        else:
            self.screens.form("slicer")

    async def action_ssh_config(self) -> None:
        """Write a ``Host`` entry for the session's host to ssh's configuration."""
        await self.dispatcher.invoke("ssh-config", {"write": True})

    def action_open(self, name: str) -> None:
        """Open a screen by the name of its method of ``Screens``, for example ``guide`` or ``support``."""
        getattr(self.screens, name)()

    def action_guide_line(self) -> None:
        """Hide the line with the next step, or show it again."""
        shown = self.frame_screen.next.toggle()
        key = self.keymap.keys_of(BY_ID["guide"])
        self.flash(
            "the next step is shown until the report is written"
            if shown
            else f"the next step is hidden; {key} lists every step"
        )

    async def action_trainings(self) -> None:
        """List every training of this server and of earlier ones."""
        await self.screens.trainings()

    async def action_models(self) -> None:
        """Open the list of models."""
        await self.screens.models()

    def action_invitations(self) -> None:
        """List the invited annotators."""
        self.screens.invitations()

    def action_invite(self) -> None:
        """Ask for an annotator's name, then invite the annotator."""
        self.screens.invite()

    async def action_start_pod(self, how: str) -> None:
        """Run ``pod.start`` with the parameter ``how`` set: ``retry`` or ``data_only``."""
        await self.dispatcher.invoke("pod.start", {how: True})

    async def action_lose_labels(self) -> None:
        """Terminate the pod even if labels are not copied. The user must type its name to confirm."""
        await self.dispatcher.invoke("pod.terminate", {"lose_labels": True})

    def action_on_its_volume(self) -> None:
        """Open the deploy form for another pod on this pod's network volume."""
        pod = self.state.pod.value
        if pod is not None and pod.network_volume_id:
            self.action_deploy({"network_volume": pod.network_volume_id})

    def action_pod_choices(self) -> None:
        """Offer the actions that fit the pod's state."""
        self.screens.pod_choices()

    def action_offers(self) -> None:
        """Offer the actions that may help with the last failure: an action's, or a problem that stands in the line."""
        found = newest_failure(self.state, self.dispatcher, self.clock())
        if found is None:
            self.flash("no action has failed, and neither connection, server nor training has a problem")
        else:
            self.screens.choices(*found)

    def _offer_choices(self, running: Running, level: Level) -> None:
        """Open the list of choices if the pod failed to start, or if an upload or export asks a question."""
        found = self.dispatcher.last_problem
        if level is not Level.ERROR or found is None:
            return
        if (running.action.id in ASKING or found[1].code is Code.LEASE_HELD) and found[1].offers:
            if isinstance(self.screen, Watcher):
                self.pop_screen()
            self.action_offers()
        elif (
            running.action.id == "pod.start"
            and self.screen is self.frame_screen
            and found[1].code.needs_person
        ):
            self.action_offers()

    async def action_again(self, action_id: str, answer: str) -> None:
        """Repeat the action that asked a question. The answer is a parameter to set, such as ``replace``."""
        before = self.dispatcher.failed_params.get(action_id, {})
        await self.dispatcher.invoke(action_id, {**before, answer: True})

    async def action_take_over(self) -> None:
        """Repeat the action that another console's lease has refused, and take the lease over."""
        refused = self.dispatcher.refused_by_lease
        if refused is None:
            self.flash("no action was refused because of another console")
        else:
            await self.action_again(refused, TAKE_OVER)

    def action_profiles(self) -> None:
        """List the profiles, to open, edit or add one."""
        self.screens.profiles()

    def action_themes(self) -> None:
        """Choose the console's colours."""
        self.screens.themes(self.themes)

    def action_form(self, action_id: str) -> None:
        """Ask for an action's parameters in a form, then run the action."""
        self.screens.form(action_id)

    def action_deploy(self, prefill: Mapping[str, object] | None = None) -> None:
        """Open the deploy form. ``prefill`` has parameters of ``pod.create`` to start with."""
        self.screens.deploy(prefill)

    def action_problem(self) -> None:
        """Show the details of the server's problem, the training's, or the action that failed last."""
        found = shown_problem(self.state, self.dispatcher)
        if found is None:
            self.flash("no action has failed")
        else:
            self.screens.problem(*found)

    async def action_shell(self, verb: str) -> None:
        """Focus the shell pane, then run one of its verbs."""
        await self._verb("shell", verb)

    async def action_queue(self, verb: str) -> None:
        """Focus the queue, then run one of its verbs on the study under its cursor."""
        await self._verb("queue", verb)

    async def _verb(self, name: str, verb: str) -> None:
        pane = self.panes.get(name)
        if not isinstance(pane, HasVerbs):
            return
        self.focus_pane(name)  # first, so that no other pane gets keys typed meanwhile
        done = pane.verbs[verb]()
        if done is not None:
            await done

    def action_save_screenshot(self) -> None:
        """Save the screen as an SVG file in the working directory."""
        try:
            self.flash(f"saved {self.save_screenshot()}")
        except OSError as error:
            self.flash(f"the screenshot was not saved: {error_text(error)}", Level.ERROR)

    def action_reconnect(self) -> None:
        """Connect now instead of waiting for the next try; without a session, open one."""
        if self.session is None:
            self.open(self.launch)
        else:
            self.session.reconnect()
            self.flash("connecting now …")

    async def action_quit(self) -> None:
        """Quit; ask for confirmation first if an action of this console runs."""
        if self.dispatcher.running:
            self.screens.quit()
        else:
            self.exit(0)

    def action_started(self, running: Running) -> None:
        """Open the screen that shows the progress of a long action."""
        super().action_started(running)
        self.screens.watch(running)

    def action_progressed(self, running: Running) -> None:
        """Also update the screen on top if it follows running actions."""
        super().action_progressed(running)
        if isinstance(self.screen, Watcher):
            self.screen.progressed()

    def action_ended(self, running: Running, level: Level) -> None:
        """Show the result on a screen that follows actions."""
        super().action_ended(running, level)
        self._offer_choices(running, level)
        if running.document is not None and running.document.get("text"):
            self.screens.invitation(running.document)
        if isinstance(self.screen, Watcher):
            self.screen.ended(self.last_flash)
