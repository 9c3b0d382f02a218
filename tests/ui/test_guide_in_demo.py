"""The guide in the demo: a person who presses what the next line says ends with labels here and a trained model."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from labeltui.domain.guide.guide import guide
from labeltui.domain.guide.step import Mark
from labeltui.opening.launch import Launch
from labeltui.support.atomic import write_file
from labeltui.ui.app import Console

LONGEST_S = 60.0
FOLLOWED = ("server", "Slicer", "first label", "labels here", "training")


def shown(app: Console) -> str:
    line = app.frame_screen.next
    return str(line.render()).strip() if line.has_class("-on") else ""


def marks(app: Console) -> dict[str, Mark]:
    return {step.title: step.mark for step in guide(app.state)}


@pytest.mark.slow
async def test_the_next_line_leads_to_a_trained_model(tmp_path: Path) -> None:
    app = Console(Launch(demo="stopped"))
    pressed: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        end = time.monotonic() + LONGEST_S
        while any(marks(app).get(title) is not Mark.DONE for title in FOLLOWED):
            assert time.monotonic() < end, f"pressed {pressed}; now {shown(app)!r}: {marks(app)}"
            await pilot.pause(0.05)
            keys = re.match(r". now press (\S+ \S+|\S+): ", shown(app))
            if app.session is not None and not pressed:
                quicken(Path(app.session.state_folder.folder).parent)
            if keys is not None and keys[1] not in pressed:
                pressed.append(keys[1])
                await pilot.press(*keys[1].split())
    assert pressed[:1] == ["s s"]
    assert "t s" in pressed


def quicken(pod: Path) -> None:
    """Let the demo's annotators and trainings work without pauses. The server reads this when it starts."""
    for file in pod.rglob("scenario.json"):
        stored = json.loads(file.read_text())
        quick = {**stored, "epoch_seconds": 0.02, "annotator_pause": 0.5}
        if quick != stored:
            write_file(file, json.dumps(quick), mode=None)  # in one step: a training reads it at any time
