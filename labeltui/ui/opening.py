"""Opens the session while the frame is shown, and asks the operator for secrets and host keys."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from textual.app import App
from textual.screen import ModalScreen

from labeltui.domain.problems import LabeltuiError, Problem
from labeltui.domain.state import Level
from labeltui.hosts.base import HostKey
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.ui.contract import Console, console_of
from labeltui.ui.dispatch import unexpected
from labeltui.ui.screens.dialogs.prompts import HostKeyScreen, SecretScreen
from labeltui.ui.screens.profiles.welcome import WelcomeScreen

T = TypeVar("T")


class ScreenPrompter:
    """Asks the operator with dialogs, one at a time. A dismissed dialog returns None, or False for a host key."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def secret(self, title: str, prompt: str) -> str | None:
        """Ask for a password or passphrase. The input is neither echoed nor stored."""
        return await self._ask(SecretScreen(title, prompt))

    async def trust_host_key(self, key: HostKey) -> bool:
        """Ask whether to trust a new host key."""
        trusted: bool | None = await self._ask(HostKeyScreen(key))
        return trusted is True

    def notice(self, text: str) -> None:
        """Show a line for a moment."""
        console_of(self._app).flash(text, Level.WARNING)

    async def _ask(self, screen: ModalScreen[T]) -> T | None:
        async with self._turn:
            answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

            def answered(value: T | None) -> None:
                if not answer.done():
                    answer.set_result(value)

            await self._app.push_screen(screen, answered)
            try:
                return await answer
            finally:
                if not answer.done() and screen.is_current:
                    screen.dismiss(None)


def open_in_background(app: App[int], launch: Launch | None) -> None:
    """Open the session in a worker. If that fails, show the welcome screen, which says what to do."""
    app.run_worker(
        _open(app, console_of(app), launch or Launch()),
        name="open session",
        group="open",
        exclusive=True,
        exit_on_error=False,
    )


async def _open(app: App[int], console: Console, launch: Launch) -> None:
    console.flash("starting the demo's pod …" if launch.demo is not None else "opening the session …")
    try:
        session = await open_session(launch, ScreenPrompter(app))
        await console.adopt(session)
    except LabeltuiError as error:
        _failed(app, console, launch, error.problem)
    except Exception as error:  # no failure may end the console: show it to the operator
        _failed(app, console, launch, unexpected(error))


def _failed(app: App[int], console: Console, launch: Launch, problem: Problem) -> None:
    if problem.code.nothing_configured:
        console.flash("no session yet: choose what to open")
        app.push_screen(WelcomeScreen(launch, None))
        return
    console.dispatcher.last_problem = ("The session", problem)
    console.flash(f"{problem.message} {problem.hint}".strip(), Level.ERROR)
    if console.session is not None:  # another profile could not be opened: the present one stays
        return
    app.push_screen(WelcomeScreen(launch, problem))
