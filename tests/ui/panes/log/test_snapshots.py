"""Pictures of the log: columns at two widths, a gap, an error under the cursor, what was asked, and harm made text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.session.log.store import APP_LOG
from labeltui.ui.app import Console
from labeltui.ui.panes.log.pane import LogPane
from tests.paths import MONAILABEL
from tests.ui.fake_session import NOW, connected, console, settled

Compare = Callable[..., bool]
RECORDED = MONAILABEL / "log_train_error_corrupt_image.txt"
TAIL = (
    b"\x1b[32m 10%\x1b[0m|#   |\r\x1b[32m 55%\x1b[0m|##  |\n"
    b"[red]x[/] \x1b]0;title\x07 \x1b[2J \xff \xe2\x80\xae\n"
    b"[2026-11-23 17:11:02,004] [4242] [MainThread] [CRITICAL] (monailabel.interfaces.app:408) - out of memory\n"
)
WRITTEN = b"[2026-11-23 17:11:03,100] [77] [MainThread] [WARNING] (main:9) - another server writes here too\n"


def before(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """A log with a gap in it; then keys."""

    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        app = pilot.app
        assert isinstance(app, Console)
        pane = app.panes["log"]
        assert isinstance(pane, LogPane)
        store = pane.view.store
        store.lost(NOW, "reset")
        store.back(NOW + timedelta(seconds=7))
        store.feed(store.size, TAIL)
        store.add(APP_LOG, WRITTEN)
        store.add(APP_LOG, WRITTEN, late=True, at=NOW.replace(tzinfo=None))
        pane.view.follow()
        await pilot.pause()
        await pilot.press("z")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        pane.view.redraw()
        pane._update_titles()
        app.paint()
        await pilot.pause()

    return run


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        ((80, 24), ("e", "E")),
        ((80, 24), ("e", "E", "j", "enter")),
        ((120, 40), ("ctrl+f", *"epoch", "enter", "slash", *"!pil")),
        ((120, 40), ("ctrl+f", *"nrrd", "enter", "T", "T", "c", "t", "g")),
        ((200, 60), ("w", "k")),
        ((200, 60), ("slash", *"read", "enter", "k")),
    ],
    ids=["error", "opened", "asking", "columns", "wrapped", "filtered"],
)
@pytest.mark.slow
def test_log(snap_compare: Compare, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    app = console(replace(connected(), log_errors=7), log=RECORDED.read_bytes())
    assert snap_compare(app, terminal_size=size, run_before=before(*keys))
