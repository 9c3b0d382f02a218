"""Make README's pictures again: ``python -m tests.pictures``. Nothing in them depends on the time or the machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from labeltui.ui.app import Console
from tests.pictures.story import BEGAN, SHELL, Scene, scenes
from tests.pictures.svg import Frame, draw
from tests.ui.fake_session import FakeSession, settled, wait_for
from tests.ui.screen_text import rows, screen_text

FOLDER = Path(__file__).parent
SIZE = (120, 40)
STILL = -8
"""The frame of the still picture: the training runs, and all labels are home."""


class _Session(FakeSession):
    """A fake session whose time is the story's."""

    prompt = SHELL
    now = BEGAN

    def clock(self) -> datetime:
        return self.now


async def _nothing(*_arguments: Any, **_options: Any) -> Mapping[str, Any]:
    """Stand in for an action: the story has its result."""
    return {"state": "running"}


async def frames() -> list[Frame]:
    """Play the story in a console of 120 x 40 cells, and return each screen."""
    played = list(scenes())
    session = _Session(played[0].state, log=b"")
    session.log.begin("r1", "/root/labeltui/r1.log")
    session.state_folder.documents["guide"] = {}
    found = []
    fed = 0
    with (
        patch("labeltui.operations.run.run_action", _nothing),
        patch("textual.constants.TEXTUAL_ANIMATIONS", "none"),
        patch.dict(os.environ, COLORTERM="truecolor"),
    ):
        app = Console(session=session, clock=session.clock)
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            await wait_for(pilot, lambda: "24564 MiB" in screen_text(app), "the shell's output")
            for scene in played:
                fed += _show(session, scene, fed)
                for key in scene.keys:
                    await pilot.press(key)
                await settled(pilot)
                found.append(Frame(tuple(rows(app)), scene.seconds))
    return found


def _show(session: _Session, scene: Scene, fed: int) -> int:
    """Publish the scene's values and log lines. Returns the bytes of the lines."""
    session.now = scene.at
    lines = "".join(f"{line}\n" for line in scene.log).encode()
    if lines:
        session.log.feed(fed, lines)
    session.store.publish(scene.state)
    return len(lines)


async def draw_all() -> Mapping[str, str]:
    """The text of each picture, by the name of its file."""
    shown = await frames()
    return {
        "console.svg": draw([shown[STILL]], "labeltui during a training"),
        "session.svg": draw(shown, "A label is submitted and copied home, and a model learns from it"),
    }


def main() -> None:
    """Write the pictures."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    FOLDER.mkdir(exist_ok=True)
    for name, text in asyncio.run(draw_all()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
