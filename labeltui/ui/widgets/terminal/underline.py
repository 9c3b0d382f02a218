"""Curly, dotted, dashed and coloured underlines, which Rich does not support.

They are sent as SGR ``4:3`` and ``58:2::r:g:b``, and only to terminals that are known to understand colons.
Other terminals would read the numbers as attributes and colours of the text, so they get a plain underline.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from labeltui.ui.widgets.terminal.engine import Attr, Look

_KINDS = {Attr.CURLY_UNDERLINE: "4:3", Attr.DOTTED_UNDERLINE: "4:4", Attr.DASHED_UNDERLINE: "4:5"}
_TERMS = ("xterm-kitty", "xterm-ghostty", "foot", "alacritty", "wezterm", "contour", "tmux")
_PROGRAMS = ("iTerm.app", "WezTerm", "ghostty", "vscode", "mintty", "rio")
_VTE_SINCE = 5200
_COPIED = tuple(name for name in Style.__slots__ if name != "_ansi")


def understood(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the outer terminal understands ``4:3``. tmux does, and passes on kinds that its own terminal can show."""
    if environment.get("TMUX") or environment.get("KITTY_WINDOW_ID"):
        return True
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM", "").startswith(_TERMS)
        or environment.get("TERM_PROGRAM") in _PROGRAMS
        or (vte.isdecimal() and int(vte) >= _VTE_SINCE)
    )


def codes(look: Look) -> str:
    """The SGR codes of an underline that Rich can't express; empty if it can."""
    if Attr.UNDERLINE not in look.attrs:
        return ""
    parts = [code for kind, code in _KINDS.items() if kind in look.attrs]
    if isinstance(look.underline, int):
        parts.append(f"58:5:{look.underline}")
    elif look.underline is not None:
        parts.append("58:2::{}:{}:{}".format(*look.underline))
    return ";".join(parts)


class Underlined(Style):
    """A style with underline codes, which stay when another style is laid over it."""

    __slots__ = ("_codes", "_whole")

    @classmethod
    def of(cls, style: Style, codes: str) -> Underlined:
        """``style`` followed by ``codes``."""
        new = cls.__new__(cls)
        for name in _COPIED:
            setattr(new, name, getattr(style, name))
        new._codes, new._whole, new._hash = codes, None, None
        return new

    _codes: str
    _whole: str | None

    @property
    def _ansi(self) -> str | None:
        """The complete SGR, which Textual and Rich use instead of computing it."""
        if self._whole is None:
            own = _own(self._add(_MADE_ANEW), ColorSystem.TRUECOLOR)
            self._whole = f"{own};{self._codes}" if own else self._codes
        return self._whole

    @_ansi.setter
    def _ansi(self, value: str | None) -> None:
        """Ignore the value that Rich sets."""

    def __add__(self, other: Any) -> Style:
        return _with(Style.__add__(self, other), other if isinstance(other, Underlined) else self)

    def __radd__(self, other: Any) -> Style:
        return _with(Style.__add__(other, self), self) if isinstance(other, Style) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Underlined) and hash(self) == hash(other)

    def __hash__(self) -> int:
        return hash((Style.__hash__(self), self._codes))


_MADE_ANEW = Style(meta={"underlined": True})
"""A style that removes all attributes from a style with which it is combined."""


@lru_cache(maxsize=1024)
def _own(style: Style, system: ColorSystem) -> str:
    return Strip.render_ansi(style, system)


def _with(style: Style, underline: Underlined) -> Style:
    underlined = style.underline or style.underline2
    return Underlined.of(style, underline._codes) if underlined else style
