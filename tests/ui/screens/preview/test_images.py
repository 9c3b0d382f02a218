"""The planes as images of a terminal that shows Kitty's."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from labeltui.config.model import Profile
from labeltui.ui.app import Console
from labeltui.ui.graphics import kitty
from labeltui.ui.graphics.terminal import QUERY, Terminal
from labeltui.ui.screens.preview.cells import HALF
from labeltui.ui.screens.preview.labels import LabelsScreen
from labeltui.ui.screens.preview.plane import PlaneView
from tests.ui.fake_session import wait_for
from tests.ui.panes.queue_pane import SIZE
from tests.ui.screen_text import screen_text
from tests.ui.screens.preview.fake_preview import ORGAN
from tests.ui.screens.preview.fake_preview import SIZE as VOXELS
from tests.ui.screens.preview.kitty_terminal import Image, KittyTerminal
from tests.ui.screens.preview.test_preview import Opened, app_with_copies, opened, plane, previews, title

__all__ = ["previews"]
ANSWERS = "\x1bP>|kitty(0.36.4)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62c"


class FakeKitty(KittyTerminal):
    """The output of a console in kitty. It answers once ``answers_now`` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = ""
        self.answers: Any = str
        self.is_behind = False
        self.asked = 0

    def write(self, data: str) -> None:
        self.asked += data == QUERY
        self.read(data)

    def window_cell(self) -> tuple[int, int] | None:
        return None

    def answers_now(self) -> None:
        assert self.answers(ANSWERS) == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> FakeKitty:
    output = FakeKitty()
    it = Terminal(output, {})
    monkeypatch.setattr("labeltui.ui.screens.preview.pictures.terminal_of", lambda _app: it)
    return output


def strips(app: Console, name: str) -> list[Strip]:
    return [plane(app, name).render_line(y) for y in range(plane(app, name).size.height)]


def shown(app: Console, output: FakeKitty, name: str = "axial") -> Image | None:
    """The image whose characters fill a plane, each at its place; None if there are none."""
    found: set[tuple[int, int, int]] = set()
    numbers: set[int] = set()
    top = left = None
    for y, strip in enumerate(strips(app, name)):
        x = 0
        for segment in strip:
            if segment.text.startswith("\U0010eeee"):
                top, left = (y if top is None else top), (x if left is None else left)
                row, column = (kitty.MARKS.index(mark) for mark in segment.text[1:])
                assert (row, column) == (y - top, x - left)
                assert segment.style is not None
                assert segment.style.color is not None
                red, green, blue = segment.style.color.triplet  # type: ignore[misc]
                numbers.add(red << 16 | green << 8 | blue)
                found.add((row, column, 0))
            x += segment.cell_length
    if not found:
        return None
    (number,) = numbers
    image = output.images[number]
    assert len(found) == image.columns * image.lines
    return image


async def with_images(pilot: Pilot[Any], app: Console, output: FakeKitty) -> None:
    await opened(pilot, app)
    assert not output.sent
    assert HALF in screen_text(app)
    output.answers_now()
    await wait_for(pilot, lambda: shown(app, output) and shown(app, output, "sagittal"), "images")


async def test_late_answers_turn_cells_into_images_of_the_same_slice(
    previews: Opened, terminal: FakeKitty
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_images(pilot, app, terminal)
        await wait_for(pilot, lambda: len((shown(app, terminal) or _no_image()).rows[0]) == VOXELS[0])
        image = shown(app, terminal)
        assert image is not None
        assert (len(image.rows[0]), len(image.rows)) == VOXELS[:2]
        organ, air = image.rows[ORGAN[1] + 5][ORGAN[0]], image.rows[0][0]
        assert organ[0] > organ[2] + 60, "the label's orange"
        assert air == (0, 0, 0)
        sent = terminal.sent
        await pilot.press("space")
        await wait_for(pilot, lambda: terminal.sent > sent)
        await wait_for(
            pilot, lambda: _is_grey((shown(app, terminal) or _no_image()).rows[ORGAN[1] + 5][ORGAN[0]])
        )
        await pilot.press("home")
        await wait_for(pilot, lambda: "1 of 40" in title(app) and shown(app, terminal))
        await pilot.click("#axial", offset=(plane(app, "axial").size.width // 2, 10))
        await wait_for(pilot, lambda: previews.last.asked[-1].plane != "axial", "the crosshair moved")
        await pilot.press("escape")
        await wait_for(pilot, lambda: previews.last.closed)
        assert (terminal.images, terminal.pictures, terminal.asked) == ({}, "", 1)


async def test_a_dialog_removes_the_images_and_they_return_in_the_new_size(
    previews: Opened, terminal: FakeKitty
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_images(pilot, app, terminal)
        await pilot.press("l")
        await wait_for(pilot, lambda: isinstance(app.screen, LabelsScreen))
        await wait_for(pilot, lambda: not terminal.images, "no image behind the dialog")
        axial = app.screen_stack[-2].query_one("#axial", PlaneView)
        middle = axial.size.height // 2
        await wait_for(pilot, lambda: HALF in axial.render_line(middle).text, "cells again")
        await pilot.press("escape")
        await wait_for(pilot, lambda: shown(app, terminal), "images again")
        before = shown(app, terminal)
        await pilot.resize_terminal(90, 24)
        await wait_for(pilot, lambda: shown(app, terminal) not in (None, before), "an image of the new size")
        await pilot.press("escape")
        await wait_for(pilot, lambda: not terminal.images)


async def test_an_answer_while_a_dialog_covers_the_planes_shows_images_afterwards(
    previews: Opened, terminal: FakeKitty
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("l")
        await wait_for(pilot, lambda: isinstance(app.screen, LabelsScreen))
        terminal.answers_now()
        await pilot.pause()
        await pilot.pause()
        assert not terminal.sent
        await pilot.press("escape")
        await wait_for(pilot, lambda: shown(app, terminal), "images")


async def test_only_the_newest_slice_is_sent_to_a_slow_terminal(
    previews: Opened, terminal: FakeKitty
) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await with_images(pilot, app, terminal)
        await wait_for(pilot, lambda: len((shown(app, terminal) or _no_image()).rows[0]) == VOXELS[0])
        await pilot.pause()
        terminal.is_behind, sent = True, terminal.sent
        for _ in range(10):
            await pilot.press("up")
            await pilot.pause()
        await wait_for(pilot, lambda: previews.last.asked[-1].index == 36)
        assert terminal.sent == sent
        terminal.is_behind = False
        await wait_for(pilot, lambda: "37 of 40" in title(app), "the newest")
        assert terminal.sent - sent <= 2 * 3


@pytest.mark.parametrize(("setting", "text"), [("blocks", HALF), ("none", "@")])
async def test_a_profile_without_images_never_asks(
    previews: Opened, terminal: FakeKitty, setting: str, text: str
) -> None:
    app = app_with_copies()
    app._given.profile = Profile(graphics=setting)  # type: ignore[union-attr, arg-type]
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await wait_for(pilot, lambda: text in screen_text(app))
        assert not terminal.asked
        assert (HALF in screen_text(app)) is (setting == "blocks")


def _no_image() -> Image:
    return Image([[]], 0, 0)


def _is_grey(pixel: tuple[int, int, int]) -> bool:
    return len(set(pixel)) == 1
