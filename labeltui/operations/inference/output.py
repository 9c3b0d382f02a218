"""The progress of a batch inference, which only its output has: the task's newest lines, and the server's log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from labeltui.domain.log.events import BatchProgress, TaskCommand
from labeltui.domain.log.lines import event, parse_line
from labeltui.domain.training.batch_log import RECENT, seconds_left

if TYPE_CHECKING:
    from labeltui.domain.training.tasks import Task
    from labeltui.session.log.store import LogStore

SEARCHED = 20_000
"""Newest lines of the log that are searched. One study prints about 40."""
_LINE = 1000
_AT_WORK = re.compile(r"Running inference for image id (.{1,300})$")


def progress_of(task: Task) -> tuple[int | None, int | None, float | None]:
    """Return the finished studies, all studies, and the seconds left. None while the output has no such line.

    The seconds are None until the second study is finished, and once the task has ended.
    """
    done = total = None
    ends: dict[int, datetime] = {}
    for line in task.details:
        record = parse_line(line)
        found = event(record)
        if isinstance(found, BatchProgress):
            done, total = found.done, found.total
            if record.time is not None:
                ends[found.done] = record.time
    left = None if total is None or task.state.ended else seconds_left(ends, total)
    return done, total, left


def at_work(task: Task) -> str:
    """Return the study that a task works on, or failed at; empty if its newest output does not say it."""
    for line in reversed(task.details):
        record = parse_line(line)
        if found := _AT_WORK.search(record.message):
            return found[1]
        if isinstance(event(record), BatchProgress):
            break
    return ""


def with_output(task: Task, log: LogStore) -> Task:
    """Return the task with its lines of progress from the log before its own lines.

    The server lists a task's 20 newest lines. One study prints more, and so does the traceback of a failure.
    """
    return replace(task, details=(*_logged(task, log), *task.details))


def _logged(task: Task, log: LogStore) -> Sequence[str]:
    """Return the batch's newest lines of progress in the log, and the lines of the studies that it began since.

    Lines from before or after the task's time are of other batches. The server writes both times by one clock, the
    task's in whole seconds.
    """
    found: list[str] = []
    finished = 0
    for index in range(log.line_count - 1, max(-1, log.line_count - 1 - SEARCHED), -1):
        raw = log.last_drawing(index, _LINE)[0]
        if b"batch_infer" not in raw:
            continue
        line = raw.decode("utf-8", "replace")
        record = parse_line(line)
        if record.time is None or task.started_at is None:
            continue
        if task.ended_at is not None and record.time >= task.ended_at + timedelta(seconds=1):
            continue
        reported = event(record)
        if record.time < task.started_at or isinstance(reported, TaskCommand):
            break
        if isinstance(reported, BatchProgress) or (not finished and _AT_WORK.search(record.message)):
            found.insert(0, line)
        finished += isinstance(reported, BatchProgress)
        if finished == RECENT:
            break
    return found
