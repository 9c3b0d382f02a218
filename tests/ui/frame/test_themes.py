"""Themes: readable by contrast, complete, and no colour where none is wanted."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from textual.color import Color

import labeltui.ui
from labeltui.config.model import Profile
from labeltui.ui.app import Console
from labeltui.ui.frame.themes import load_theme, theme_names
from labeltui.ui.presentation.words import Tone
from tests.ui.fake_session import connected, console, settled, stopped, wait_for
from tests.ui.frame.colours import WINDOWS, XTERM, contrast, distance, palette
from tests.ui.screen_text import rows, screen_text

WCAG_AA, WCAG_AAA, VISIBLE = 4.5, 7.0, 3.0
APART = 17.0
GROUNDS = ("background", "surface", "panel")
STATES = (Tone.PLAIN, Tone.GOOD, Tone.BUSY, Tone.WARN, Tone.BAD)
COLOUR_BLIND = {
    "labeltui-deuteranopia": ("protanopia", "deuteranopia"),
    "labeltui-tritanopia": ("tritanopia",),
}
PAIRS = [
    ("block-cursor-foreground", "block-cursor-background"),
    ("block-cursor-blurred-foreground", "block-cursor-blurred-background"),
    ("input-selection-foreground", "input-selection-background"),
    ("screen-selection-foreground", "screen-selection-background"),
    ("block-cursor-foreground", "primary"),
    ("background", "text-primary"),
    ("background", "text-warning"),
    ("background", "text-accent"),
    ("background", "text-error"),
]
"""Text and its ground, apart from :data:`GROUNDS`: cursors, selections, badges, matches and the current tab."""


def colours(name: str) -> dict[str, str]:
    theme = load_theme(name)
    assert theme is not None
    return {**theme.to_color_system().generate(), **theme.variables}


def on_screens(name: str) -> list[dict[str, str]]:
    """The theme's colours; those of an ANSI theme as xterm and as Windows' console show them."""
    known = colours(name)
    if "ansi_black" not in known.values():
        return [known]
    return [
        {key: p.get(value, value) for key, value in known.items()}
        for p in (palette(*XTERM), palette(*WINDOWS))
    ]


@pytest.mark.parametrize("name", theme_names())
@pytest.mark.parametrize("tone", [*Tone, "$text-primary", "$text"])
def test_text_stands_out_from_every_ground(name: str, tone: str) -> None:
    for known in on_screens(name):
        cursor = () if name == "labeltui-ansi" else ("block-cursor-blurred-background",)
        for ground in (*GROUNDS, *cursor):
            assert contrast(known[tone[1:]], known[ground]) >= WCAG_AA, ground
            assert contrast(known["text-disabled"], known[ground]) >= VISIBLE, ground


@pytest.mark.parametrize("name", theme_names())
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_badges_cursors_and_selections_stand_out(name: str, text: str, ground: str) -> None:
    for known in on_screens(name):
        assert contrast(known[text], known[ground]) >= WCAG_AA


@pytest.mark.parametrize("name", theme_names())
def test_the_focused_pane_s_frame_stands_out(name: str) -> None:
    for known in on_screens(name):
        assert contrast(known["border"], known["background"]) >= VISIBLE
        assert contrast(known["warning"], known["background"]) >= VISIBLE


@pytest.mark.parametrize("name", ["labeltui-contrast", "labeltui-contrast-light"])
def test_high_contrast_is_high(name: str) -> None:
    known = colours(name)
    for tone in Tone:
        assert min(contrast(known[tone[1:]], known[ground]) for ground in GROUNDS) >= WCAG_AAA
    assert contrast(known["border-blurred"], known["background"]) >= VISIBLE


@pytest.mark.parametrize(("name", "seen_by"), [(n, by) for n, all_ in COLOUR_BLIND.items() for by in all_])
def test_states_stay_apart_to_the_colour_blind(name: str, seen_by: str) -> None:
    known = colours(name)
    for one, other in combinations(STATES, 2):
        assert distance(known[one[1:]], known[other[1:]], seen_by) >= APART, (one, other)


def test_the_default_is_not_safe_for_the_colour_blind() -> None:
    """Or the tests above would prove nothing."""
    known = colours("labeltui-dark")
    assert distance(known["text-success"], known["text-error"], "deuteranopia") < APART


def test_there_are_at_least_ten_themes_dark_and_light_each_complete() -> None:
    themes = [load_theme(name) for name in theme_names()]
    assert len(themes) >= 10
    assert {theme.name for theme in themes if theme} == set(theme_names())
    assert {theme.dark for theme in themes if theme} == {True, False}
    default = load_theme("labeltui-dark")
    assert default is not None
    assert all(theme is not None and set(default.variables) <= set(theme.variables) for theme in themes)


@pytest.mark.parametrize("name", ["labeltui-dark", "labeltui-ansi"])
async def test_no_theme_lacks_a_variable_of_the_style_sheets(name: str) -> None:
    app = console(connected(), profile=Profile(host="local", theme=name))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.theme == name


def test_colours_are_named_only_in_themes() -> None:
    folder = Path(labeltui.ui.__file__).parent
    files = [*folder.rglob("*.py"), *folder.rglob("*.tcss")]
    found = [path.name for path in files if re.search(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8"))]
    assert len(files) > 20
    assert found == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "no-such-theme"])
async def test_an_unknown_theme_is_said_and_changes_nothing(name: str) -> None:
    app = console(connected(), profile=Profile(host="local", theme=name))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.theme == "labeltui-dark"
        assert "there is no theme" in app.frame_screen.flash.content.plain  # type: ignore[union-attr]


async def test_the_profile_chooses_the_theme() -> None:
    app = console(connected(), profile=Profile(host="local", theme="ansi-dark"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.theme == "ansi-dark"


@pytest.mark.parametrize(
    ("term", "colorterm", "chosen", "theme"),
    [
        ("xterm", None, None, "labeltui-ansi"),
        ("xterm", None, "labeltui-nord", "labeltui-nord"),
        ("xterm", "truecolor", None, "labeltui-dark"),
        ("xterm-256color", None, None, "labeltui-dark"),
    ],
)
async def test_a_terminal_with_16_colours_has_their_theme_unless_another_was_chosen(
    term: str, colorterm: str | None, chosen: str | None, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM")
    if colorterm is not None:
        monkeypatch.setenv("COLORTERM", colorterm)
    app = console(connected(), profile=Profile(host="local", **{} if chosen is None else {"theme": chosen}))
    first = app.theme
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.theme == theme
    assert first == (theme if chosen is None else "labeltui-ansi")


async def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for line in rows(app):
            for segment in line.apply_filter(app._filters[-1], Color.parse("black")):
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    if color is not None and color.triplet is not None:
                        assert len(set(color.triplet)) == 1, "grey"


def unreadable(app: Console) -> set[str]:
    """Text of the screen that the terminal's 16 colours do not set off from its ground."""
    colours_of = [[*palette(*one).values()] for one in (XTERM, WINDOWS)]
    found = set()
    for segment in (segment for row in rows(app) for segment in row if any(map(str.isalnum, segment.text))):
        style = segment.style
        assert style is not None
        text, ground = style.color, style.bgcolor
        over = text.number if text is not None and text.number is not None else 7
        under = ground.number if ground is not None and ground.number is not None else 0
        if any(contrast(known[over], known[under]) < WCAG_AA for known in colours_of):
            found.add(f"{segment.text} ({over} on {under})")
    return found


@pytest.mark.parametrize(
    "keys", ["ctrl+t", "4 slash a", "ctrl+p l", "s o l", "s o tab tab tab", "question_mark p"]
)
async def test_every_text_is_readable_in_16_colours(keys: str) -> None:
    app = console(stopped(), profile=Profile(host="local", theme="labeltui-ansi"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(*keys.split())
        await pilot.pause()
        assert app.screen is not app.frame_screen or keys.startswith("4")
        assert unreadable(app) == set()


@pytest.mark.parametrize(("keys", "listed"), [("ctrl+t", "labeltui-berry"), ("ctrl+p", "Set up MONAI Label")])
async def test_the_cursor_of_a_list_is_seen_in_16_colours(keys: str, listed: str) -> None:
    app = console(stopped(), profile=Profile(host="local", theme="labeltui-ansi"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(keys)
        await wait_for(pilot, lambda: listed in screen_text(app), "the list")
        styles = [part.style for row in rows(app) for part in row if len(part.text.strip()) > 3]
        assert any(style is not None and (style.reverse or style.underline) for style in styles)
