"""The deploy screen in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.pilot import Pilot

from labeltui.ui.app import Console
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.ui.fake_market import RentingSession
from tests.ui.fake_session import settled, wait_for
from tests.ui.screen_text import screen_text
from tests.ui.screens.deploy.deploy_form import choose

SMALL, MIDDLE = (80, 24), (120, 40)


class Opened:
    """The form over a console, and what came of it."""

    def __init__(self, pilot: Pilot[Any], screen: DeployScreen, session: RentingSession) -> None:
        self.pilot, self.screen, self.session = pilot, screen, session
        self.asked: list[Mapping[str, Any]] = []

    def text(self) -> str:
        return screen_text(self.pilot.app)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def set(self, name: str, value: str) -> None:
        await choose(self.pilot, self.screen, name, value)

    async def rent(self) -> Mapping[str, Any]:
        await self.press("ctrl+s")
        await wait_for(self.pilot, lambda: isinstance(self.pilot.app.screen, ConfirmScreen), "the question")
        await self.press("y")
        await wait_for(self.pilot, lambda: self.asked, "the request")
        return self.asked[0]


async def opened(pilot: Pilot[Any], prefill: Mapping[str, Any] | None = None) -> Opened:
    app = pilot.app
    assert isinstance(app, Console)
    await settled(pilot)
    session: Any = app.session
    screen = DeployScreen(session, prefill)
    form = Opened(pilot, screen, session)
    app.push_screen(screen, lambda params: form.asked.append(params) if params is not None else None)
    await wait_for(pilot, lambda: screen.gpus.offer is not None, "offers")
    await pilot.pause()
    return form
