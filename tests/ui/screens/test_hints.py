"""The lower borders of narrow boxes: whole hints, and always the key that closes the box."""

from __future__ import annotations

import pytest

from labeltui.ui.presentation.text import ELLIPSIS, GAP
from labeltui.ui.screens.dialogs.dialog import Box
from tests.ui.fake_session import connected, console, settled, wait_for
from tests.ui.screen_text import screen_text

NARROW = (60, 20)


@pytest.mark.parametrize("keys", ["4 enter", "H", "D", "a", "p l", "p g", "question_mark"])
async def test_a_narrow_box_shows_whole_hints_and_the_one_that_closes_it(keys: str) -> None:
    app = console(connected())
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press(*keys.split())
        await wait_for(pilot, lambda: app.screen is not app.frame_screen, "the box")
        await pilot.pause()
        box = app.screen.query_one(Box)
        row = screen_text(app).splitlines()[box.region.bottom - 1][: box.region.right].rpartition("╰")[2]
        shown = row.strip("─╯ ").split(GAP)
        assert shown[-1] in ("esc", box.hints.split(GAP)[-1])
        assert set(shown[:-1]) <= {*box.hints.split(GAP), ELLIPSIS}
        assert not keys.startswith("p g") or shown[0] == "ctrl+s submits"
