"""Starts the 3D Slicer of this desk."""

from __future__ import annotations

from labeltui.actions.model import Action, Command
from labeltui.actions.params import Params, switch, text
from labeltui.domain.rules import conditions


class SlicerParams(Params):
    """Parameters of ``slicer``."""

    as_: str | None = text("your name as the client id in Slicer; the profile stores it")
    no_check: bool = switch("start Slicer although its extension MONAILabel was not found")


SLICER = Command(
    "slicer", "Start Slicer", "start 3D Slicer on this desk, connected to the server as the profile's annotator",
    command=("slicer",), disabled=conditions.not_connected, takes=SlicerParams,
)  # fmt: skip
SLICER_ACTIONS: tuple[Action, ...] = (
    SLICER,
    Action(
        "slicer.open", "Slicer", "start 3D Slicer on this desk, connected to the server; asks for your name once",
        key="l", leader="s", disabled=conditions.not_connected, console="slicer",
    ),
)  # fmt: skip
