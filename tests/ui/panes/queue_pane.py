"""The queue pane in a test."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import Study, StudyQueue
from labeltui.ui.app import Console
from labeltui.ui.panes.queue.pane import QueuePane
from tests.ui.fake_session import connected, fresh, settled, wait_for

SIZE = (120, 40)


def queue_of(app: Console) -> QueuePane:
    pane = app.panes["queue"]
    assert isinstance(pane, QueuePane)
    return pane


async def opened(pilot: Pilot[int], app: Console) -> QueuePane:
    await settled(pilot)
    await pilot.press("4")
    queue = queue_of(app)
    await wait_for(pilot, lambda: app.frame_screen.focused is queue.focus_target)
    return queue


def with_studies(*studies: Study) -> SessionState:
    return replace(connected(), queue=fresh(StudyQueue(len(studies), 0, studies)))
