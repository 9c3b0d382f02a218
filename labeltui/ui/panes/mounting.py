"""Creates the widgets of all panes."""

from __future__ import annotations

from labeltui.ui.contract import Pane
from labeltui.ui.panes.costcard import CostCard
from labeltui.ui.panes.extras import AlertsCard, TunnelsCard
from labeltui.ui.panes.log.pane import LogPane
from labeltui.ui.panes.pod import PodCard
from labeltui.ui.panes.queue.pane import QueuePane
from labeltui.ui.panes.shell.pane import ShellPane
from labeltui.ui.panes.training import TrainingCard


def make_panes() -> dict[str, Pane]:
    """Create all panes, by pane name."""
    return {
        "pod": PodCard(),
        "shell": ShellPane(),
        "log": LogPane(),
        "queue": QueuePane(),
        "training": TrainingCard(),
        "tunnels": TunnelsCard(),
        "cost": CostCard(),
        "alerts": AlertsCard(),
    }
