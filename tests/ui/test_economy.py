"""Tests of the console leave out only what no test can see."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.css import stylesheet
from textual.strip import Strip
from textual.widget import Widget


class Counting(Widget):
    """A line that counts how often it is rendered."""

    DEFAULT_CSS = "Counting { height: 1; }"
    rendered = 0

    def render_line(self, y: int) -> Strip:
        self.rendered += 1
        return Strip.blank(10)


class Small(App[None]):
    def compose(self) -> ComposeResult:
        yield Counting()


async def test_a_frame_is_rendered_when_the_test_pauses_and_not_between() -> None:
    app = Small()
    async with app.run_test() as pilot:
        await pilot.pause()
        widget = app.query_one(Counting)
        assert widget.rendered > 0
        before = widget.rendered
        for _ in range(3):
            widget.refresh()
            app.screen._compositor.update_widgets({widget})
            app.screen._compositor_refresh()
        assert widget.rendered == before
        await pilot.pause()
        assert widget.rendered == before + 1


async def test_an_error_in_a_frame_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Strip:
        raise ZeroDivisionError

    monkeypatch.setattr(Counting, "render_line", broken)

    async def paused() -> None:
        async with Small().run_test() as pilot:
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await paused()


async def test_style_sheets_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Small().run_test():
        pass
    monkeypatch.setattr(stylesheet, "parse", None)
    async with Small().run_test():
        pass
