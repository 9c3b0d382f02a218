"""Shows a problem and numbered actions that may help."""

from __future__ import annotations

from datetime import datetime

from textual import events
from textual.app import ComposeResult
from textual.content import Content

from labeltui.actions import BY_ID, Action
from labeltui.domain.failure_codes import Code
from labeltui.domain.offers import offers
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Problem
from labeltui.domain.rules.pod import called
from labeltui.operations.pod.start import CHOICES
from labeltui.runpod.lifecycle import pod_problem
from labeltui.ui.contract import Console, console_of
from labeltui.ui.frame.frame import clickable
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.screens.problem import ProblemScreen
from labeltui.ui.widgets.columns import Static

MOST = 9


class ChoicesScreen(Dialog[str]):
    """Shows a problem and numbered actions. A number key closes the screen and returns the action's id.

    ``y`` copies the problem.
    """

    def __init__(self, title: str, problem: Problem) -> None:
        super().__init__()
        self._title = title
        self._problem = problem
        self.actions: list[Action] = [BY_ID[one] for one in offers(problem) if one in BY_ID][:MOST]

    @property
    def _main(self) -> Console:
        return console_of(self)

    def compose(self) -> ComposeResult:
        """Yield the problem, then the actions."""
        problem = self._problem
        with Box(classes="box -warn -wide") as box:
            box.border_title = Content(safe(self._title))
            more = " · w shows details" if problem.detail else ""
            box.hints = f"type a number · y copies text{more} · esc changes nothing"
            yield Static(
                Content.assemble(
                    (safe(problem.message), f"bold {Tone.PLAIN}"),
                    (f"\n{safe(problem.hint)}" if problem.hint else "", Tone.FAINT),
                ),
                classes="message",
            )
            lines = [
                clickable(self._line(number, action), keys=f"{number}")
                for number, action in enumerate(self.actions, 1)
            ]
            yield Static(
                Content("\n").join(lines or [Content("labeltui has no action for this.")]),
                classes="list",
            )
            yield Static("", classes="flash")

    def _line(self, number: int, action: Action) -> Content:
        keys = self._main.keymap.keys_of(action)
        why = self._main.dispatcher.why_not(action)
        tone, text = (Tone.PLAIN, action.help) if why is None else (Tone.FAINT, f"not now: {why}")
        return Content.assemble(
            (f" {number} ", "bold $text-accent" if why is None else Tone.FAINT),
            (f"{action.title}", f"bold {tone}"),
            (f"  {keys}" if keys else "", "$text-accent"),
            (f"\n    {text}", Tone.FAINT if why is None else Tone.WARN),
        )

    def on_key(self, event: events.Key) -> None:
        """Choose the numbered action, or show why the action can't run now. Also handles y and w."""
        problem = self._problem
        if event.key == "y":
            event.stop()
            self._main.copy("\n".join(filter(None, (problem.message, problem.hint, problem.detail))))
            self.query_one(".flash", Static).update(Content.styled("copied", Tone.FAINT))
        elif event.key == "w" and problem.detail:
            event.stop()
            self.app.push_screen(ProblemScreen(self._title, problem))
        elif event.key.isdigit() and 0 < int(event.key) <= len(self.actions):
            event.stop()
            action = self.actions[int(event.key) - 1]
            why = self._main.dispatcher.why_not(action)
            if why is None:
                self.dismiss(action.id)
            else:
                reason = Content.styled(safe(f"{action.title}: {why}"), Tone.WARN)
                self.query_one(".flash", Static).update(reason)


def about_pod(pod: Pod, now: datetime) -> tuple[str, Problem]:
    """Return a title and a problem that describe the pod's state. The problem offers the fitting actions."""
    problem = pod_problem(pod, now)
    title = f"pod {called(pod)}"
    if problem is not None:
        return title, problem
    if pod.status.is_up:
        return title, Problem(Code.POD, f"{called(pod)} is {pod.status}; nothing is wrong with it.", "", "",
                              ("pod.stop", "pod.restart", "pods"))  # fmt: skip
    storage = "network volume" if pod.network_volume_id else "disk"
    hint = (
        f"The {storage} keeps the pod's data. The machine may have no free GPU; if so, start the pod later."
    )
    return title, Problem(Code.POD, f"{called(pod)} is {pod.status}.", hint, "", CHOICES)
