"""Runs the registry's actions for the console: checks, asks to confirm if needed, flashes the result."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from textual.worker import Worker

from labeltui.actions import BY_ID, Action, Danger, why_disabled
from labeltui.domain.failure_codes import Code
from labeltui.domain.offers import OTHER_OFFERS, SERVER_OFFERS, TRAINING_OFFERS, with_offers
from labeltui.domain.problems import LabeltuiError, Problem
from labeltui.domain.rules.pod import NAMED, about, called, is_own
from labeltui.domain.state import Level, SessionState
from labeltui.support.file_errors import sentence
from labeltui.ui.contract import Console
from labeltui.ui.running import STORED_LINES, Running

if TYPE_CHECKING:
    from labeltui.session.session import Session

EVER = datetime.min.replace(tzinfo=UTC)
"""Stands for the time of a failure that is not known, so that a failure with a time counts as newer."""


class ActingConsole(Console, Protocol):
    """The part of the console that the dispatcher uses."""

    def why_no_terminal(self) -> str | None:
        """Why a shell can't take over the whole terminal, as text; None if it can."""
        ...

    async def run_action(self, action: str) -> bool:
        """Run one of the console's own actions, given in Textual's syntax."""
        ...

    def run_worker(
        self, work: Coroutine[Any, Any, None], name: str, group: str, *, exit_on_error: bool
    ) -> Worker[None]:
        """Run a coroutine in the background."""
        ...

    def flash(self, text: str, level: Level = ..., *, failure: bool = ...) -> None:
        """Show one line above the keys. For the ``failure`` of an action, with the key of what may solve it."""
        ...

    def action_started(self, running: Running) -> None:
        """Show that an action runs."""
        ...

    def action_progressed(self, running: Running) -> None:
        """Show that an action reported progress."""
        ...

    def action_ended(self, running: Running, level: Level) -> None:
        """Show that an action has ended; its result has been flashed already."""
        ...


class ConsoleReport:
    """Stores the progress and records of a running action, and notifies the console."""

    def __init__(self, dispatcher: Dispatcher, running: Running) -> None:
        self._dispatcher = dispatcher
        self._running = running

    def progress(self, text: str) -> None:
        """Store and show one line of progress."""
        self._running.last = text
        self._store_line(text)
        self._dispatcher.changed(self._running)

    def emit(self, record: Mapping[str, Any]) -> None:
        """Store a record. The console uses steps and output lines, and ignores other records."""
        step = record.get("step", record.get("check"))
        if step is not None:
            entry = self._running.steps.setdefault(str(step), {})
            entry.update({key: value for key, value in record.items() if key != "line"})
            self._running.last = str(entry.get("title") or step)
        line = record.get("line")
        if line is not None:
            self._store_line(str(line))
        self._dispatcher.changed(self._running)

    def _store_line(self, line: str) -> None:
        self._running.lines.append(line)
        del self._running.lines[:-STORED_LINES]


class Dispatcher:
    """Runs each action in a worker of its own."""

    def __init__(self, app: ActingConsole) -> None:
        self._app = app
        self.running: dict[str, Running] = {}
        self.last_problem: tuple[str, Problem] | None = None
        self.failed_at: datetime | None = None  # when the action of last_problem failed
        self.failed_params: dict[str, Mapping[str, Any]] = {}  # of actions that failed or were cancelled last
        self.refused_by_lease: str | None = None  # the id of the action

    def why_not(self, action: Action, pod: str | None = None) -> str | None:
        """Why the action can't run now, as text; None if it can. ``pod`` is the id of the pod to act on."""
        if not action.console and self._app.session is None:
            return "no session is open yet"
        if action.needs_terminal and (why := self._app.why_no_terminal()) is not None:
            return why
        if action.id in self.running:
            return "this action is already running"
        return why_disabled(action, about(self._app.state, pod))

    async def invoke(self, action_id: str, params: Mapping[str, Any] | None = None) -> None:
        """Run the action, or flash the reason if it can't run. Asks for confirmation if it is dangerous."""
        action, params = BY_ID[action_id], params or {}
        pod_id = params.get("pod") if action.takes_pod else None
        why = self.why_not(action, pod_id)
        if why is not None:
            self._app.refuse(f"{action.title}: {why}")
            return
        if action.console:
            # A console action takes its parameters as one mapping of plain values.
            await self._app.run_action(f"{action.console}({dict(params)!r})" if params else action.console)
            return
        if action.reads_first == "always" and (session := self._app.session) is not None:
            self._app.run_worker(
                self._read_first(session, action, params),
                action.title,
                f"before-{action.id}",
                exit_on_error=False,
            )
            return
        self._ask(action, params)

    async def _read_first(self, session: Session, action: Action, params: Mapping[str, Any]) -> None:
        """Read what the question depends on, then ask."""
        from labeltui.operations.table import BEFORE_ASKING  # noqa: PLC0415 - after first paint

        self._app.flash(f"{action.title}: reading what the host has …")
        try:
            note = await BEFORE_ASKING[action.id](session, params)
        except Exception as error:  # no failure of an action may end the console
            self.failed_params[action.id] = params
            problem = error.problem if isinstance(error, LabeltuiError) else unexpected(error)
            self._app.flash(self._failed(action, problem), Level.ERROR, failure=True)
        else:
            if self._app.session is session:
                self._ask(action, params, note)

    def _ask(self, action: Action, params: Mapping[str, Any], note: str = "") -> None:
        """Ask for confirmation if the action needs one, then start it. ``note`` comes before the question."""
        pod_id = params.get("pod") if action.takes_pod else None
        state = about(self._app.state, pod_id)
        question = action.ask(state, params)
        if action.danger in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE) or question is not None:
            typed = action.name_to_type(state) if action.danger is Danger.IRREVERSIBLE else None
            question = " ".join(filter(None, (note, question or f"{action.help.capitalize()}?")))
            pod = state.pod.value
            if pod_id is not None and pod is not None and not is_own(self._app.state, pod):
                question = f"{called(pod)} ({pod.id}) is not this profile's pod. {question}"
                params = {**params, NAMED: called(pod)}
            self._app.confirm(
                action.title, question, lambda yes: self._start(action, params) if yes else None, typed=typed
            )
            return
        self._start(action, params)

    def _start(self, action: Action, params: Mapping[str, Any]) -> None:
        session = self._app.session
        if session is None:  # the session was closed while the question was open
            return
        running = Running(action, last="…", params=params)
        self.running[action.id] = running
        running.worker = self._app.run_worker(
            self._perform(session, running, params),
            name=action.title,
            group=f"action-{action.id}",
            exit_on_error=False,
        )
        self.changed(running)
        self._app.action_started(running)

    async def _perform(self, session: Session, running: Running, params: Mapping[str, Any]) -> None:
        from labeltui.operations.run import run_action  # noqa: PLC0415 - after first paint

        action = running.action
        text, level = f"{action.title}: done", Level.INFO
        try:
            document = await run_action(
                session, action.id, params, ConsoleReport(self, running), confirmed=True
            )
            running.document = document
            self.failed_params.pop(action.id, None)
            text = f"{action.title}: {_outcome(document)}"
        except asyncio.CancelledError:
            self.failed_params[action.id] = params
            text, level = f"{action.title}: cancelled", Level.WARNING
            raise
        except LabeltuiError as error:
            self.failed_params[action.id] = params
            self.refused_by_lease = action.id if error.problem.code is Code.LEASE_HELD else None
            text, level = self._failed(action, error.problem), Level.ERROR
        except Exception as error:  # no failure of an action may end the console
            text, level = self._failed(action, unexpected(error)), Level.ERROR
        finally:
            self.running.pop(action.id, None)
            self._app.flash(text, level, failure=level is Level.ERROR)
            self._app.action_ended(running, level)

    def _failed(self, action: Action, problem: Problem) -> str:
        self.last_problem, self.failed_at = (action.title, problem), self._app.clock()
        hint = f" {problem.hint}" if problem.hint else ""
        more = f" ({self._app.keymap.keys_of(BY_ID['server.problem'])} shows more)" if problem.detail else ""
        return f"{action.title}: {problem.message}{hint}{more}"

    def changed(self, running: Running) -> None:
        """Notify the console that an action reported progress."""
        self._app.action_progressed(running)

    def cancel(self) -> bool:
        """Cancel the action that was started last. Returns False if none runs."""
        for running in reversed(self.running.values()):
            if running.worker is not None and not running.worker.is_finished:
                running.worker.cancel()
                return True
        return False

    def forget(self) -> None:
        """Cancel every running action, and forget the failures: they belong to a session that is left."""
        for running in self.running.values():
            if running.worker is not None:
                running.worker.cancel()
        self.last_problem, self.failed_at, self.failed_params = None, None, {}
        self.refused_by_lease = None


def unexpected(error: Exception) -> Problem:
    """Convert an unexpected exception to a problem.

    It is about a file of this desk, or about a fault in labeltui, with the traceback.
    """
    details = "".join(traceback.format_exception(error))
    if (unusable := sentence(error)) is not None:
        return Problem(Code.NOT_WRITTEN, unusable, "Solve this on this machine, then try again.", details)
    what = f"{type(error).__name__}: {error}"
    return Problem(Code.INTERNAL, what, "This is an error in labeltui, not on the host.", details)


def _outcome(document: Mapping[str, Any]) -> str:
    """Summarise the document that an action returned: its message or state, and its URL; else ``done``."""
    parts = []
    if document.get("message"):
        parts.append(str(document["message"]))
    elif document.get("state"):
        parts.append(str(document["state"]))
    if document.get("url"):
        parts.append(str(document["url"]))
    return " · ".join(parts) or "done"


def newest_failure(state: SessionState, dispatcher: Dispatcher, now: datetime) -> tuple[str, Problem] | None:
    """Return the newest failure of an action, the connection, the training or the server.

    It has actions that may solve it.
    """
    server, training = state.server.value, state.training.value
    found: list[tuple[datetime, str, Problem]] = []
    if dispatcher.last_problem is not None:
        title, problem = dispatcher.last_problem
        found.append((dispatcher.failed_at or EVER, title, with_offers(problem, OTHER_OFFERS)))
    lost = next((alert for alert in state.alerts if alert.key == "host"), None)
    if lost is not None:
        problem = Problem(Code.UNREACHABLE, lost.message, lost.hint)
        found.append((lost.at, "The connection", with_offers(problem, OTHER_OFFERS)))
    if server is not None and server.problem is not None:
        known = _failed_at(state, "server", server.problem)
        found.append((known or EVER, "The server", with_offers(server.problem, SERVER_OFFERS)))
    if training is not None and training.problem is not None:
        at = training.ended_at or _failed_at(state, "training", training.problem) or now
        found.append((at, "The training", with_offers(training.problem, TRAINING_OFFERS)))
    return max(found, key=lambda one: one[0])[1:] if found else None


def shown_problem(state: SessionState, dispatcher: Dispatcher) -> tuple[str, Problem] | None:
    """Return the server's problem, else the training's, else that of the action that failed last."""
    server, training = state.server.value, state.training.value
    if server is not None and server.problem is not None:
        return "The server", server.problem
    if training is not None and training.problem is not None:
        return "The training", training.problem
    return dispatcher.last_problem


def _failed_at(state: SessionState, key: str, problem: Problem) -> datetime | None:
    """Return the time of the alert for a problem; None if there is no such alert."""
    times = [one.at for one in state.alerts if (one.key, one.message) == (key, problem.message)]
    return times[-1] if times else None
