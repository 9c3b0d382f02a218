"""Follows, shows and stops a background task of the server: a batch inference or a scoring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.rules import span
from labeltui.domain.log.events import TaskResult
from labeltui.domain.log.lines import event, parse_line
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.states import ServerState
from labeltui.domain.text import one_line
from labeltui.domain.training.batch import how_to_go_on
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.operations.beside import submitted
from labeltui.operations.copying import RECONNECT_S
from labeltui.operations.inference.output import at_work, progress_of, with_output
from labeltui.operations.orphans import end_orphans, orphan_document, orphans_now

if TYPE_CHECKING:
    from labeltui.monailabel.client import MonaiLabelClient
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

POLL_S = 2.0
FAILURES = 5
"""Polls in a row that may fail before following ends. The server answers nobody while it loads DICOM."""
STOP_S = 30.0
QUICK_S = 5.0


@dataclass(frozen=True)
class Kind:
    """A kind of task: how the server lists and stops it, and the command that starts it."""

    name: str
    task: str  # MONAI Label's word
    command: str
    tasks: Callable[[MonaiLabelClient], Awaitable[tuple[Task, ...]]]
    stop: Callable[[MonaiLabelClient], Awaitable[None]]


BATCH = Kind(
    "batch inference", "batch_infer", "labeltui infer", lambda c: c.batch_tasks(), lambda c: c.stop_batch()
)
SCORING = Kind(
    "scoring", "scoring", "labeltui score", lambda c: c.scoring_tasks(), lambda c: c.stop_scoring()
)


async def begin(session: Session, kind: Kind, submit: Callable[[MonaiLabelClient], Awaitable[Task]]) -> Task:
    """Return the task that ``submit`` submits. Raises Refused that says who runs the one of this kind, if one runs."""
    client = session.api.client()

    async def present() -> Task | None:
        return _present(await kind.tasks(client))

    return await submitted(
        submit(client), present, kind.name, kind.command, lambda task: _in_brackets(session, kind, task)
    )


def _in_brackets(session: Session, kind: Kind, task: Task) -> str:
    """Return how far a task is, as `` (3 of 5 studies done)``; empty if that is not known."""
    done, total, _ = progress_of(_with_output(session, kind, task))
    return f" ({done or 0} of {total} studies done)" if total else ""


async def follow(session: Session, kind: Kind, task_id: str, report: Report) -> Document:
    """Report progress until the task has ended, and return its document.

    Raises Failed with the document if it failed or was stopped, and ``server_gone`` if the server lists it no more.
    """
    client, failures, reported = session.api.client(), 0, ""
    last: Task | None = None
    while True:
        try:
            task = next((one for one in await kind.tasks(client) if one.id == task_id), None)
        except LabeltuiError:
            failures += 1
            server = session.store.state.server.value
            down = server is not None and server.state in (ServerState.STOPPED, ServerState.CRASHED)
            if not session.link.is_connected:
                report.progress(
                    f"The connection is lost. The {kind.name} goes on there; labeltui connects again."
                )
                await session.link.ready(RECONNECT_S)
                failures, reported = 0, ""
            elif down and last is not None:
                raise _ended_with_server(session, kind, last) from None
            elif down or failures >= FAILURES:
                raise
        else:
            failures = 0
            if task is None:
                raise _forgotten(kind)
            last = task
            if task.state.ended:
                session.pollers.queue.wake()
                session.labels.wake()
                return ended(session, kind, task)
            text = progress_text(kind, _with_output(session, kind, task))
            if text != reported:
                report.progress(text)
                reported = text
        await asyncio.sleep(POLL_S)


def _forgotten(kind: Kind) -> Failed:
    return Failed(
        Code.SERVER_GONE, f"The server no longer knows the {kind.name}.",
        f"The server was probably restarted, which ends its tasks. Start it again with `{kind.command}`.",
    )  # fmt: skip


def _ended_with_server(session: Session, kind: Kind, task: Task) -> Failed:
    """Return the error of a task whose server was stopped or crashed, with what the task had done."""
    done, total, _ = progress_of(_with_output(session, kind, task))
    again = how_to_go_on(task, done or 0) if kind is BATCH else f"`{kind.command}` starts it again."
    return Failed(
        Code.SERVER_GONE, f"The server ended, and the {_name(kind, task)} with it{_after(done, total)}.",
        f"Start the server. Then {again[:1].lower()}{again[1:]}" if again else "Start the server.",
    )  # fmt: skip


def ended(session: Session, kind: Kind, task: Task) -> Document:
    """Return the document of a task that is done. Raises Failed with the document if it ended otherwise."""
    document = task_document(session, kind, task)
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


def task_document(session: Session, kind: Kind, task: Task | None) -> dict[str, Any]:
    """Return the task with its progress: studies that are done, and the seconds left; None for no task."""
    now = documents.moment(session.clock())
    if task is None:
        message = f"No {kind.name} was started since this server started."
        return {"as_of": now, "state": "idle", "message": message, "error": None}
    whole = _with_output(session, kind, task)
    (done, total, left), study = progress_of(whole), at_work(whole)
    zone = session.watch.zone
    started, over = (at and at.replace(tzinfo=zone) for at in (task.started_at, task.ended_at))
    return {
        "as_of": now,
        "state": task.state.value,
        "message": _message(kind, whole, done, total),
        "task_id": task.id,
        "subject": task.subject,
        "done": done,
        "total": total,
        "study": study or None,
        "eta_s": left,
        "started_at": documents.moment(started),
        "ended_at": documents.moment(over),
        "results": dict(_result(task)) if kind is SCORING else None,
        "error": _error(kind, task, study, done, total),
    }


def _with_output(session: Session, kind: Kind, task: Task) -> Task:
    return with_output(task, session.log) if kind is BATCH else task


def _message(kind: Kind, task: Task, done: int | None, total: int | None) -> str:
    if task.state is TaskState.DONE and kind is BATCH:
        studies = "the studies" if done is None else "1 study" if done == 1 else f"{done} studies"
        return f"{task.subject} labelled {studies}. The labels have the tag original, beside the annotators' own."
    if task.state.ended:
        return f"The {_name(kind, task)} with {task.subject} is {task.state.value}{_after(done, total)}."
    return progress_text(kind, task)


def _after(done: int | None, total: int | None) -> str:
    """Return how far a task of several studies came, as `` after 3 of 5 studies``."""
    return f" after {done or 0} of {total} studies" if total and total > 1 else ""


def _name(kind: Kind, task: Task) -> str:
    """Return the kind's name; for an inference of one study, its name."""
    images = task.request.get("images")
    alone = kind is BATCH and isinstance(images, (list, tuple)) and len(images) == 1
    return f"inference of {one_line(str(images[0]))}" if alone and images else kind.name


def progress_text(kind: Kind, task: Task) -> str:
    """Return one line with the progress of a task that runs."""
    name = _name(kind, task)
    name = f"{name[:1].upper()}{name[1:]} with {task.subject}"
    if task.state is TaskState.SUBMITTED:
        return f"{name} waits in the server's queue"
    done, total, left = progress_of(task)
    if done is None:
        return f"{name} loads libraries and weights" if kind is BATCH else f"{name} runs"
    parts = [f"{name}: {done} of {total} studies"]
    parts += [f"about {span(left)} left"] if left else []
    return ", ".join(parts)


def _result(task: Task) -> Mapping[str, Any]:
    found = [event(parse_line(line)) for line in task.details]
    return next((one.document for one in reversed(found) if isinstance(one, TaskResult)), {})


def _error(kind: Kind, task: Task, study: str, done: int | None, total: int | None) -> dict[str, Any] | None:
    if task.state not in (TaskState.ERROR, TaskState.STOPPED):
        return None
    of = _after(done, total)
    again = how_to_go_on(task, done or 0) if kind is BATCH else ""
    if task.state is TaskState.STOPPED:
        return {"code": Code.STOPPED, "message": f"The {_name(kind, task)} was stopped{of}.", "hint": again}
    where = f" at {one_line(study)}" if study and total != 1 else ""
    reason = next(
        (one_line(line.strip()) for line in reversed(task.details) if line.strip()), "it printed no reason"
    )
    if again:
        again = f"One study that can't be read ends the batch. Replace it; then {again}"
    return {
        "code": Code.PROGRAM_FAILED,
        "message": f"The {_name(kind, task)} failed{where}{of}: {reason}",
        "hint": again,
    }


async def status(session: Session, kind: Kind) -> Document:
    """Return the task that outlived its server, else the running task, else the newest one."""
    for orphan in await orphans_now(session, kind.task):
        return orphan_document(session, orphan)
    await session.readiness.need_server()
    tasks = await kind.tasks(session.api.client())
    return task_document(session, kind, _present(tasks))


def _present(tasks: tuple[Task, ...]) -> Task | None:
    return next((one for one in tasks if not one.state.ended), tasks[-1] if tasks else None)


async def running(session: Session, kind: Kind) -> Task:
    """Return the task that runs. Raises Failed ``not_found`` if none runs."""
    await session.readiness.need_server()
    task = _present(await kind.tasks(session.api.client()))
    if task is None or task.state.ended:
        raise Failed(Code.NOT_FOUND, f"No {kind.name} is running.", f"`{kind.command}` starts one.")
    return task


async def need_running(session: Session, kind: Kind) -> str:
    """Return an empty text. Raise Failed ``not_found`` if neither the server nor an earlier one has a task to stop."""
    if not await orphans_now(session, kind.task):
        await running(session, kind)
    return ""


async def before_server_stop(session: Session) -> str:
    """Return a sentence about a running batch inference whose log is not read yet, else an empty text.

    A command asks its question before it has read the log, which the console's question is based on.
    """
    server = session.store.state.server.value
    return "" if server is not None and server.batch is not None else await batch_that_ends(session)


async def batch_that_ends(session: Session) -> str:
    """Return a sentence about the running batch inference, which a stop of the server ends; empty without one."""
    server = session.store.state.server.value
    if server is None or server.state in (ServerState.STOPPED, ServerState.CRASHED):
        return ""
    try:
        async with asyncio.timeout(QUICK_S):
            task = await running(session, BATCH)
    except (LabeltuiError, TimeoutError):
        return ""
    name, of = one_line(task.subject or "a model"), _in_brackets(session, BATCH, task)
    return f"A batch inference with {name} runs{of}. It is stopped too; the labels that it has stored stay."


async def stop(session: Session, kind: Kind, report: Report) -> Document:
    """Stop the running task and wait until it has ended. Raises Failed ``not_found`` if none runs.

    A task that outlived its server is ended on the host. The server stops a process only; a task whose process has
    not begun needs another request.
    """
    if orphans := await orphans_now(session, kind.task):
        await end_orphans(session, orphans, report)
        return orphan_document(session, orphans[0], "stopped")
    task, client = await running(session, kind), session.api.client()
    report.progress(f"Stopping the {_name(kind, task)} with {task.subject}")
    try:
        async with asyncio.timeout(STOP_S):
            while not task.state.ended:
                await kind.stop(client)
                listed = next((one for one in await kind.tasks(client) if one.id == task.id), None)
                if listed is None:
                    raise _forgotten(kind)
                task = listed
                if not task.state.ended:
                    await asyncio.sleep(1)
    except TimeoutError:
        raise Failed(
            Code.SERVER_BUSY, f"The {kind.name} did not stop within {STOP_S:.0f} s.", "Try it again."
        ) from None
    session.pollers.queue.wake()
    return {**task_document(session, kind, task), "error": None}
