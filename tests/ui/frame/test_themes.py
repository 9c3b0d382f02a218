"""Themes: readable by contrast, complete, and no colour where none is wanted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.color import Color

import labeltui.ui
from labeltui.config.model import Profile
from labeltui.ui.frame.themes import load_theme, theme_names
from labeltui.ui.presentation.words import Tone
from tests.ui.fake_session import connected, console, settled
from tests.ui.screen_text import rows

WCAG_AA = 4.5
GROUNDS = ("background", "surface", "panel")


def luminance(color: Color) -> float:
    def channel(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (channel(part) for part in color.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colours(name: str) -> dict[str, str]:
    theme = load_theme(name)
    assert theme is not None
    return {**theme.to_color_system().generate(), **theme.variables}


@pytest.mark.parametrize("name", theme_names())
@pytest.mark.parametrize("tone", [*Tone, "$text-primary", "$text-disabled", "$text"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_stands_out_from_every_ground(name: str, tone: str, ground: str) -> None:
    known = colours(name)
    assert contrast(known[tone[1:]], known[ground]) >= WCAG_AA


@pytest.mark.parametrize("name", theme_names())
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("block-cursor-foreground", "block-cursor-background"),
        ("block-cursor-blurred-foreground", "block-cursor-blurred-background"),
        ("block-cursor-foreground", "primary"),
        ("background", "warning"),
        ("background", "accent"),
    ],
)
def test_badges_and_cursors_stand_out(name: str, text: str, ground: str) -> None:
    known = colours(name)
    assert contrast(known[text], known[ground]) >= WCAG_AA


def test_there_is_a_dark_a_light_and_a_colour_blind_safe_theme() -> None:
    assert {"labeltui-dark", "labeltui-light", "labeltui-deuteranopia"} <= set(theme_names())
    light = load_theme("labeltui-light")
    assert light is not None
    assert not light.dark


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
