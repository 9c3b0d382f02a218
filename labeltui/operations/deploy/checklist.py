"""The way from nothing to a server that answers, as one checklist; each step is left out when it is true already."""

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
    """The steps of a deployment; scripts compare the values."""

    KEY = "key"
    VOLUME = "volume"
    RENT = "rent"
    PROFILE = "profile"
    IMAGE = "image"
    SSH = "ssh"
    AGENT = "agent"
    SETUP = "setup"
    SERVER = "server"


TITLES: Mapping[StepId, str] = {
    StepId.KEY: "SSH key",
    StepId.VOLUME: "Network volume",
    StepId.RENT: "Rent the pod",
    StepId.PROFILE: "Write the profile",
    StepId.IMAGE: "Pull its image and start it",
    StepId.SSH: "Reach it by SSH",
    StepId.AGENT: "Start the agent on it",
    StepId.SETUP: "Install MONAI Label",
    StepId.SERVER: "Start the server",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist. ``state``: waiting, running, done, skipped, failed or cancelled."""

    id: StepId
    title: str
    state: str = "waiting"
    detail: str = ""
    since: datetime | None = None
    took_s: float | None = None
    hint: str = ""
    code: str = ""  # of the problem, where it failed


class Checklist:
    """The steps of one deployment, told as they change."""

    def __init__(self, ids: Iterable[StepId], report: Report, clock: Callable[[], datetime]) -> None:
        self._report = report
        self._clock = clock
        self.steps: dict[StepId, Step] = {name: Step(name, TITLES[name]) for name in ids}
        self.facts: dict[str, Any] = {}  # of the pod, for who shows a price that grows
        for name in self.steps:
            self._tell(name)

    @property
    def running(self) -> StepId | None:
        """The step that is under way."""
        return next((step.id for step in self.steps.values() if step.state == "running"), None)

    def begin(self, name: StepId, detail: str = "") -> None:
        """It is being done."""
        self._change(name, state="running", detail=detail, since=self._clock())

    def say(self, name: StepId, detail: str) -> None:
        """What is going on in it."""
        if self.steps[name].detail != detail:
            self._change(name, detail=detail)

    def line(self, name: StepId, text: str) -> None:
        """Something it printed."""
        self.steps[name] = replace(self.steps[name], detail=text)
        self._report.emit({"step": name.value, "detail": text, "line": text})

    def done(self, name: StepId, detail: str = "", *, skipped: bool = False) -> None:
        """It is true now; ``skipped``: it was before."""
        self._end(name, "skipped" if skipped else "done", detail)

    def failed(self, name: StepId, problem: Problem) -> None:
        """It can't be done."""
        self._end(name, "failed", problem.message, problem.hint, problem.code)

    def cancelled(self, name: StepId) -> None:
        """Somebody would not wait for it."""
        self._end(name, "cancelled", "")

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

    def _end(self, name: StepId, state: str, detail: str, hint: str = "", code: str = "") -> None:
        since = self.steps[name].since
        took = None if since is None else round((self._clock() - since).total_seconds(), 1)
        self._change(name, state=state, detail=detail, took_s=took, hint=hint, code=code)

    def _change(self, name: StepId, **fields: Any) -> None:
        self.steps[name] = replace(self.steps[name], **fields)
        self._tell(name)

    def _tell(self, name: StepId) -> None:
        step = self.steps[name]
        self._report.emit(
            {
                "step": step.id.value,
                "title": step.title,
                "state": step.state,
                "detail": step.detail,
                "since": moment(step.since),
                "took_s": step.took_s,
                "hint": step.hint,
                "code": step.code,
                **self.facts,
            }
        )


class StepReport:
    """The report of an operation that is one step of the checklist: what it says becomes the step's detail."""

    def __init__(self, steps: Checklist, name: StepId) -> None:
        self._steps = steps
        self._name = name

    def progress(self, text: str) -> None:
        """One line for people."""
        self._steps.say(self._name, text)

    def emit(self, record: Mapping[str, Any]) -> None:
        """A record: an inner step's title, or a line."""
        if record.get("line") is not None:
            self._steps.line(self._name, str(record["line"]))
        elif record.get("title"):
            self._steps.say(self._name, f"{record['title']}: {record.get('state', '')}")
