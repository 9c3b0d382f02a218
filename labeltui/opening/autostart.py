"""In the demo, what a person would have done by now, run as a person would run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions import BY_ID
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.operations.run import run_action
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Owned

if TYPE_CHECKING:
    from labeltui.session.session import Session

DOINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "pod": ("pod.create", {"gpu": "RTX A5000", "max_price": 1.0}),
    "setup": ("setup", {}),
    "server": ("server.start", {}),
    "train": ("train.start", {}),
}


class _Aloud:
    """A report that the console shows while it goes on."""

    def __init__(self, doing: Owned[str], title: str) -> None:
        self._doing, self._title = doing, title

    def progress(self, text: str) -> None:
        """One line for people."""
        self._doing.write(f"{self._title}: {text}")

    def emit(self, record: Mapping[str, Any]) -> None:
        """A step or an epoch: its title, and the line it has just printed."""
        said = record.get("line") or (record.get("title") if record.get("state") != "waiting" else None)
        if said:
            self.progress(str(said))


async def autostart(session: Session, doings: tuple[str, ...]) -> None:
    """Do these one after the other; the first that fails becomes an alert, and is the last."""
    if doings[:1] != ("pod",):
        await session.readiness.settled()
    doing = session.store.own(Fields.demo_step)
    for name in doings:
        action, params = DOINGS[name]
        title = BY_ID[action].title
        report = _Aloud(doing, title)
        report.progress("…")
        try:
            await run_action(session, action, params, report)
        except LabeltuiError as error:
            problem = error.problem
            text = f"{title}: {problem.message}"
            session.store.alert(Alert("autostart", Level.ERROR, text, problem.hint, session.clock()))
            return
        finally:
            doing.write("")
