"""Polls whether MONAI Label and studies are on the host, whether or not a server runs."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from labeltui.config.model import ServerSection
from labeltui.domain.host import Prepared
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock, error_text

EVERY_S = 60.0  # each poll runs the environment's Python
UNPREPARED_S = 5.0  # a setup or an upload may end at any time


class PreparedWatch:
    """Writes the reading every 60 s, every 5 s while something is missing, and when the server's state changes."""

    def __init__(self, store: Store, settings: ServerSection, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._field = store.own(Fields.prepared)

    async def run(self, agent: AgentClient) -> None:
        """Poll the agent until the agent is gone."""
        settings = self._settings
        studies = "" if is_dicomweb(settings.studies) else settings.studies
        while True:
            before = _server(self._store.state)
            try:
                found = await agent.preflight(
                    folder=settings.folder, app=settings.app, studies=studies, port=settings.port
                )
            except Unreachable:
                raise
            except LabeltuiError as error:
                self._field.write(self._field.value.failed(error_text(error), interval_s=EVERY_S))
                wait = EVERY_S
            else:
                now = Prepared(found.venv_found and bool(found.app), found.any_study)
                wait = EVERY_S if now.installed and now.studies is not False else UNPREPARED_S
                self._field.write(self._field.value.succeeded(now, self._clock(), interval_s=EVERY_S))
            with suppress(TimeoutError):
                await self._store.wait_for(partial(_changed, before), wait)


def _server(state: SessionState) -> object:
    return None if state.server.value is None else state.server.value.state


def _changed(before: object, state: SessionState) -> bool:
    return _server(state) != before
