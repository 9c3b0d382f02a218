"""Screens for the account's pods and the actions on each pod."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from labeltui.domain.pod.pod import Pod
from labeltui.domain.rules.pod import called, is_own
from labeltui.domain.state import SessionState
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import Console, console_of
from labeltui.ui.presentation import pods as podrows
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Static
from labeltui.ui.widgets.lines import Lines
from labeltui.ui.widgets.table.rows import Table

VERBS = {"s": "pod.start", "x": "pod.stop", "r": "pod.restart", "D": "pod.terminate"}
FOOT = "enter details · s start · x stop · r restart · D terminate · y copy ssh · esc closes"


class PodKeys(Dialog[None]):
    """Base class of the pod list and of a pod's details: keys that act on one pod."""

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]

    def pod_now(self) -> Pod | None:
        """Return the pod that the keys act on; None without a pod."""
        raise NotImplementedError

    @property
    def console(self) -> Console:
        """The console that this screen belongs to."""
        return console_of(self)

    async def act(self, event: events.Key) -> None:
        """Run the key's action on the pod, or copy the pod's ssh command (its id if ssh is not available)."""
        pod = self.pod_now()
        if pod is None:
            return
        if event.character in VERBS:
            event.stop()
            await self.console.dispatcher.invoke(VERBS[event.character], {"pod": pod.id})
            self.show_report(self.console.last_flash)
        elif event.character == "y":
            event.stop()
            endpoint = pod.ssh
            self.console.copy(
                f"ssh {endpoint.user}@{endpoint.host} -p {endpoint.port}" if endpoint else pod.id
            )
            self.show_report(self.console.last_flash)

    def show_report(self, text: str) -> None:
        """Show an action's message here, because this screen hides the console's message line."""
        self.query_one(".flash", Static).update(Content.styled(safe(text), Tone.FAINT))

    def ended(self, text: str) -> None:
        """Show how an action ended."""
        self.show_report(text)

    def progressed(self) -> None:
        """Show the progress of the newest running action."""
        running = next(reversed(self.console.dispatcher.running.values()), None)
        if running is not None:
            self.show_report(f"◌ {running.action.title}: {running.last}")


class PodsScreen(PodKeys):
    """Lists the account's pods; they are polled while this screen is open."""

    def __init__(self) -> None:
        super().__init__()
        self._table = Table(self._draw)
        self._pods: tuple[Pod, ...] = ()
        self._enough: list[Callable[[], Any]] = []
        self._chosen: str | None = None

    def compose(self) -> ComposeResult:
        """Yield the table, and a line for reports."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content("pods of the account")
            box.hints = FOOT
            yield Static("", classes="message", id="why")
            yield self._table
            yield Static("", classes="flash")

    def on_mount(self) -> None:
        """Poll the account's pods while this screen is open."""
        session = self.console.session
        if session is not None:
            self._enough = [session.store.subscribe(self._changed), session.watch_pods()]
        self.set_interval(1.0, self._again)
        self._table.focus()
        self.call_after_refresh(self._again)

    def on_unmount(self) -> None:
        """Stop polling."""
        for enough in self._enough:
            enough()

    def _changed(self, _state: SessionState, fields: Changed) -> None:
        if fields & {Fields.pods, Fields.pod} and self.is_mounted:
            self._again()

    def _again(self) -> None:
        state, now = self.console.state, self.console.clock()
        own = state.pod.value.id if state.pod.value is not None else None
        self._pods = podrows.first(state.pods.value or (), own)
        why = self.query_one("#why", Static)
        why.display = not self._pods
        why.update(Content.styled(self._nothing(state), Tone.WARN if state.pods.error else Tone.FAINT))
        at = next((i for i, pod in enumerate(self._pods) if pod.id == self._chosen), self._table.cursor)
        self._table.update_rows(len(self._pods), at, podrows.header(self._table.size.width))
        self.query_one(Box).border_title = Content(self._title(state, now))

    @staticmethod
    def _nothing(state: SessionState) -> str:
        if state.pods.error:
            return safe(state.pods.error)
        return "Asking RunPod …" if state.pods.value is None else "The account has no pods: p n rents one."

    def _title(self, state: SessionState, now: datetime) -> str:
        old = stale_age(state.pods, now)
        age = f" · {old} old: {safe(state.pods.error or 'no answer')}" if old else ""
        return (
            f"pods of the account · {podrows.total(self._pods)}{age}" if self._pods else "pods of the account"
        )

    def _draw(self, index: int, width: int, chosen: bool) -> Content:
        state = self.console.state
        pod = self._pods[index]
        stale = bool(stale_age(state.pods, self.console.clock()))
        return podrows.pod_row(pod, width, own=is_own(state, pod), chosen=chosen, stale=stale)

    def pod_now(self) -> Pod | None:
        """Return the pod under the cursor; None without a pod."""
        return self._pods[self._table.cursor] if self._table.cursor < len(self._pods) else None

    def on_rows_moved(self) -> None:
        """Remember the pod under the cursor, so that the cursor stays on that pod if the order changes."""
        pod = self.pod_now()
        self._chosen = pod.id if pod is not None else None

    async def on_key(self, event: events.Key) -> None:
        """Move the cursor, open the pod's details, or run an action on the pod."""
        moves = {
            "j": 1,
            "down": 1,
            "k": -1,
            "up": -1,
            "g": -(10**6),
            "home": -(10**6),
            "G": 10**6,
            "end": 10**6,
        }
        step = moves.get(event.character or "", moves.get(event.key))
        if step is not None:
            event.stop()
            self._table.move(step)
        elif event.key == "enter":
            event.stop()
            pod = self.pod_now()
            if pod is not None:
                self.app.push_screen(PodScreen(pod))
        else:
            await self.act(event)


class PodScreen(PodKeys):
    """Shows all details of one pod."""

    def __init__(self, pod: Pod) -> None:
        super().__init__()
        self._pod = pod
        self._lines = Lines()

    def compose(self) -> ComposeResult:
        """Yield the pod's details, and a line for reports."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(f"pod {safe(called(self._pod))}")
            box.hints = FOOT.removeprefix("enter details · ")
            yield self._lines
            yield Static("", classes="flash")

    def on_mount(self) -> None:
        """Update the lines every second."""
        self.set_interval(1.0, self._again)
        self._lines.focus()
        self.call_after_refresh(self._again)

    def _again(self) -> None:
        state, now = self.console.state, self.console.clock()
        listed = state.pods.value or ()
        found = next((pod for pod in listed if pod.id == self._pod.id), None)
        self._pod = found or self._pod
        own = is_own(state, self._pod)
        lines = podrows.pod_lines(self._pod, self._lines.size.width, now, own=own, left=state.requests_left)
        if found is None and state.pods.value is not None:
            lines.insert(0, Content.styled("The account does not list this pod any more.", Tone.BAD))
        elif old := stale_age(state.pods, now):
            why = safe(state.pods.error or "no answer")
            lines.insert(0, Content.styled(f"Last read {old} ago: {why}", Tone.WARN))
        self._lines.set_lines(lines)

    def pod_now(self) -> Pod | None:
        """Return this screen's pod, as last listed."""
        return self._pod

    async def on_key(self, event: events.Key) -> None:
        """Scroll, or run an action on the pod."""
        step = {"j": 1, "down": 1, "k": -1, "up": -1}.get(event.character or "", 0)
        step = step or {"down": 1, "up": -1}.get(event.key, 0)
        if step:
            event.stop()
            self._lines.move(step)
        else:
            await self.act(event)
