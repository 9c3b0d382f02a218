"""Kinds of underlines that Rich does not know, out to terminals that do."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from labeltui.ui.widgets.terminal.engine import Attr, Cursor, Look, Run
from labeltui.ui.widgets.terminal.paint import strip_of, style_of, with_cursor
from labeltui.ui.widgets.terminal.underline import Underlined, understood

CONSOLE = Console(color_system="truecolor", force_terminal=True)
UNDER = Attr.UNDERLINE


def out(style: Style) -> str:
    return Strip([Segment("x", style)], 1).render(CONSOLE)


@pytest.mark.parametrize(
    ("look", "sgr"),
    [
        (Look(attrs=UNDER), "4"),
        (Look(attrs=UNDER | Attr.DOUBLE_UNDERLINE), "21"),
        (Look(attrs=UNDER | Attr.CURLY_UNDERLINE), "4;4:3"),
        (Look(attrs=UNDER | Attr.DOTTED_UNDERLINE), "4;4:4"),
        (Look(attrs=UNDER | Attr.DASHED_UNDERLINE), "4;4:5"),
        (Look(attrs=UNDER, underline=9), "4;58:5:9"),
        (
            Look(1, (1, 2, 3), UNDER | Attr.CURLY_UNDERLINE | Attr.BOLD, (7, 8, 9)),
            "1;4;31;48;2;1;2;3;4:3;58:2::7:8:9",
        ),
        (Look(attrs=Attr.BOLD, underline=9), "1"),  # a colour without a line
    ],
)
def test_a_look_goes_out_as(look: Look, sgr: str) -> None:
    assert out(style_of(look, colons=True)) == f"\x1b[{sgr}mx\x1b[0m"


def test_elsewhere_the_line_is_a_plain_one() -> None:
    assert (
        out(style_of(Look(attrs=UNDER | Attr.CURLY_UNDERLINE, underline=9), colons=False))
        == "\x1b[4mx\x1b[0m"
    )


def test_what_is_laid_over_it_or_under_it_leaves_the_line() -> None:
    curly = style_of(Look(attrs=UNDER | Attr.CURLY_UNDERLINE), colons=True)
    base, over = Style(color="red"), Style(bgcolor="blue")
    assert out(base + curly + over) == "\x1b[4;31;44;4:3mx\x1b[0m"
    assert out(base + (curly + over)) == "\x1b[4;31;44;4:3mx\x1b[0m"
    assert out(curly + Style(underline=False)) == "x"
    assert curly != Style(underline=True)
    assert {curly: 1}[Underlined.of(Style(underline=True), "4:3")] == 1
    assert curly + None == curly


def test_a_row_with_a_cursor_keeps_it() -> None:
    look = Look(attrs=UNDER | Attr.CURLY_UNDERLINE)
    strip = strip_of((Run("abc", 3, look),), 5, Style(color="red"), colons=True)
    shown = with_cursor(strip, Cursor(1, 0), focused=True).render(CONSOLE)
    assert shown.count("4:3") == 3


@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TMUX": "/tmp/tmux,1,0"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7006"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "5002"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "x"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({}, False),
    ],
)
def test_which_terminals_read_it(environment: dict[str, str], there: bool) -> None:
    assert understood(environment) is there
