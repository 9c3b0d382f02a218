"""Keys of the console: the registry's, leaders, confirmations, and why something can't be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual import events

from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.leader import LeaderScreen
from tests.ui.fake_session import (
    connected,
    console,
    dead,
    settled,
    stopped,
    wait_for,
)
from tests.ui.screen_text import flashed, rows, screen_text

SIZE = (120, 40)


async def test_numbers_focus_a_pane_and_only_z_zooms_it() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for key, pane in [("1", "pod"), ("4", "queue"), ("5", "training"), ("3", "log")]:
            await pilot.press(key)
            target = app.panes[pane].focus_target
            await wait_for(
                pilot, lambda target=target: app.frame_screen.focused is target, f"focus in {pane}"
            )  # type: ignore[misc]
            assert not app.frame_screen.zoomed
            await pilot.press(key)
            await settled(pilot)
            assert not app.frame_screen.zoomed, "a number never zooms"
            await pilot.press("z")
            await wait_for(pilot, lambda pane=pane: app.visible_panes == {pane, "log", "shell"})  # type: ignore[misc]
            assert app.frame_screen.tabs.display
            await pilot.press("escape")
            await wait_for(pilot, lambda: not app.frame_screen.zoomed, "esc leaves the zoom")


async def test_tab_goes_round_and_back() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4")
        await wait_for(pilot, lambda: app.frame_screen.current == "queue")
        await pilot.press("tab")
        await wait_for(pilot, lambda: app.frame_screen.current == "training")
        await pilot.press("tab")
        await wait_for(pilot, lambda: app.frame_screen.current == "pod")
        await pilot.press("shift+tab")
        await wait_for(pilot, lambda: app.frame_screen.current == "training")


async def test_a_leader_typed_in_one_go_loses_no_key(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for key in ("s", "u"):
            app.post_message(events.Key(key, key))
        await wait_for(pilot, lambda: "copied" in flashed(app), "the URL to be copied")
        assert app.screen is app.frame_screen
        assert ran == []


async def test_the_key_after_a_leader_is_not_the_panes_own() -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await wait_for(pilot, lambda: app.frame_screen.current == "log")
        for key in ("p", "n"):  # n alone would go to the next match in the log
            app.post_message(events.Key(key, key))
        await wait_for(pilot, lambda: "Rent a new pod" in flashed(app), "why no pod can be rented")
        assert app.screen is app.frame_screen


async def test_leader_shows_what_follows_and_runs_it(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(stopped())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await wait_for(pilot, lambda: isinstance(app.screen, LeaderScreen))
        await pilot.press("s")
        await wait_for(pilot, lambda: ran == [("server.start", {})], "the server is started")
        await wait_for(pilot, lambda: "Start the server: running" in flashed(app), "the outcome is said")


@pytest.mark.parametrize(("leader", "whole"), [("s", True), ("Q", False)])
async def test_a_leader_s_explanations_are_whole_where_the_screen_has_room(leader: str, whole: bool) -> None:
    app = console(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(leader)
        await wait_for(pilot, lambda: isinstance(app.screen, LeaderScreen))
        await wait_for(pilot, lambda: "esc closes" in screen_text(app))
        keys = app.keymap.leaders[leader]
        assert ("…" not in screen_text(app)) is whole
        listed = {row.text.strip()[1:].split()[0] for row in rows(app) if row.text.strip().startswith("│")}
        assert set(keys) <= listed


async def test_a_disabled_key_says_why_and_does_nothing(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(dead())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "s")
        await wait_for(pilot, lambda: "the host is not connected" in flashed(app), "the reason")
        assert ran == []


async def test_confirmation_has_cancel_in_front(ran: list[tuple[str, dict[str, Any]]]) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for keys in (("enter",), ("escape",), ("n",)):
            await pilot.press("s", "x")
            await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(*keys)
            await wait_for(pilot, lambda: app.screen is app.frame_screen)
        assert ran == []
        await pilot.press("s", "x")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_for(pilot, lambda: ran == [("server.stop", {})])


@pytest.mark.parametrize(("typed", "answer"), [("liver-ct", True), ("liver", None)])
async def test_what_is_irreversible_needs_its_name(typed: str, answer: bool | None) -> None:
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        answers: list[bool | None] = []
        await app.push_screen(ConfirmScreen("Terminate", "Terminate the pod?", "liver-ct"), answers.append)
        await pilot.press("enter")  # nothing typed yet: not confirmed
        await pilot.press(*("minus" if letter == "-" else letter for letter in typed), "enter")
        if answer is None:
            assert isinstance(app.screen, ConfirmScreen)
            await pilot.press("escape")
        await wait_for(pilot, lambda: answers == [answer])


async def test_read_only_refuses_what_changes(ran: list[tuple[str, dict[str, Any]]]) -> None:
    state = connected()
    app = console(replace(state, identity=replace(state.identity, read_only=True)))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s", "x")
        await wait_for(pilot, lambda: "read-only" in flashed(app))
        assert ran == []
        assert "READ-ONLY" in app.frame_screen.strip.content.plain  # type: ignore[union-attr]
