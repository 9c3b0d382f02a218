"""Opens the details, the preview and the review form for the studies of the queue."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from labeltui.actions import BY_ID
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.domain.state import SessionState
from labeltui.domain.studies.preview import Preview
from labeltui.domain.studies.review import STATUSES
from labeltui.domain.studies.study import Study
from labeltui.operations.progress import Silent
from labeltui.ui.contract import console_of
from labeltui.ui.panes.queue.worklist import WorklistVerbs
from labeltui.ui.screens.action_form import FormScreen, models_of, notes
from labeltui.ui.screens.preview.labels import Choice, choices
from labeltui.ui.screens.preview.screen import PreviewScreen
from labeltui.ui.screens.study import LABEL, DeletionScreen, StudyScreen

if TYPE_CHECKING:
    from labeltui.session.session import Session

REVIEW, DELETE, INFER, PREVIEW = "studies.review", "studies.delete", "infer.batch", "queue.preview"
DOUBLE, CHOOSE = "studies.double", "studies.choose"


class StudyVerbs:
    """Acts on studies; ``targets`` returns the marked ones, or the one under the cursor, and ``chosen`` that one."""

    def __init__(
        self, pane: Widget, targets: Callable[[], Sequence[Study]], chosen: Callable[[], Study | None]
    ) -> None:
        self._pane, self._targets, self._chosen = pane, targets, chosen

    def show(self) -> None:
        """Open the details of the study under the cursor."""
        console, study = console_of(self._pane), self._chosen()
        session = console.session
        if study is None or session is None:
            console.refuse("There is no study under the cursor.")
            return

        async def load() -> Mapping[str, Any]:
            from labeltui.operations.run import run_action  # noqa: PLC0415 - after first paint

            return await run_action(session, "studies.show", {"study": study.id}, Silent())

        async def chosen(verb: str | None) -> None:
            if verb == REVIEW:
                self._judge([study])
            elif verb == PREVIEW:
                self._preview(study)
            elif verb == DELETE:
                await self.delete(study)
            elif verb in (DOUBLE, CHOOSE):
                verbs = WorklistVerbs(self._pane, lambda: [study])
                await (verbs.choose() if verb == CHOOSE else verbs.double())
            elif verb is not None:
                params = {"studies": (study.id,)} if verb == "labels.restore" else {"study": study.id}
                await console.dispatcher.invoke(verb, params)

        async def preview() -> Preview:
            if (why := console.dispatcher.why_not(BY_ID[PREVIEW])) is not None:
                raise Refused(Code.NOT_CONNECTED, f"{why}.")
            first = choices(_newest(console.state, study), (), console.clock())[:1]
            labels = [(one.tag, one.version) for one in first]
            return await _open(session, study, labels, lambda _text: None, fetch=False)

        self._pane.app.push_screen(StudyScreen(documents.study_document(study), load, preview), chosen)

    @property
    def verbs(self) -> Mapping[str, Callable[[], None]]:
        """The methods that a key of the study leader runs, by the names that the registry uses."""
        return {"show": self.show, "review": self.review, "infer": self.infer, "preview": self.preview}

    def preview(self) -> None:
        """Open the planes of the study under the cursor."""
        self._preview(self._chosen())

    def _preview(self, study: Study | None) -> None:
        console = console_of(self._pane)
        session = console.session
        why = console.dispatcher.why_not(BY_ID[PREVIEW]) if study else "There is no study under the cursor."
        if study is None or session is None or why is not None:
            console.refuse(f"Preview: {why}")
            return

        async def opened(labels: Sequence[tuple[str, str]], progress: Callable[[str], None]) -> Preview:
            return await _open(session, study, labels, progress)

        async def labels() -> Sequence[Choice]:
            folder = session.labels.folder
            with suppress(OSError):
                await asyncio.to_thread(folder.index.refresh)
            copies = [entry for entry, _ in folder.index.versions() if entry.study == study.id]
            return choices(_newest(console.state, study), copies, console.clock())

        self._pane.app.push_screen(PreviewScreen(study.id, opened, labels))

    async def delete(self, study: Study | None) -> None:
        """Delete a study. If it has labels, first ask whether to delete the study or only one label."""
        console = console_of(self._pane)
        if study is None:
            console.refuse("There is no study under the cursor.")
            return
        if not study.tags:
            await console.dispatcher.invoke(DELETE, {"study": study.id})
            return

        async def chosen(what: str | None) -> None:
            if what is not None:
                label = {"label": what.removeprefix(LABEL)} if what else {}
                await console.dispatcher.invoke(DELETE, {"study": study.id, **label})

        self._pane.app.push_screen(DeletionScreen(study), chosen)

    def review(self) -> None:
        """Ask for the judgement of the marked studies, and write it."""
        self._judge(self._targets())

    def infer(self) -> None:
        """Ask for the model that labels the marked studies, then let it label them."""
        console, action, studies = console_of(self._pane), BY_ID[INFER], self._targets()
        why = console.dispatcher.why_not(action) if studies else "There is no study under the cursor."
        if why is not None:
            console.refuse(f"{action.title}: {why}")
            return
        ids = [study.id for study in studies]
        initial = {"images": "marked", "studies": shlex.join(ids)}

        async def asked(params: dict[str, Any] | None) -> None:
            if params is not None:
                marked = params.get("images", "marked") == "marked"
                given = {"images": "marked", "studies": ids, **params} if marked else params
                await console.dispatcher.invoke(action.id, given)

        state = console.state
        form = FormScreen(
            action, initial, state, notes=notes(action, state), models=models_of(console.session)
        )
        self._pane.app.push_screen(form, asked)

    def _judge(self, studies: Sequence[Study]) -> None:
        console, action = console_of(self._pane), BY_ID[REVIEW]
        why = console.dispatcher.why_not(action) if studies else "There is no study under the cursor."
        if why is not None:
            console.refuse(f"{action.title}: {why}")
            return
        ids = [study.id for study in studies]
        before = {study.review for study in studies}
        status = before.pop() if len(before) == 1 else ""
        initial = {"studies": shlex.join(ids), "status": status if status in STATUSES else ""}

        async def judged(params: dict[str, Any] | None) -> None:
            if params is not None:
                await console.dispatcher.invoke(action.id, {"studies": ids, **params})

        self._pane.app.push_screen(FormScreen(action, initial, console.state), judged)


async def _open(
    session: Session,
    study: Study,
    labels: Sequence[tuple[str, str]],
    progress: Callable[[str], None],
    *,
    fetch: bool = True,
) -> Preview:
    from labeltui.operations.studies.preview import open_preview  # noqa: PLC0415 - after first paint

    return await open_preview(session, study.id, labels, progress, fetch=fetch)


def _newest(state: SessionState, study: Study) -> Study:
    """Return the study as the list has it now."""
    queue = state.queue.value
    return next((one for one in queue.studies if one.id == study.id), study) if queue else study
