"""Choose a theme: the console is drawn in the theme under the cursor."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import App
from textual.content import Content
from textual.widgets import OptionList

from labeltui.config.edit import set_values
from labeltui.config.load import find_config_path
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Level
from labeltui.ui.contract import console_of
from labeltui.ui.frame.user_themes import BadThemeError, Themes
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList

WHOSE = {"yours": "your themes", "labeltui": "labeltui's themes", "textual": "Textual's themes"}


class ThemesScreen(PickList):
    """Lists the themes. Moving shows one, enter returns its name, esc brings back the one before."""

    TITLE_TEXT: ClassVar[str] = "Themes"
    FOOT_TEXT: ClassVar[str] = "enter keeps it · esc: the one before"

    def __init__(self, themes: Themes, shown: str) -> None:
        self._themes, self._before = themes, shown
        entries: list[Entry] = []
        whose = ""
        for name, of in themes.names():
            if of != whose:
                whose = of
                entries.append(Entry(Content.styled(WHOSE[of], Tone.FAINT), "", heading=True))
            entries.append(_entry(themes, name, name == shown))
        where = Content.styled(f"Yours: {safe(str(themes.folder))}", Tone.FAINT)
        super().__init__([*entries, Entry(where, "", heading=True)], start=shown)
        self.add_class("-beside")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Draw the console in the theme under the cursor."""
        event.stop()
        if self.chosen is not None and self.chosen.answer is not None:
            self._themes.use(self.chosen.answer)
            console_of(self).paint()

    def action_dismiss_none(self) -> None:
        """Bring back the theme before, and close."""
        self._themes.use(self._before)
        super().action_dismiss_none()


def open_themes(app: App[int], themes: Themes) -> None:
    """List the themes, and store the chosen one in the session's profile. The demo has no profile to store it in."""
    console = console_of(app)

    async def chosen(name: str | None) -> None:
        session = console.session
        if name is None:
            return
        if session is None or session.demo is not None:
            console.flash(f"theme {name}, until the console ends: there is no profile to store it in")
            return
        path = find_config_path(console.launch.config if console.launch is not None else None)
        try:
            await asyncio.to_thread(set_values, path, {("profiles", session.name, "theme"): name})
        except LabeltuiError as error:
            console.flash(f"{error.problem.message} {error.problem.hint}", Level.WARNING)
        else:
            console.flash(f"theme {name}, stored in the profile {session.name}")

    app.push_screen(ThemesScreen(themes, app.theme), chosen)


def _entry(themes: Themes, name: str, shown: bool) -> Entry:
    mark = "●" if shown else " "
    try:
        theme = themes.find(name)
    except BadThemeError as error:
        line = Content.assemble(("✗ ", Tone.BAD), safe(name), (f"  {safe(str(error))}", Tone.BAD))
        return Entry(line, f"{name} {error}")
    kind = "dark" if theme is None or theme.dark else "light"
    line = Content.assemble((f"{mark} ", Tone.BUSY), safe(name), (f"  {kind}", Tone.FAINT))
    return Entry(line, f"{name} {kind}", name)
