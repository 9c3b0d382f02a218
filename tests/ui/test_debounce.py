"""A call-back always arrives, however short the delay."""

from __future__ import annotations

from textual.app import App

from labeltui.ui.debounce import call_after


async def test_none_is_lost() -> None:
    app: App[None] = App()
    fired: list[int] = []
    async with app.run_test() as pilot:
        for number in range(3000):
            call_after(app, number * 1e-9, lambda n=number: fired.append(n))
        cancelled = call_after(app, 0.01, lambda: fired.append(-1))
        cancelled.cancel()
        for _ in range(200):
            if len(fired) == 3000:
                break
            await pilot.pause(0.01)
    assert sorted(fired) == list(range(3000))
