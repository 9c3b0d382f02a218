"""Keys of keyboards with other letters than Latin ones."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from labeltui.config.model import Profile
from labeltui.ui.app import Console
from labeltui.ui.keyboard import in_latin
from labeltui.ui.layouts import LATIN
from labeltui.ui.messages import LEAVE_KEY
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.leader import LeaderScreen
from tests.ui.fake_session import connected, console, settled, wait_for

SIZE = (120, 40)


def press(app: Console, *characters: str) -> None:
    for character in characters:
        app.post_message(events.Key(character, character))


@pytest.mark.parametrize(
    ("typed", "latin"),
    [
        ("йцукен", "qwerty"), ("фыва", "asdf"), ("ФЫВА", "ASDF"), ("ячсмить", "zxcvbnm"), ("ЯЧСМИТЬ", "ZXCVBNM"),
        ("фіва", "asdf"), ("хїє", "[]'"), ("ςερτυ", "werty"), ("ασδφ", "asdf"), ("ζχψωβνμ", "zxcvbnm"),
        ("ΑΣΔΦ", "ASDF"), ("קראט", "erty"), ("שדגכ", "asdf"), ("זסבהנמצ", "zxcvbnm"), ("&é\"'(", "12345"),
    ],
)  # fmt: skip
def test_a_key_is_the_latin_one_at_its_place(typed: str, latin: str) -> None:
    assert "".join(in_latin(events.Key(one, one)).character or "" for one in typed) == latin


def test_no_letter_of_one_alphabet_has_two_places() -> None:
    small = [one for one in LATIN if one.islower() and LATIN[one].isalpha()]
    assert all(LATIN[one].islower() for one in small)
    assert all(
        LATIN[one.upper()] == LATIN[one].upper() for one in small if one.upper() in LATIN and one != "ς"
    )


@pytest.mark.parametrize(
    ("key", "latin"), [("ctrl+з", "ctrl+p"), ("ctrl+ъ", LEAVE_KEY), ("ctrl+ї", LEAVE_KEY), ("a", "a")]
)
def test_modifiers_stay(key: str, latin: str) -> None:
    assert in_latin(events.Key(key, None)).key == latin


@pytest.mark.parametrize("keys", ["ыч", "іч", "σχ", "דס"], ids=["Russian", "Ukrainian", "Greek", "Hebrew"])
async def test_a_leader_and_its_key_work(keys: str) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        press(app, keys[0])
        await wait_for(pilot, lambda: isinstance(app.screen, LeaderScreen), "the leader's keys")
        press(app, keys[1])
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        press(app, "т")  # n
        await wait_for(pilot, lambda: app.screen is app.frame_screen, "the answer")


async def test_digits_of_azerty_choose_a_pane_and_a_pane_has_its_keys() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for typed, pane in (("&", "pod"), ('"', "log"), ("'", "queue"), ("(", "training"), ("é", "shell")):
            press(app, typed)
            await wait_for(pilot, lambda pane=pane: app.current_pane == pane, pane)  # type: ignore[misc]


async def test_text_stays_as_it_is_typed() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "slash")
        press(app, *"печень é")
        await wait_for(
            pilot, lambda: any(one.value == "печень é" for one in app.frame_screen.query(Input)), "the text"
        )


@pytest.mark.parametrize("typed", ["ä", "你", "ع"])
async def test_any_other_letter_says_why_nothing_happens(typed: str) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        press(app, typed)
        await wait_for(
            pilot, lambda: app.last_flash.startswith(f"{typed} is no key of labeltui"), "the reason"
        )
        assert "Latin" in app.last_flash


async def test_a_profile_may_use_such_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    profile: dict[str, Any] = {"host": "ssh", "ssh": {"address": "a"}, "keys": {"help": "ы"}}
    app = console(connected(), profile=Profile.model_validate(profile))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        press(app, "ы")
        await wait_for(pilot, lambda: app.screen is not app.frame_screen, "the help")
        assert not isinstance(app.screen, LeaderScreen)
