"""Says who runs the training, batch inference or scoring because of which the server refuses another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.text import one_line
from labeltui.domain.training.tasks import Task

REQUESTED_BY = "requested_by"
"""The field of a request that names user and machine. The server repeats it where it lists the task."""


async def submitted(
    begun: Awaitable[Task],
    running: Callable[[], Awaitable[Task | None]],
    noun: str,
    command: str,
    progress: Callable[[Task], str] = lambda _task: "",
) -> Task:
    """Return the task that ``begun`` submits.

    Raises Refused ``already_training``, ``already_inferring`` or ``already_scoring``: who began the one that runs,
    when, and what to do. ``command`` is that of its kind, such as ``labeltui infer``.
    """
    try:
        return await begun
    except Refused as error:
        raise await _named(error, running, noun, command, progress) from None


async def _named(
    error: Refused,
    running: Callable[[], Awaitable[Task | None]],
    noun: str,
    command: str,
    progress: Callable[[Task], str],
) -> Refused:
    try:
        task = await running()
    except LabeltuiError:
        return error
    if task is None or task.state.ended:
        return error
    who = next((task.request[key] for key in (REQUESTED_BY, "client_id") if task.request.get(key)), "")
    subject = f" with {one_line(task.subject)}" if task.subject else ""
    since = f" since {task.started_at:%Y-%m-%d %H:%M} by the host's clock" if task.started_at else ""
    begun_by = f", begun by {one_line(str(who))[:100]}" if who else ""
    message = f"A {noun}{subject} runs{since}{begun_by}{progress(task)}."
    enqueue = " `--enqueue` puts the new one behind it." if command == "labeltui train" else ""
    hint = f"Wait for its end (`{command} status`), or stop it (`{command} stop`).{enqueue}"
    return Refused(error.problem.code, message, hint)
