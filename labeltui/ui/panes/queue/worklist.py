"""The queue pane's texts on the worklist, and its actions on the study under the cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from textual.widget import Widget

from labeltui.domain.rules.annotators import known_annotators
from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.domain.studies.worklist import NAMELESS, Holder, Worklist
from labeltui.ui.contract import console_of
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import clock_time
from labeltui.ui.screens.dialogs.find import FindScreen

NAME_WIDTH = 16


def worklist_fact(state: SessionState) -> str:
    """Return the number of studies that the worklist can still hand out, or that there is no worklist.

    Empty if unknown.
    """
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
    """Return for whom a study is reserved until when, and the operator's decisions about it.

    Empty if there are none.
    """
    if study is None or worklist is None:
        return ""
    place, assigned = worklist.place(study.id), worklist.assigned.get(study.id)
    why, names = worklist.second.get(study.id), [one.client for one in worklist.readings.get(study.id, ())]
    parts = (
        f"second reading waits: {why}" if why else "",
        f"read by {' and '.join(elide(safe(name), NAME_WIDTH) for name in names)}" if names else "",
        "skipped" if study.id in worklist.skipped else "",
        f"for {elide(safe(assigned), NAME_WIDTH)}" if assigned else "",
        f"number {place}" if place is not None else "",
        *(_held(holder) for holder in worklist.holders.get(study.id, ())),
    )
    return ", ".join(part for part in parts if part)


def _held(holder: Holder) -> str:
    name = elide(safe(holder.client), NAME_WIDTH) if holder.client else NAMELESS
    return f"{name} until {clock_time(holder.until)}"


SHOWN = 8


class WorklistVerbs:
    """The keys of the worklist, for the studies that ``targets`` returns."""

    def __init__(self, pane: Widget, targets: Callable[[], Sequence[Study]]) -> None:
        self._pane, self._targets = pane, targets

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """The methods by the names that the registry uses."""
        return {
            "first": self.first, "assign": self.assign, "unassign": self.unassign, "skip": self.skip,
            "double": self.double, "choose": self.choose,
        }  # fmt: skip

    async def first(self) -> None:
        """Put the studies first; take them out of the order if they are the first."""
        worklist, ids = self._worklist, self._ids()
        await self._invoke("studies.order", undo=bool(ids) and worklist.order[: len(ids)] == ids)

    async def skip(self) -> None:
        """Skip the studies, or hand them out again if all are skipped."""
        await self._invoke(
            "studies.skip", undo=bool(self._ids()) and self._worklist.skipped.issuperset(self._ids())
        )

    async def double(self) -> None:
        """Let a second annotator read the studies.

        If all of them are read twice already, let only one annotator read them.
        """
        ids = self._ids()
        await self._invoke("studies.double", undo=bool(ids) and self._worklist.doubled.issuperset(ids))

    async def choose(self) -> None:
        """Make the other reading of the study the final label. Asks which, if there are several others.

        Refuses several studies, because each needs a question of its own.
        """
        console, targets = console_of(self._pane), self._targets()
        if len(targets) != 1:
            console.refuse("Choose a reading: mark one study, or none (esc), with the cursor on the study.")
            return
        (study,) = targets
        final = study.authors.get(FINAL_TAG)
        others = [one.client for one in self._worklist.readings.get(study.id, ()) if one.client != final]
        if not others:
            console.refuse(f"Choose a reading: {safe(study.id)} does not have two readings.")
            return

        async def named(client: str | None) -> None:
            if client:
                await console.dispatcher.invoke("studies.choose", {"study": study.id, "client": client})

        if len(others) == 1:
            await named(others[0])
            return
        names = ", ".join(others)
        question = f"Client id of the annotator whose reading of {study.id} becomes the final label: {names}"
        screen = FindScreen(question, title="Choose a reading", does="chooses", known=others)
        self._pane.app.push_screen(screen, named)

    async def unassign(self) -> None:
        """Assign the studies to nobody. Refuses if none of them is assigned."""
        ids = self._ids()
        if ids and not self._worklist.assigned.keys() & set(ids):
            what = f"{safe(ids[0])} is" if len(ids) == 1 else f"None of these {len(ids)} studies is"
            console_of(self._pane).refuse(f"{what} assigned to {'nobody' if len(ids) == 1 else 'anybody'}.")
            return
        await self._invoke("studies.assign", undo=True)

    def assign(self) -> None:
        """Ask for the annotator, then assign the studies."""
        ids = self._ids()
        if not ids:
            self._refuse()
            return

        async def named(client: str | None) -> None:
            if client:
                params = {"studies": ids, "to": client}
                await console_of(self._pane).dispatcher.invoke("studies.assign", params)

        what = ids[0] if len(ids) == 1 else f"these {len(ids)} studies"
        known = known_annotators(console_of(self._pane).state)
        shown = f": {', '.join(known[:SHOWN])}{' …' if len(known) > SHOWN else ''}" if known else ""
        question = f"Client id of the annotator who gets {what} (as set in Slicer){shown}"
        before = self._worklist.assigned.get(ids[0], "")
        screen = FindScreen(question, before, title="Assign", does="assigns", known=known)
        self._pane.app.push_screen(screen, named)

    @property
    def _worklist(self) -> Worklist:
        return console_of(self._pane).state.worklist.value or Worklist()

    def _ids(self) -> tuple[str, ...]:
        return tuple(study.id for study in self._targets())

    def _refuse(self) -> None:
        console_of(self._pane).refuse("There is no study under the cursor.")

    async def _invoke(self, action_id: str, *, undo: bool) -> None:
        ids = self._ids()
        if not ids:
            self._refuse()
            return
        await console_of(self._pane).dispatcher.invoke(action_id, {"studies": ids, "undo": undo})
