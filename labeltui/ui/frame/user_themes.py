"""Themes of the operator: TOML files in the folder ``themes`` beside the profile file, read again when they change."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from textual.color import Color, ColorParseError
from textual.theme import Theme

from labeltui.config.paths import find_config_path
from labeltui.config.positions import KeyPath, find_positions
from labeltui.domain.state import Level
from labeltui.opening.launch import Launch
from labeltui.ui.frame.themes import AUTOMATIC, DEFAULT_THEME, automatic_name, load_theme, theme_names

TOP = ("name", "dark", "ansi", "colors", "variables")
OTHERS = ("textual-dark", "textual-light")
TONES = ("primary", "secondary", "accent", "success", "warning", "error")
LARGEST = 64 * 1024
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


class BadThemeError(Exception):
    """A theme file can't be used; the text names the file, the line and the reason."""


def user_folder(launch: Launch | None) -> Path:
    """Return the folder of the operator's themes."""
    return find_config_path(launch.config if launch is not None else None).parent / "themes"


class ThemedConsole(Protocol):
    """The part of the console that shows a theme."""

    theme: str
    """The name of the theme in use."""

    @property
    def console(self) -> Console:
        """Rich's console, which knows the terminal's colours."""
        ...

    @property
    def available_themes(self) -> Mapping[str, Theme]:
        """Every registered theme by name, Textual's own included."""
        ...

    def register_theme(self, theme: Theme) -> None:
        """Make a theme known; it replaces one of the same name."""
        ...

    def flash(self, text: str, level: Level = ...) -> None:
        """Show one line above the keys."""
        ...


class Themes:
    """Applies themes by name: first the operator's, then labeltui's, then Textual's."""

    def __init__(self, app: ThemedConsole, folder: Callable[[], Path]) -> None:
        """``folder`` returns the folder of the operator's themes, which need not exist."""
        self._app, self._folder = app, folder
        self._stamp: tuple[int, int] | None = None
        self._shown = app.theme

    @property
    def folder(self) -> Path:
        """The folder of the operator's themes."""
        return self._folder()

    def names(self) -> list[tuple[str, str]]:
        """Return each theme's name and whose it is: ``yours``, ``labeltui`` or ``textual``."""
        own = sorted(path.stem for path in self._own())
        shipped = [name for name in theme_names() if name not in own]
        others = sorted(name for name in self._app.available_themes if name not in (*own, *shipped))
        return [
            *((name, "yours") for name in own),
            *((name, "labeltui") for name in shipped),
            *((name, "textual") for name in others),
        ]

    def find(self, name: str) -> Theme | None:
        """Return a theme; None if there is none of that name. Raises BadThemeError."""
        path = next((path for path in self._own() if path.stem == name), None)
        if path is not None:
            return read_theme(path)
        return load_theme(name) or self._app.available_themes.get(name)

    def use(self, name: str) -> bool:
        """Show a theme. Flash a warning and change nothing if it is unknown or its file is wrong.

        ``auto`` is the theme for the terminal's colours.
        """
        if name == AUTOMATIC:
            name = automatic_name(self._app.console.color_system)
        self._stamp = self._stamp_of(name)
        try:
            theme = self.find(name)
        except BadThemeError as error:
            self._app.flash(str(error), Level.WARNING)
            return False
        if theme is None:
            self._app.flash(f"there is no theme {name!r}", Level.WARNING)
            return False
        self._shown = name
        if self._app.available_themes.get(name) != theme or self._app.theme != name:
            self._app.register_theme(theme)
            if self._app.theme == name:
                self._app.theme = OTHERS[name == OTHERS[0]]  # else it is not drawn again
            self._app.theme = name
        return True

    def refresh(self) -> None:
        """Show the theme in use again if its file has changed."""
        stamp = self._stamp_of(self._shown)
        if stamp is not None and stamp != self._stamp:
            self.use(self._shown)

    def _own(self) -> Iterable[Path]:
        try:
            return [path for path in self.folder.glob("*.toml") if path.is_file()]
        except OSError:
            return []

    def _stamp_of(self, name: str) -> tuple[int, int] | None:
        if "/" in name or "\\" in name:
            return None
        try:
            found = (self.folder / f"{name}.toml").stat()
        except (OSError, ValueError):
            return None
        return found.st_mtime_ns, found.st_size


def read_theme(path: Path) -> Theme:
    """Read a theme of the operator. What it does not set is as in labeltui's dark or light theme.

    A colour of ``[colors]`` is also the colour of text in it. Raises BadThemeError.
    """
    shown = f"{path.parent.name}/{path.name}"  # a whole path would leave no room for the reason
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode()
        declared = tomllib.loads(text)
    except OSError as error:
        raise BadThemeError(f"{shown} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadThemeError(f"{shown}:1: the file is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = found[1] if found else text.count("\n") + 1
        reason = _AT_LINE.sub("", str(error))
        raise BadThemeError(f"{shown}:{line}: the file is not valid TOML: {reason}.") from None
    if len(content) > LARGEST:
        raise BadThemeError(f"{shown}:1: the file is larger than {LARGEST // 1024} KB.")
    lines = find_positions(text)

    def wrong(key: KeyPath, reason: str) -> BadThemeError:
        return BadThemeError(f"{shown}:{lines.get(key, 1)}: {'.'.join(map(str, key))} {reason}.")

    _check(declared, wrong)
    return _theme(path.stem, declared)


def _check(declared: Mapping[str, Any], wrong: Callable[[KeyPath, str], BadThemeError]) -> None:
    """Raise the error that ``wrong`` makes for the first key that is unknown or has a wrong value."""
    base = load_theme(DEFAULT_THEME)
    known = {} if base is None else {**base.to_color_system().generate(), **base.variables}
    for key, value in declared.items():
        if key not in TOP:
            raise wrong((key,), f"is not a key of a theme; a theme has {', '.join(TOP)}")
        if key in ("dark", "ansi") and not isinstance(value, bool):
            raise wrong((key,), "must be true or false")
        if key in ("colors", "variables") and not isinstance(value, dict):
            raise wrong((key,), "must be a table")
    for table, allowed in (
        ("colors", (*TONES, "foreground", "background", "surface", "panel")),
        ("variables", known),
    ):
        for key, value in declared.get(table, {}).items():
            if key not in allowed:
                raise wrong((table, key), "is not a colour of a theme")
            try:
                if not key.endswith("-style"):
                    Color.parse(value)
            except (ColorParseError, TypeError, AttributeError):
                raise wrong((table, key), f"is not a colour: {value!r}") from None
            if not isinstance(value, str):
                raise wrong((table, key), f"is not a text: {value!r}")


def _theme(name: str, declared: Mapping[str, Any]) -> Theme:
    dark = declared.get("dark", True)
    base = load_theme(DEFAULT_THEME if dark else "labeltui-light")
    given = declared.get("colors", {})
    variables = dict(base.variables) if base is not None else {}
    variables |= {f"text-{tone}": given[tone] for tone in TONES if tone in given}
    if "primary" in given:
        variables["border"] = given["primary"]
    if "foreground" in given:
        variables["text"] = given["foreground"]
    colours = {
        key: given.get(key, getattr(base, key, None))
        for key in (*TONES, "foreground", "background", "surface", "panel")
    }
    return Theme(
        name=name,
        dark=dark,
        ansi=declared.get("ansi", False),
        variables={**variables, **declared.get("variables", {})},
        **colours,
    )
