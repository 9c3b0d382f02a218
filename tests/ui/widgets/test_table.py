"""A table draws only the rows in sight."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.content import Content

from labeltui.ui.widgets.table.rows import Table
from tests.ui.screen_text import screen_text

ROWS = 100_000


class TableApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0

    def compose(self) -> ComposeResult:
        yield Table(self.draw)

    def draw(self, index: int, _width: int, chosen: bool) -> Content:
        self.drawn += 1
        return Content(f"{'>' if chosen else ' '} row {index}")


async def test_a_hundred_thousand_rows_cost_what_fifty_do() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(Table)
        table.update_rows(ROWS, 0, Content("header"))
        table.move(ROWS)
        await pilot.pause()
        assert f"> row {ROWS - 1}" in screen_text(app)
        assert app.drawn < 200
