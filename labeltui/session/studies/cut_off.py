"""Finds the studies whose image files on the host are cut off, for the queue's table and before an inference."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from labeltui.config.model import ServerSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import Study
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.launch import expand
from labeltui.monailabel.programs import source_of
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.studies.folder import folder_of

SECONDS = 30.0
AT_ONCE = 2000  # studies that one program reads; it costs the start of a Python
AGAIN_S = 60.0  # a file that was cut off may have been replaced, which the list of studies does not show


async def read_cut_off(
    agent: AgentClient, settings: ServerSection, folder: str, studies: Sequence[Study]
) -> tuple[list[str], int]:
    """Return the ids of the studies whose image is cut off, and how many of the studies were read within 30 s.

    Runs the server's Python on the host. Raises the errors of AgentClient.run_program.
    """
    ids = {study.id + study.extension: study.id for study in studies}
    answer = await agent.run_program(
        f"{expand(settings.folder, agent.hello.home)}/venv/bin/python",
        source_of("cut_off"),
        {"folder": folder, "names": list(ids), "seconds": SECONDS},
        wall_s=2 * SECONDS,
    )
    try:
        return [ids[name] for name in answer["cut"]], int(answer["checked"])
    except (KeyError, TypeError, ValueError):
        raise Failed(Code.PROGRAM_FAILED, "The program on the host gave an unexpected answer.") from None


class CutOffWatch:
    """Reads each image of a folder once, again when its size changes, and every minute while it is cut off."""

    def __init__(self, store: Store, settings: ServerSection) -> None:
        self._store, self._settings = store, settings
        self._field = store.own(Fields.cut_off)
        self._read: dict[str, int | None] = {}  # the sizes of the images that were read, by study
        self._listed: tuple[Study, ...] = ()

    async def run(self, agent: AgentClient) -> None:
        """Write the ids of the studies until the agent is gone. Studies on DICOMweb have none."""
        while True:
            with suppress(TimeoutError):
                await self._store.wait_for(self._is_news, AGAIN_S if self._field.value else None)
            queue, folder = self._store.state.queue.value, folder_of(self._store.state)
            if queue is None or folder is None:
                self._field.write(frozenset())
                continue
            self._listed = queue.studies
            try:
                await self._read_all(agent, folder)
            except Unreachable:
                raise
            except LabeltuiError:
                self._listed = ()
                await asyncio.sleep(AGAIN_S)

    def _is_news(self, state: SessionState) -> bool:
        queue = state.queue.value
        if queue is None or folder_of(state) is None:
            return bool(self._field.value)
        return queue.studies is not self._listed

    async def _read_all(self, agent: AgentClient, folder: str) -> None:
        known = self._field.value & {study.id for study in self._listed}
        self._field.write(known)
        files = [study for study in self._listed if study.extension]
        due = [study for study in files if study.id in known or self._read.get(study.id, -1) != study.size]
        while due:
            now = due[:AT_ONCE]
            found, checked = await read_cut_off(agent, self._settings, folder, now)
            done = now[: max(1, checked)]
            self._read.update((study.id, study.size) for study in done)
            self._field.write(self._field.value - {study.id for study in done} | set(found))
            due = due[len(done) :]
