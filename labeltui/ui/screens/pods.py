"""Every pod of the account, and what may be done with each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

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
from labeltui.ui.screens.dialogs.dialog import Dialog
from labeltui.ui.widgets.lines import Lines
from labeltui.ui.widgets.table import Table

VERBS = {"s": "pod.start", "x": "pod.stop", "r": "pod.restart", "D": "pod.terminate"}
FOOT = "enter details · s start · x stop · r restart · D terminate · y copy ssh · esc closes"


class PodKeys(Dialog[None]):
    """What the list and the details have in common: the keys that act on one pod, by its id."""

    BINDINGS: ClassVar = [Binding("q", "dismiss_none", show=False)]

    def pod_now(self) -> Pod | None:
        """The pod that keys act on."""
        raise NotImplementedError

    @property
    def console(self) -> Console:
        """The app, as what it is."""
        return console_of(self)

    async def act(self, event: events.Key) -> None:
        """Act on the pod, or copy how it is reached."""
        pod = self.pod_now()
        if pod is None:
            return
        if event.character in VERBS:
            event.stop()
            await self.console.dispatcher.invoke(VERBS[event.character], {"pod": pod.id})
            self.said(self.console.last_words)
        elif event.character == "y":
            event.stop()
            door = pod.ssh
            self.console.copy(f"ssh {door.user}@{door.host} -p {door.port}" if door else pod.id)
            self.said(self.console.last_words)

    def said(self, text: str) -> None:
        """Show what an action said: the line for it is behind this screen."""
        self.query_one(".flash", Static).update(Content.styled(safe(text), Tone.FAINT))

    def ended(self, text: str) -> None:
        """An action is over."""
        self.said(text)

    def progressed(self) -> None:
        """An action said something."""
        running = next(reversed(self.console.dispatcher.running.values()), None)
        if running is not None:
            self.said(f"◌ {running.action.title}: {running.last}")


class PodsScreen(PodKeys):
    """The list, true as long as it is open."""

    def __init__(self) -> None:
        super().__init__()
        self._table = Table(self._draw)
        self._pods: tuple[Pod, ...] = ()
        self._enough: list[Callable[[], Any]] = []
        self._chosen: str | None = None

    def compose(self) -> ComposeResult:
        """The table, and a line for what was said."""
        with Container(classes="box -wide -tall") as box:
            box.border_title = Content("pods of the account")
            box.border_subtitle = Content(FOOT)
            yield Static("", classes="said", id="why")
            yield self._table
            yield Static("", classes="flash")

    def on_mount(self) -> None:
        """Look at the account for as long as this is open."""
        session = self.console.session
        if session is not None:
            self._enough = [session.store.subscribe(self._changed), session.watch_pods()]
        self.set_interval(1.0, self._again)
        self._table.focus()
        self.call_after_refresh(self._again)

    def on_unmount(self) -> None:
        """Look no more."""
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
        self.query_one(".box", Container).border_title = Content(self._title(state, now))

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
        """The one under the cursor."""
        return self._pods[self._table.cursor] if self._table.cursor < len(self._pods) else None

    def on_table_moved(self) -> None:
        """Keep to the pod, whatever the order becomes."""
        pod = self.pod_now()
        self._chosen = pod.id if pod is not None else None

    async def on_key(self, event: events.Key) -> None:
        """Move, open the details, or act."""
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
    """One pod in full."""

    def __init__(self, pod: Pod) -> None:
        super().__init__()
        self._pod = pod
        self._lines = Lines()

    def compose(self) -> ComposeResult:
        """Lines that scroll."""
        with Container(classes="box -wide -tall") as box:
            box.border_title = Content(f"pod {safe(called(self._pod))}")
            box.border_subtitle = Content(FOOT.removeprefix("enter details · "))
            yield self._lines
            yield Static("", classes="flash")

    def on_mount(self) -> None:
        """Follow the list behind it."""
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
        """This one."""
        return self._pod

    async def on_key(self, event: events.Key) -> None:
        """Scroll, or act."""
        step = {"j": 1, "down": 1, "k": -1, "up": -1}.get(event.character or "", 0)
        step = step or {"down": 1, "up": -1}.get(event.key, 0)
        if step:
            event.stop()
            self._lines.move(step)
        else:
            await self.act(event)
