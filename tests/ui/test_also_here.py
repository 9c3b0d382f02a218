"""Other consoles on the host: shown on every screen, and taken over from by choice only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from labeltui.domain.consoles import OtherConsole, lease_held
from labeltui.domain.state import SessionState
from labeltui.ui.screens.choices import ChoicesScreen
from tests.ui.fake_session import FakeSession, ago, connected, console, fresh, settled, stopped, wait_for
from tests.ui.screen_text import screen_text
from tests.ui.test_snapshots import PROMPT, before

Compare = Callable[..., bool]
ANNA = OtherConsole(
    "a", "anna@ward3 [red]x[/] \x1b[31m", "labeltui", "console", False, ago(1500),
    action="Start training", action_since=ago(40),
)  # fmt: skip
BEN = OtherConsole("b", "ben@laptop", "labeltui", "console", True, ago(90), silent_since=ago(60))


def together() -> SessionState:
    return replace(connected(), consoles=fresh((ANNA, BEN)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.slow
def test_also_here(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())
    assert snap_compare(console(together()), terminal_size=size, run_before=before("1"))


async def test_the_list_offers_to_take_over_and_nothing_is_taken_over_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[dict[str, Any]] = []

    async def run_action(
        _session: Any, _action: str, params: Mapping[str, Any], _report: Any, **_named: Any
    ) -> Mapping[str, Any]:
        ran.append(dict(params))
        if not params.get("take_over"):
            raise lease_held(
                "anna@ward3", "Start the server", 600.0, silent_s=590.0, may_be_taken=True, free_in_s=30.0
            )
        return {"message": "the server runs"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = console(stopped())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for leaves in (True, False):
            await pilot.press("s", "s")
            await wait_for(pilot, lambda: isinstance(app.screen, ChoicesScreen))
            shown = screen_text(app)
            if leaves:
                await pilot.press("escape")
                await wait_for(pilot, lambda: app.screen is app.frame_screen)
                assert ran == [{}]
        assert "Take over" in shown
        assert "anna@ward3 has begun this" in shown
        await pilot.press("1")
        await wait_for(pilot, lambda: "the server runs" in app.last_flash)
    assert ran == [{}, {}, {"take_over": True}]
