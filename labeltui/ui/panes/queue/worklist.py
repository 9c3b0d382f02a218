"""What the queue pane shows of the worklist, and what it does with the study under its cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from textual.widget import Widget

from labeltui.domain.state import SessionState
from labeltui.domain.study import Study
from labeltui.domain.worklist import NAMELESS, Holder, Worklist
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import clock_time
from labeltui.ui.screens.dialogs.find import FindScreen

NAME_WIDTH = 16


def worklist_fact(state: SessionState) -> str:
    """How many studies the worklist can still hand out, or that there is none. Empty if it is unknown."""
    worklist = state.worklist.value
    if worklist is None:
        return ""
    if worklist.why_not:
        return "" if state.server.value is None or state.info.value is None else "no worklist"
    left = worklist.left
    if left is None:
        return "worklist"
    return f"worklist {left.free} free" if left.free else f"worklist: {left.why_nothing}"


def study_fact(study: Study | None, worklist: Worklist | None) -> str:
    """Who holds a study until when, and the operator's decisions about it. Empty if there are none."""
    if study is None or worklist is None:
        return ""
    place, assigned = worklist.place(study.id), worklist.assigned.get(study.id)
    parts = (
        "skipped" if study.id in worklist.skipped else "",
        f"for {elide(safe(assigned), NAME_WIDTH)}" if assigned else "",
        f"number {place}" if place is not None else "",
        *(_held(holder) for holder in worklist.holders.get(study.id, ())),
    )
    return ", ".join(part for part in parts if part)


def _held(holder: Holder) -> str:
    name = elide(safe(holder.client), NAME_WIDTH) if holder.client else NAMELESS
    return f"{name} until {clock_time(holder.until)}"


class WorklistVerbs:
    """The keys of the worklist, for the study that ``chosen`` returns."""

    def __init__(self, pane: Widget, chosen: Callable[[], Study | None]) -> None:
        self._pane, self._chosen = pane, chosen

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """By the names that the registry uses."""
        return {"first": self.first, "assign": self.assign, "unassign": self.unassign, "skip": self.skip}

    async def first(self) -> None:
        """Put the study first; take it out of the order if it is first."""
        await self._invoke("studies.order", lambda study, worklist: worklist.place(study.id) == 1)

    async def skip(self) -> None:
        """Skip the study, or hand it out again."""
        await self._invoke("studies.skip", lambda study, worklist: study.id in worklist.skipped)

    async def unassign(self) -> None:
        """Assign the study to nobody."""
        await self._invoke("studies.assign", lambda _study, _worklist: True)

    def assign(self) -> None:
        """Ask for the annotator, then assign the study."""
        study, worklist = self._chosen(), console_of(self._pane).state.worklist.value or Worklist()
        if study is None:
            console_of(self._pane).refuse("There is no study under the cursor.")
            return

        async def named(client: str | None) -> None:
            if client:
                params = {"study": study.id, "client": client}
                await console_of(self._pane).dispatcher.invoke("studies.assign", params)

        question = f"Client id of the annotator who gets {study.id} (as set in Slicer)"
        before = worklist.assigned.get(study.id, "")
        self._pane.app.push_screen(FindScreen(question, before, title="Assign", does="assigns"), named)

    async def _invoke(self, action_id: str, is_set: Callable[[Study, Worklist], bool]) -> None:
        console = console_of(self._pane)
        study, worklist = self._chosen(), console.state.worklist.value or Worklist()
        if study is None:
            console.refuse("There is no study under the cursor.")
            return
        await console.dispatcher.invoke(action_id, {"study": study.id, "undo": is_set(study, worklist)})
