"""The checklist of a deployment: each step's state, time and text, and the pod's cost so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import cost_of
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import fit, safe
from labeltui.ui.presentation.words import Tone, remaining
from labeltui.ui.running import Running
from labeltui.ui.screens.dialogs.dialog import Box
from labeltui.ui.screens.steps import STATES, StepsScreen
from labeltui.ui.widgets.columns import Static

TITLE_WIDTH = 30


class ChecklistScreen(StepsScreen):
    """Shows a deployment's steps, the pod's cost and the newest output.

    Closing the screen does not stop the deployment.
    """

    BINDINGS: ClassVar = [
        Binding("ctrl+c", "cancel", show=False),
        Binding("t", "terminate", show=False),
        Binding("g", "go_on", show=False),
        Binding("a", "accept", show=False),
        Binding("f", "again_with('fallback')", show=False),
        Binding("w", "again_with('wait')", show=False),
    ]

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._money = Static("", classes="money", markup=False)
        self._over = ""

    def compose(self) -> ComposeResult:
        """Yield steps, cost and output."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(self._job.action.title)
            box.hints = "esc continues in the background · ctrl+c cancels"
            yield self._steps
            yield self._money
            yield self._output

    def on_mount(self) -> None:
        """Update the times and the cost every second."""
        super().on_mount()
        self.set_interval(1.0, self.progressed)

    def progressed(self) -> None:
        """Update the steps, the cost and the output."""
        if not self.is_mounted:
            return
        now = console_of(self).clock()
        width = max(20, self._steps.size.width)
        lines: list[Content] = []
        for entry in self._job.steps.values():
            lines += step_lines(entry, now, width)
        self._steps.styles.height = min(len(lines) + 1, max(4, self.size.height - 9))
        self._steps.set_lines(lines or [Content.styled("Checking what is there …", Tone.FAINT)])
        money = money_line(self._job.steps, now, running=not self._over)
        if self._over and self._pod is not None and not self._whole:
            goes_on = "The pod costs money until it is stopped or terminated."
            money = Content("\n").join((money, Content.styled(goes_on, Tone.WARN)))
        self._money.update(money)
        self._show_output()

    def ended(self, text: str) -> None:
        """Show that the deployment ended, and the keys for the next step."""
        self._over = text or "over"
        self.progressed()
        pod, whole = self._pod, self._whole
        hints = "esc closes" if whole else "g continues · esc closes"
        if self._refused:
            options = {"wait": "w waits for a GPU", "fallback": "f takes the next that fits"}
            unused = [text for name, text in options.items() if not self._job.params.get(name)]
            hints = " · ".join([*unused, "g tries again", "esc closes"])
        elif self._other:
            take = "a accepts this pod · " if self._accept else ""
            end = f"t terminates {safe(pod)} · esc leaves it running" if pod is not None else "esc closes"
            hints = take + end
        elif pod is not None and not whole:
            hints = f"g continues · t terminates {safe(pod)} · esc leaves it running"
        box = self.query_one(Box)
        box.hints = hints
        box.set_class(not whole, "-warn")

    @property
    def _pod(self) -> str | None:
        """The pod's name; None before a pod is rented."""
        return next((str(e["pod"]) for e in self._job.steps.values() if e.get("pod")), None)

    @property
    def _refused(self) -> bool:
        """Whether the deployment failed because no GPU was free. Waiting or another GPU may then help."""
        return any(e.get("code") == Code.RUNPOD_NO_CAPACITY for e in self._job.steps.values())

    @property
    def _other(self) -> bool:
        """Whether the pod differs from the agreement, or can't be used. The same request would fail again."""
        codes = {str(e.get("code")) for e in self._job.steps.values()} & set(Code)
        return any(Code(code).same_again_fails for code in codes)

    @property
    def _accept(self) -> Mapping[str, Any]:
        """Parameters with which the operator agrees to the pod as it is; empty if that is impossible."""
        return next((e["accept"] for e in self._job.steps.values() if e.get("accept")), {})

    @property
    def _whole(self) -> bool:
        """Whether all steps are done or skipped."""
        return all(str(e.get("state")) in ("done", "skipped") for e in self._job.steps.values())

    def action_cancel(self) -> None:
        """Cancel the deployment. The screen stays open and shows whether a pod was rented."""
        if not self._over and self._job.worker is not None:
            self._job.worker.cancel()

    async def action_terminate(self) -> None:
        """Close the screen and terminate the pod after the operator typed the pod's name."""
        if self._over and self._pod is not None:
            console = console_of(self)
            self.dismiss(None)
            await console.dispatcher.invoke("pod.terminate")

    async def action_go_on(self) -> None:
        """Run the deployment again. Steps that are done already are skipped."""
        if not self._other:
            await self._again(self._job.params)

    async def action_accept(self) -> None:
        """Run the deployment again and agree to the pod as it is."""
        if self._other and self._accept:
            await self._again({**self._job.params, **self._accept})

    async def action_again_with(self, name: str) -> None:
        """If no GPU was free, run the deployment again with one more option.

        ``name`` is the option: ``wait`` waits for a free GPU; ``fallback`` takes the next GPU within the price.
        """
        if self._refused:
            await self._again({**self._job.params, name: True})

    async def _again(self, params: Mapping[str, Any]) -> None:
        if self._over:
            console = console_of(self)
            self.dismiss(None)
            await console.dispatcher.invoke(self._job.action.id, params)


def step_lines(entry: Mapping[str, Any], now: datetime, width: int) -> list[Content]:
    """Return a step's lines: glyph, title, time and text. A failed step adds the failure and its hint."""
    state = str(entry.get("state") or "")
    glyph, tone = STATES.get(state, ("·", Tone.FAINT))
    took = entry.get("took_s")
    if took is None and state == "running":
        since = _moment(entry.get("since"))
        took = (now - since).total_seconds() if since is not None else None
    time = remaining(float(took)) if took else ""
    faint = Tone.FAINT if state == "waiting" else Tone.PLAIN
    head = Content.assemble(
        (f"{glyph} ", tone),
        (fit(safe(str(entry.get("title") or "")), TITLE_WIDTH), faint),
        (f"{time:>6}  ", Tone.FAINT),
    )
    words = str(entry.get("detail") or ("" if state in ("waiting", "running") else state))
    if state not in ("failed", "cancelled"):
        room = max(8, width - TITLE_WIDTH - 10)
        return [Content.assemble(head, (fit(safe(words), room).rstrip(), Tone.FAINT))]
    lines = [head + Content.styled(state, Tone.BAD)]
    for text, tone in ((words, Tone.BAD), (str(entry.get("hint") or ""), Tone.PLAIN)):
        if text and text != state:
            wrapped = Content.styled(safe(text), tone).wrap(max(20, width - 4))
            lines += [Content("  ") + line.rstrip() for line in wrapped]
    return lines


def money_line(steps: Mapping[str, Mapping[str, Any]], now: datetime, *, running: bool) -> Content:
    """Return a line with the pod's name, its rate per hour and its cost so far."""
    entry = next((e for e in reversed(list(steps.values())) if e.get("pod")), None)
    if entry is None:
        return Content.styled("Nothing is rented yet, so nothing costs money.", Tone.FAINT)
    since = _moment(entry.get("billed_since"))
    rate = Decimal(entry["rate"]) if entry.get("rate") else None
    spent = "" if rate is None or since is None else f" · {dollars(cost_of(rate, now - since))} so far"
    price = "at an unknown price" if rate is None else rate_text(rate)
    tone = Tone.PLAIN if running else Tone.WARN
    open_to_all = [
        safe(str(url)) for url in next((e["public"] for e in steps.values() if e.get("public")), ())
    ]
    badge = (f"  PUBLIC {', '.join(open_to_all)}", f"bold {Tone.BAD}") if open_to_all else ("", Tone.PLAIN)
    return Content.assemble(
        (safe(str(entry["pod"])), "bold $foreground"), (f" · {price}{spent}", tone), badge
    )


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
