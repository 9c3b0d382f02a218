"""Loads themes from ``themes/*.toml``, which is inside an installed package or at the top of a checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

from textual.theme import Theme

DEFAULT_THEME = "labeltui-dark"


def theme_folder() -> Path:
    """Return the folder of theme files."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "themes"
    return shipped if shipped.is_dir() else package.parent / "themes"


def theme_names() -> list[str]:
    """Return the names of the themes that ship with labeltui, sorted."""
    return sorted(path.stem for path in theme_folder().glob("*.toml"))


def default_theme() -> Theme:
    """Return the theme of the first paint."""
    theme = load_theme(DEFAULT_THEME)
    if theme is None:
        raise FileNotFoundError(theme_folder() / f"{DEFAULT_THEME}.toml")
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
