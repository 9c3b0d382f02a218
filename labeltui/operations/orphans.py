"""Trainings, batch inferences and scorings that outlived their server: ends them, and refuses another beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.domain.rules.ended_work import STOPS, own_orphans
from labeltui.domain.server.server import OrphanTask
from labeltui.domain.states import NOUNS

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def orphans_now(session: Session, *tasks: str) -> tuple[OrphanTask, ...]:
    """Ask the host again, and return the tasks of these kinds that labeltui may end."""
    await session.readiness.settled()
    session.watch.on_orphans(await (await session.link.ready()).orphans())
    return own_orphans(session.store.state, *tasks)


async def end_orphans(session: Session, orphans: Sequence[OrphanTask], report: Report) -> None:
    """End these tasks on the host, and read the list again."""
    if not orphans:
        return
    agent = await session.link.ready()
    for group, task in dict.fromkeys((one.pgid, one.task) for one in orphans):
        pids = ", ".join(str(one.pid) for one in orphans if (one.pgid, one.task) == (group, task))
        model = next(one.model for one in orphans if (one.pgid, one.task) == (group, task)) or "a model"
        report.progress(f"Ending the {NOUNS[task]} of {model} whose server has ended (pid {pids})")
        await agent.stop_orphans(group, task)
    session.watch.on_orphans(await agent.orphans())


async def refuse_beside_orphan(session: Session, task: str, code: Code) -> None:
    """Raise Refused with ``code`` while such a task of an earlier server is at work: two would write the same."""
    for orphan in await orphans_now(session, task):
        raise Refused(
            code, f"A {orphan.named} is still at work although its server has ended.",
            f"It goes on to write. Stop it with `labeltui {STOPS[task]}`, or wait for its end.",
        )  # fmt: skip


def orphan_document(session: Session, orphan: OrphanTask, state: str = "orphaned") -> Document:
    """Return the document of a task that outlived its server, in the form of a task that the server lists."""
    ended = state != "orphaned"
    verb = "was stopped" if ended else "is still at work"
    message = f"The {orphan.named} {verb}; its server has ended."
    error = {
        "code": Code.ORPHANED,
        "message": message,
        "hint": f"`labeltui {STOPS[orphan.task]}` stops it.",
    }
    return {
        "as_of": documents.moment(session.clock()),
        "state": state,
        "message": message,
        "subject": orphan.model or None,
        "started_at": documents.moment(orphan.started_at),
        "error": None if ended else error,
    }
