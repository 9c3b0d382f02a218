"""The training pane's words."""

from __future__ import annotations

from dataclasses import replace

from labeltui.domain.state import Reading
from tests.ui.fake_session import connected, console, settled
from tests.ui.screen_text import screen_text


async def test_an_unanswered_question_is_not_called_no_training() -> None:
    app = console(replace(connected(), training=Reading(error="the server did not [red]answer")))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("5", "z")
        await settled(pilot)
        shown = " ".join(screen_text(app).split())
    assert "No training has run" not in shown
    assert "has not said yet whether a" in shown
    assert "[red]answer" in shown
