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


def _stream_pane(module: str, name: str) -> Pane:
    try:
        found: Pane = getattr(import_module(f"labeltui.ui.panes.{module}"), name)()
    except ModuleNotFoundError:
        found = Placeholder()
    return found


def make_panes() -> dict[str, Pane]:
    """One widget for each frame, by pane name."""
    return {
        "pod": PodCard(),
        "shell": _stream_pane("shell", "ShellPane"),
        "log": _stream_pane("log", "LogPane"),
        "queue": QueuePane(),
        "training": TrainingCard(),
        "tunnels": TunnelsCard(),
        "alerts": AlertsCard(),
    }
