"""The planes as sixels, on a terminal that keeps them until characters are drawn over them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from labeltui.config.model import Profile
from labeltui.ui.app import Console
from labeltui.ui.graphics.terminal import QUERY, SIZES, Terminal
from labeltui.ui.screens.preview.cells import HALF
from labeltui.ui.screens.preview.labels import LabelsScreen
from tests.ui.fake_session import wait_for
from tests.ui.panes.queue_pane import SIZE
from tests.ui.screen_text import screen_text
from tests.ui.screens.preview.fake_preview import ORGAN
from tests.ui.screens.preview.fake_preview import SIZE as VOXELS
from tests.ui.screens.preview.sixel_terminal import Place, SixelTerminal
from tests.ui.screens.preview.test_preview import (
    Opened,
    app_with_copies,
    opened,
    plane,
    previews,
    screen_of,
    title,
)

__all__ = ["previews"]
pytestmark = pytest.mark.slow

ATTRIBUTES = "\x1b[?63;1;2;4;6;22c"


class FakeXterm(SixelTerminal):
    """The output of a console in a terminal with sixels. It answers once ``answers_now`` is called."""

    def __init__(self) -> None:
        super().__init__(SIZE, (4, 8))
        self.answering = False
        self.asked: list[str] = []
        self.pictures = ""
        self.answers: Any = str
        self.is_behind = False

    def write(self, data: str) -> None:
        self.asked.append(data)
        if self.answering:
            self.answers_now()

    def answers_now(self) -> None:
        self.answering = True
        sizes = "\x1b[?1;0;64S\x1b[?2;3;0S" if self.asked[-1] == SIZES else "\x1bP>|XTerm(379)\x1b\\"
        assert self.answers(sizes + ATTRIBUTES) == ""

    def window_cell(self) -> tuple[int, int] | None:
        return self.cell


@pytest.fixture(autouse=True)
def _economical() -> None:
    """Draw each frame, because this terminal sees them."""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> FakeXterm:
    output = FakeXterm()
    it = Terminal(output, {})
    monkeypatch.setattr("labeltui.ui.screens.preview.pictures.terminal_of", lambda _app: it)
    display = App._display

    def displayed(app: App[Any], screen: Screen[Any], update: Any) -> None:
        if isinstance(update, CompositorUpdate) and app._running and not app._batch_count:
            output.read(update.render_segments(app.console))
        display(app, screen, update)

    monkeypatch.setattr(App, "_display", displayed)
    return output


def boxes(app: Console, *names: str) -> set[Place]:
    """The cells of the planes' pictures."""
    found: set[Place] = set()
    for name in names or ("axial", "coronal", "sagittal"):
        painted = plane(app, name).painted
        if painted is not None:
            box = painted[1].translate(plane(app, name).region.offset)
            found |= {(x, y) for x in box.column_range for y in box.line_range}
    return found


async def with_sixels(pilot: Pilot[Any], app: Console, output: FakeXterm) -> None:
    await opened(pilot, app)
    assert output.asked == [QUERY]
    assert HALF in screen_text(app)
    output.answers_now()
    await settled(pilot, app, output)


async def settled(pilot: Pilot[Any], app: Console, output: FakeXterm) -> None:
    """Wait until all of the planes on screen, and nothing else, are pixels, and all other cells are text."""
    shown = [one.id or "" for one in screen_of(app)._planes.values() if one.display]

    def is_right() -> bool:
        covered = output.covered
        return (
            all(boxes(app, name) for name in shown)
            and covered == boxes(app, *shown)
            and all(
                output.characters.get((column, row)) == character
                for row, line in enumerate(screen_text(app).splitlines())
                for column, character in enumerate(line)
                if (column, row) not in covered
            )
        )

    await wait_for(pilot, is_right, "pixels and text")


def organ(app: Console, output: FakeXterm) -> tuple[int, int, int]:
    """The colour of the axial plane at a place in the organ beside the crosshair."""
    painted = plane(app, "axial").painted
    assert painted is not None
    box = painted[1].translate(plane(app, "axial").region.offset)
    across, down = (ORGAN[0] + 3.5) / VOXELS[0], (ORGAN[1] + 5.5) / VOXELS[1]
    return output.pixel(box.x + across * box.width, box.y + down * box.height)


def is_orange(colour: tuple[int, int, int]) -> bool:
    return colour[0] > colour[2] + 25


async def test_late_answers_turn_cells_into_pixels_that_follow_the_keys(
    previews: Opened, terminal: FakeXterm
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        assert terminal.asked == [QUERY, SIZES]
        assert is_orange(organ(app, terminal))
        await pilot.press("space")
        await wait_for(pilot, lambda: not is_orange(organ(app, terminal)), "without the label")
        await pilot.press("home")
        await wait_for(pilot, lambda: "1 of 40" in title(app) and max(organ(app, terminal)) < 10, "air")
        await settled(pilot, app, terminal)
        assert not terminal.scrolled
        await pilot.press("escape")
        await wait_for(pilot, lambda: previews.last.closed and not terminal.covered, "no pixel is left")


async def test_a_dialog_has_no_pixels_and_they_return_in_the_new_size(
    previews: Opened, terminal: FakeXterm
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        await pilot.press("l")
        await wait_for(pilot, lambda: isinstance(app.screen, LabelsScreen) and not terminal.covered)
        await pilot.press("escape")
        await settled(pilot, app, terminal)
        before = boxes(app)
        for size in ((90, 24), (132, 50), SIZE):
            terminal.resize(*size)
            await pilot.resize_terminal(*size)
            await wait_for(pilot, lambda before=before: boxes(app) != before)  # type: ignore[misc]
            await settled(pilot, app, terminal)
            before = boxes(app)
        await pilot.press("question_mark", "2")
        await settled(pilot, app, terminal)


async def test_a_dialog_may_close_before_cells_were_drawn_behind_it(
    previews: Opened, terminal: FakeXterm
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        previews.last.held = asyncio.Event()
        await pilot.press("l")
        await wait_for(pilot, lambda: isinstance(app.screen, LabelsScreen) and not terminal.covered)
        terminal.is_behind = True
        await pilot.press("escape")
        await wait_for(pilot, lambda: "esc closes" in _line(terminal, SIZE[1] - 1))
        assert {terminal.characters[place] for place in boxes(app, "axial")} == {" "}, "nothing of the dialog"
        terminal.is_behind = False
        await settled(pilot, app, terminal)
        previews.last.held.set()


@pytest.mark.parametrize("cell", [(8, 8), (4, 8)])
async def test_the_terminals_font_may_change(
    previews: Opened, terminal: FakeXterm, cell: tuple[int, int]
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        terminal.cell = cell
        terminal.resize(*SIZE)
        await pilot.resize_terminal(*SIZE)
        await wait_for(pilot, lambda: plane(app, "axial").cell == cell)
        await settled(pilot, app, terminal)
        assert {len(pixels) for pixels in terminal.pixels.values()} == {cell[0] * cell[1]}


async def test_a_picture_that_stays_is_not_painted_again(previews: Opened, terminal: FakeXterm) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        painted, axial = terminal.painted, plane(app, "axial")
        axial.border_subtitle = "reading 28 …"
        corner = axial.region.x + 1, axial.region.bottom - 1
        await wait_for(pilot, lambda: "reading" in _line(terminal, corner[1]))
        assert terminal.covered == boxes(app)
        assert terminal.painted == painted


async def test_pictures_stay_while_panes_behind_them_change(previews: Opened, terminal: FakeXterm) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        painted, terminal.characters = terminal.painted, {}
        app.frame_screen.refresh()
        app.frame_screen._compositor_refresh()
        await wait_for(pilot, lambda: "esc" in _line(terminal, SIZE[1] - 1), "all of the screen is drawn")
        assert terminal.covered == boxes(app)
        assert not terminal.covered & terminal.characters.keys()
        assert terminal.painted == painted


async def test_a_slow_terminal_gets_pictures_when_it_is_ready(previews: Opened, terminal: FakeXterm) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_sixels(pilot, app, terminal)
        terminal.is_behind, painted = True, terminal.painted
        screen_of(app)._resumed(app)
        await wait_for(pilot, lambda: not terminal.covered)
        for _ in range(10):
            await pilot.press("up")
            await pilot.pause()
        await wait_for(pilot, lambda: previews.last.asked[-1].index == 36)
        assert terminal.painted == painted
        terminal.is_behind = False
        await wait_for(pilot, lambda: "37 of 40" in title(app), "the newest")
        await settled(pilot, app, terminal)
        assert terminal.painted - painted <= 3 * 3


async def test_without_a_cells_size_half_blocks_stay(
    previews: Opened, terminal: FakeXterm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "window_cell", lambda: None)
    app = app_with_copies()
    app._given.profile = Profile(graphics="sixel")  # type: ignore[union-attr]
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        terminal.answers_now()
        await pilot.pause()
        assert HALF in screen_text(app)
        assert not terminal.painted


def _line(output: FakeXterm, row: int) -> str:
    return "".join(output.characters.get((column, row), "") for column in range(output.size[0]))
