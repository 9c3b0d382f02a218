"""Find and set the fields of the deploy form."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.choice_field import Choice


def text_field(screen: DeployScreen, name: str) -> Input:
    return next(field for field in screen.query(Input) if field.name == name)


def choice_field(screen: DeployScreen, name: str) -> Choice:
    return next(field for field in screen.query(Choice) if field.name == name)


async def choose(pilot: Pilot[Any], screen: DeployScreen, name: str, value: str) -> None:
    """Focus a choice and press right until it has the value."""
    field = choice_field(screen, name)
    field.focus()
    for _ in range(8):
        if field.value == value:
            break
        await pilot.press("right")
        await pilot.pause()
    assert field.value == value
