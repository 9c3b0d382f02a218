"""The steps from no pod to a running server, the state of each step, and the records that report them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from labeltui.domain.documents.documents import moment
from labeltui.domain.problems import Problem
from labeltui.operations.progress import Report


class StepId(StrEnum):
    """The steps of a deployment, in order. Scripts compare the values."""

    KEY = "key"
    VOLUME = "volume"
    RENT = "rent"
    PROFILE = "profile"
    IMAGE = "image"
    SSH = "ssh"
    AGENT = "agent"
    GUARD = "guard"
    SETUP = "setup"
    SERVER = "server"


TITLES: Mapping[StepId, str] = {
    StepId.KEY: "SSH key",
    StepId.VOLUME: "Network volume",
    StepId.RENT: "Rent the pod",
    StepId.PROFILE: "Write the profile",
    StepId.IMAGE: "Pull the image, start the pod",
    StepId.SSH: "Connect to the pod by SSH",
    StepId.AGENT: "Start labeltui's agent",
    StepId.GUARD: "Start the guard",
    StepId.SETUP: "Install MONAI Label",
    StepId.SERVER: "Start the server",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist. ``state`` is waiting, running, done, skipped, failed or cancelled."""

    id: StepId
    title: str
    state: str = "waiting"
    detail: str = ""
    since: datetime | None = None
    took_s: float | None = None
    hint: str = ""
    code: str = ""  # of the problem, where it failed


class Checklist:
    """The steps of one deployment. Every change is emitted as a record."""

    def __init__(self, ids: Iterable[StepId], report: Report, clock: Callable[[], datetime]) -> None:
        self._report = report
        self._clock = clock
        self.steps: dict[StepId, Step] = {step: Step(step, TITLES[step]) for step in ids}
        self.facts: dict[str, Any] = {}  # facts about the pod, added to every later record
        for step in self.steps:
            self._publish(step)

    @property
    def running(self) -> StepId | None:
        """The step that is running; None if none is."""
        return next((step.id for step in self.steps.values() if step.state == "running"), None)

    def begin(self, step: StepId) -> None:
        """Mark the step as running."""
        self._change(step, state="running", since=self._clock())

    def detail(self, step: StepId, text: str) -> None:
        """Set the step's detail: its present activity."""
        if self.steps[step].detail != text:
            self._change(step, detail=text)

    def line(self, step: StepId, text: str) -> None:
        """Emit a line that the step printed, as a separate record that has only the line."""
        self.steps[step] = replace(self.steps[step], detail=text)
        self._report.emit({"step": step.value, "detail": text, "line": text})

    def done(self, step: StepId, detail: str = "", *, skipped: bool = False) -> None:
        """Mark the step as done, or as skipped if there was nothing to do."""
        self._end(step, "skipped" if skipped else "done", detail)

    def failed(self, step: StepId, problem: Problem) -> None:
        """Mark the step as failed."""
        self._end(step, "failed", problem.message, problem.hint, problem.code)

    def cancelled(self, step: StepId) -> None:
        """Mark the step as cancelled, because the operator stopped waiting for it."""
        self._end(step, "cancelled", "")

    def document(self) -> list[dict[str, Any]]:
        """The steps as JSON."""
        return [
            {
                "step": s.id.value,
                "title": s.title,
                "state": s.state,
                "detail": s.detail or None,
                "took_s": s.took_s,
            }
            for s in self.steps.values()
        ]

    def _end(self, step: StepId, state: str, detail: str, hint: str = "", code: str = "") -> None:
        since = self.steps[step].since
        took = None if since is None else round((self._clock() - since).total_seconds(), 1)
        self._change(step, state=state, detail=detail, took_s=took, hint=hint, code=code)

    def _change(self, step: StepId, **fields: Any) -> None:
        self.steps[step] = replace(self.steps[step], **fields)
        self._publish(step)

    def _publish(self, step: StepId) -> None:
        now = self.steps[step]
        self._report.emit(
            {
                "step": now.id.value,
                "title": now.title,
                "state": now.state,
                "detail": now.detail,
                "since": moment(now.since),
                "took_s": now.took_s,
                "hint": now.hint,
                "code": now.code,
                **self.facts,
            }
        )


class StepReport:
    """The report of an operation that is one step of the checklist. Its progress becomes the step's detail."""

    def __init__(self, steps: Checklist, step: StepId) -> None:
        self._steps = steps
        self._step = step

    def progress(self, text: str) -> None:
        """Show one line of progress as the step's detail."""
        self._steps.detail(self._step, text)

    def emit(self, record: Mapping[str, Any]) -> None:
        """Emit a record of the operation: the title of an inner step, or a line that the step printed."""
        if record.get("line") is not None:
            self._steps.line(self._step, str(record["line"]))
        elif record.get("title"):
            self._steps.detail(self._step, f"{record['title']}: {record.get('state', '')}")
