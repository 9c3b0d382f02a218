"""The list of themes: shown while the cursor is on them, kept with enter, and files of the operator."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeltui.config.load import load
from labeltui.config.model import Profile
from labeltui.ui.frame.user_themes import BadThemeError, read_theme
from labeltui.ui.screens.themes import ThemesScreen
from tests.ui.fake_session import connected, console, settled, wait_for
from tests.ui.screen_text import flashed, screen_text

OWN = 'dark = false\n\n[colors]\nsuccess = "#004400"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the operator's themes."""
    config = tmp_path / "labeltui.toml"
    config.write_text('[profiles.NAME]\nhost = "local" # here\n')
    monkeypatch.setenv("LABELTUI_CONFIG", str(config))
    (tmp_path / "themes").mkdir()
    return tmp_path / "themes"


async def test_moving_shows_a_theme_esc_returns_and_enter_stores_it(folder: Path) -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        before = app.theme
        await pilot.press("ctrl+t", "down")
        await wait_for(pilot, lambda: app.theme != before, "another theme")
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.theme == before, "the theme before")
        await pilot.press("ctrl+t", "down")
        await wait_for(pilot, lambda: app.theme != before, "another theme")
        chosen, session = app.theme, app.session
        assert session is not None
        name = session.name
        await pilot.press("enter")
        await wait_for(pilot, lambda: "stored in the profile" in flashed(app), "the theme stored")
    path = folder.parent / "labeltui.toml"
    assert load(path).file.profiles[name].theme == chosen
    assert "# here" in path.read_text()


async def test_the_list_opens_on_the_theme_in_use_beside_the_console(folder: Path) -> None:
    app = console(connected(), profile=Profile(host="local", theme="labeltui-nord"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+t")
        await wait_for(pilot, lambda: isinstance(app.screen, ThemesScreen), "the list")
        await pilot.pause()
        assert isinstance(app.screen, ThemesScreen)
        assert app.screen.chosen is not None
        assert app.screen.chosen.answer == app.theme == "labeltui-nord"
        assert "I datastore" in screen_text(app)
        await pilot.press("down")
        await wait_for(pilot, lambda: app.theme == "labeltui-phosphor", "the next theme")


async def test_a_theme_of_the_operator_is_drawn_again_when_its_file_changes(folder: Path) -> None:
    (folder / "mine.toml").write_text(OWN)
    app = console(connected(), profile=Profile(host="local", theme="mine"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.theme == "mine"
        assert app.theme_variables["text-success"] == "#004400"
        (folder / "mine.toml").write_text(OWN.replace("#004400", "#003300") + "# darker\n")
        await wait_for(pilot, lambda: app.theme_variables["text-success"] == "#003300", "the new colour")
        (folder / "mine.toml").write_text('[colors]\nsuccess = "[red]grass"\n')
        await wait_for(pilot, lambda: "mine.toml:2" in flashed(app), "the wrong line")
        assert app.theme_variables["text-success"] == "#003300"
        await pilot.press("ctrl+t")
        await wait_for(pilot, lambda: isinstance(app.screen, ThemesScreen), "the list")
        assert "✗ mine" in screen_text(app)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("dark = true\n[colors]\nsuccess = red\n", 3, "not valid TOML"),
        ('dark = "yes"\n', 1, "true or false"),
        ('\n\ncolour = "x"\n', 3, "not a key of a theme"),
        ('[colors]\nsucces = "#004400"\n', 2, "not a colour of a theme"),
        ('[variables]\n\ntext-muted = "grass"\n', 3, "not a colour"),
        ("[colors]\nerror = 7\n", 2, "not a colour"),
        ("colors = 3\n", 1, "must be a table"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadThemeError, match=reason) as caught:
        read_theme(path)
    assert f"{tmp_path.name}/mine.toml:{line}:" in str(caught.value)
