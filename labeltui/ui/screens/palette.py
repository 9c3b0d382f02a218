"""Lists the action registry in Textual's command palette."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input

from labeltui.actions import ACTIONS, Action
from labeltui.ui.contract import Console, console_of
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.help import offered


class Palette(CommandPalette):
    """Textual's command palette with all actions. Its cursor does not blink."""

    def __init__(self) -> None:
        super().__init__(providers=[RegistryProvider], placeholder="What do you want to do?")

    def on_mount(self) -> None:
        """Make the cursor steady."""
        self.query_one(Input).cursor_blink = False


class RegistryProvider(Provider):
    """Lists all actions by name. Actions that can't run now are faint and show the reason."""

    @property
    def _console(self) -> Console:
        return console_of(self.screen)

    def _actions(self) -> list[Action]:
        keymap = self._console.keymap
        return [a for a in ACTIONS if (keymap.keys_of(a) or offered(a)) and a.id != "palette"]

    def _run(self, action: Action) -> Callable[[], Any]:
        return partial(self._console.dispatcher.invoke, action.id)

    def _display(self, action: Action, title: Content, why: str | None) -> Content:
        keys = self._console.keymap.keys_of(action)
        tail = f"  {keys}" if keys else ""
        if why is None:
            return Content.assemble(title, (tail, "$text-accent"))
        return Content.assemble(
            (action.title, Tone.FAINT), (tail, Tone.FAINT), (f"  not now: {why}", Tone.WARN)
        )

    async def discover(self) -> Hits:
        """Yield all actions; actions that can run now come first."""
        reasons = [(action, self._console.dispatcher.why_not(action)) for action in self._actions()]
        for action, why in sorted(reasons, key=lambda item: item[1] is not None):
            display = self._display(action, Content(action.title), why)
            yield DiscoveryHit(display, self._run(action), action.title, action.help)

    async def search(self, query: str) -> Hits:
        """Yield the actions whose title or id matches."""
        matcher = self.matcher(query)
        for action in self._actions():
            score = max(matcher.match(action.title), matcher.match(action.id) * 0.9)
            if score > 0:
                why = self._console.dispatcher.why_not(action)
                title = matcher.highlight(action.title)
                shown = self._display(action, title, why)
                yield Hit(
                    score if why is None else score * 0.5, shown, self._run(action), action.title, action.help
                )
