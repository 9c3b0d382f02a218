"""The content of every pane."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from textual.content import Content

from labeltui.domain.state import SessionState
from labeltui.ui.contract import Pane
from labeltui.ui.panes.card import Card
from labeltui.ui.panes.extras import AlertsCard, TunnelsCard
from labeltui.ui.panes.pod import PodCard
from labeltui.ui.panes.queue import QueuePane
from labeltui.ui.panes.training import TrainingCard


class Placeholder(Card):
    """Stands in for a pane whose widget is not there."""

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """One line."""
        return [Content("This pane comes with another part of labeltui.")]


def stream_pane(module: str, name: str) -> Pane:
    """The pane of that name, or a stand-in where this build has none."""
    path = f"labeltui.ui.panes.{module}"
    try:
        found: Pane = getattr(import_module(path), name)()
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        found = Placeholder()
    return found


def make_panes() -> dict[str, Pane]:
    """One widget for each frame, by pane name."""
    return {
        "pod": PodCard(),
        "shell": stream_pane("shell", "ShellPane"),
        "log": stream_pane("log", "LogPane"),
        "queue": QueuePane(),
        "training": TrainingCard(),
        "tunnels": TunnelsCard(),
        "alerts": AlertsCard(),
    }
