"""Runs the actions that a scenario of the demo starts with, as if the operator had run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.actions import BY_ID
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.operations.run import run_action
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Owned
from labeltui.session.session import Session

CONFIRMED = ("delete", "restore")
"""The steps that need a confirmation. The demo confirms them itself."""
FIRST_ACTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "pod": ("pod.create", {"gpu": "RTX A5000", "max_price": 1.0}),
    "setup": ("setup", {}),
    "server": ("server.start", {}),
    "next": ("studies.order", {"studies": ("spleen_012",)}),
    "twice": ("studies.double", {"studies": ("spleen_012",)}),
    "delete": ("studies.delete", {"study": "spleen_003", "label": "final"}),
    "restore": ("studies.restore", {"study": "spleen_003"}),
    "train": ("train.start", {}),
    "scores": ("server.start", {"conf": {"skip_scoring": "false"}}),
    "readings": ("studies.double", {"studies": ("spleen_002",)}),
    "learn": ("train.start", {"max_epochs": 2, "follow": True}),
    "pull": ("models.pull", {}),
    "score": ("score", {"method": "dice"}),
    "infer": ("infer.batch", {"images": "labelled"}),
}


class _StepReport:
    """A progress report that shows only its newest line in the console."""

    def __init__(self, line: Owned[str], title: str) -> None:
        self._line, self._title = line, title

    def progress(self, text: str) -> None:
        """Show a line."""
        self._line.write(f"{self._title}: {text}")

    def emit(self, record: Mapping[str, Any]) -> None:
        """Show the last line that a step has printed, or else the step's title."""
        text = record.get("line") or (record.get("title") if record.get("state") != "waiting" else None)
        if text:
            self.progress(str(text))


async def autostart(session: Session, names: tuple[str, ...]) -> None:
    """Run the named actions in order. The first failure raises an alert and ends the sequence."""
    if names[:1] != ("pod",):
        await session.readiness.settled()
    line = session.store.own(Fields.demo_step)
    for name in names:
        action, params = FIRST_ACTIONS[name]
        title = BY_ID[action].title
        report = _StepReport(line, title)
        report.progress("…")
        try:
            await run_action(session, action, params, report, confirmed=name in CONFIRMED)
        except LabeltuiError as error:
            problem = error.problem
            text = f"{title}: {problem.message}"
            session.store.alert(Alert("autostart", Level.ERROR, text, problem.hint, session.clock()))
            return
        finally:
            line.write("")
