"""Sends a model to the host."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.hosts.base import Progress
from labeltui.hosts.uploading import Outgoing, Uploader

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.hosts.base import Host
    from labeltui.session.session import Session


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
