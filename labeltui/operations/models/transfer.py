"""Copies a model to or from the host, and connects again after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Problem, Unreachable
from labeltui.hosts.base import Progress
from labeltui.hosts.uploading import Outgoing, Uploader
from labeltui.support.backoff import backoff_s

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.hosts.base import Host
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

T = TypeVar("T")
RECONNECT_S = 600.0
MOST_FAILURES = 8  # attempts in a row that copied nothing


async def until_copied(
    session: Session, copy: Callable[[Progress], Awaitable[T]], progress: Progress, report: Report
) -> T:
    """Call ``copy`` until it succeeds. Each call continues where the last one lost the connection.

    Raises Unreachable after eight calls in a row that copied nothing, or if the host can't be reached for as long,
    and the other errors of ``copy`` at once.
    """
    furthest = failures = 0

    def on_progress(done: int, size: int) -> None:
        nonlocal furthest
        furthest = max(furthest, done)
        progress(done, size)

    while True:
        before = furthest
        try:
            await session.link.ready(RECONNECT_S)
            return await copy(on_progress)
        except Unreachable as error:
            failures = 1 if furthest > before else failures + 1
            if failures > MOST_FAILURES:
                raise
            report.progress(f"{error.problem.message} labeltui connects again and copies the rest.")
            await asyncio.sleep(backoff_s(failures))


@dataclass(frozen=True, slots=True)
class Target:
    """A file on the host: its absolute folder, and its name in it."""

    folder: str
    name: str

    @classmethod
    def of(cls, path: str) -> Target:
        """Split an absolute path."""
        folder, _, name = path.rpartition("/")
        return cls(folder, name)


async def send_file(host: Host, agent: AgentClient, source: Path, target: Target, progress: Progress) -> None:
    """Send a file, which replaces ``target`` in one step. Continues after the bytes that an earlier attempt left.

    Raises Failed ``checksum`` if the file changed meanwhile, the host's failures, and Unreachable.
    """
    found = await asyncio.to_thread(source.stat)
    file = Outgoing(source, target.name, found.st_size, found.st_mtime_ns, replace=True)
    (part,) = (await agent.compare_upload(target.folder, (), (file.version,))).parts
    done, problems = 0, list[Problem]()

    def on_bytes(count: int) -> None:
        nonlocal done
        done += count
        progress(done, found.st_size)

    def on_file(_file: Outgoing, problem: Problem | None) -> None:
        if problem is not None:
            problems.append(problem)

    progress(0, found.st_size)
    left = (replace(file, part=part),)
    await Uploader(host, agent.program, target.folder, left, on_bytes, on_file).run()
    if problems:
        raise Failed(
            Code.CHECKSUM, f"{source} changed while it was sent, so the host did not store it.", "Send it again."
        )  # fmt: skip


async def delete_parts(session: Session, folder: str) -> None:
    """Delete what attempts to send files into ``folder`` have left on the host. Raises nothing."""
    with suppress(LabeltuiError):
        await (await session.link.ready()).tidy_upload(folder, every=True)
