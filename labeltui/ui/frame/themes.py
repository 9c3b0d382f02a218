"""Loads themes from ``themes/*.toml``, which is inside an installed package or at the top of a checkout.

Also decides about ASCII and motion, because no module is added to those of the first paint.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from textual import constants
from textual.app import App
from textual.theme import Theme
from textual.widget import Widget

from labeltui.support.desk import has_unicode

if TYPE_CHECKING:
    from textual.filter import LineFilter

AUTOMATIC = "auto"
DEFAULT_THEME = "labeltui-dark"
ANSI_THEME = "labeltui-ansi"
FEW_COLOURS = (None, "standard", "windows")
"""Rich's names of the terminals that have at most 16 colours."""


class Appearance:
    """How the console is drawn, apart from its colours: with which characters, and whether anything moves."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self.in_ascii = self.is_still = False
        self.filters: list[LineFilter] = []
        """Filters for every row that is drawn."""

    def choose(self, glyphs: str = "auto", motion: str = "auto") -> None:
        """Draw as the settings of a profile say. ``auto`` asks the environment."""
        in_ascii = glyphs == "ascii" or (glyphs == "auto" and not has_unicode(os.environ))
        is_still = motion == "reduced" or constants.TEXTUAL_ANIMATIONS == "none"
        self._app.animation_level = "none" if is_still else constants.TEXTUAL_ANIMATIONS
        if (in_ascii, is_still) != (self.in_ascii, self.is_still):
            from labeltui.ui.frame.filters import Ascii, Steady  # noqa: PLC0415 - most terminals need neither

            self.in_ascii, self.is_still = in_ascii, is_still
            self.filters = [*([Ascii()] if in_ascii else ()), *([Steady()] if is_still else ())]
            for widget in self._app.walk_children(Widget):
                widget.refresh()

    def written(self, text: str) -> str:
        """Return text for the terminal itself, such as its title, in characters that it has."""
        if not self.in_ascii:
            return text
        from labeltui.domain.glyphs import in_ascii  # noqa: PLC0415 - as above

        return in_ascii(text)


def theme_folder() -> Path:
    """Return the folder of theme files."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "themes"
    return shipped if shipped.is_dir() else package.parent / "themes"


def theme_names() -> list[str]:
    """Return the names of the themes that ship with labeltui, sorted."""
    return sorted(path.stem for path in theme_folder().glob("*.toml"))


def automatic_name(color_system: str | None) -> str:
    """Return the name of the theme for an operator who chose none; ``color_system`` is Rich's name of the colours."""
    return ANSI_THEME if color_system in FEW_COLOURS else DEFAULT_THEME


def automatic_theme(color_system: str | None) -> Theme:
    """Return the theme of the first paint; see :func:`automatic_name`."""
    name = automatic_name(color_system)
    theme = load_theme(name)
    if theme is None:
        raise FileNotFoundError(theme_folder() / f"{name}.toml")
    return theme


def load_theme(name: str) -> Theme | None:
    """Load labeltui's theme ``name``; None if there is no such file, as for Textual's own themes."""
    path = theme_folder() / f"{name}.toml"
    if "/" in name or not path.is_file():
        return None
    with path.open("rb") as file:
        declared = tomllib.load(file)
    return Theme(
        name=declared["name"],
        dark=declared["dark"],
        ansi=declared.get("ansi", False),
        variables=declared.get("variables", {}),
        **declared["colors"],
    )
