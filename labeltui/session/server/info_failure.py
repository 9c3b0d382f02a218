"""Explains why a running server answers ``/info/`` with an error. Reads its traceback and its statistics files."""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Callable

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.meaning import meaning
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.domain.server.server import ServerInfo
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.log.store import LogStore
from labeltui.session.server.process import ServerWatch

TRACEBACK_S = 3.0  # the output arrives on another connection than the answer
LONGEST_TRACEBACK = 400  # lines
MOST_MODELS = 200
STATS = "train_stats.json"
_NOT_FINITE = re.compile(rb"[:,\[]\s*-?(?:NaN|Infinity)\b")


class InfoRequests:
    """Requests ``/info/``. If a running server answers with an error, ``watch`` gets the reason."""

    def __init__(self, watch: ServerWatch, agent: Callable[[], AgentClient | None]) -> None:
        self._watch, self._agent = watch, agent

    async def info(self, client: MonaiLabelClient) -> ServerInfo:
        """Request ``/info/``. Raises Failed ``info_failed`` for HTTP 500, and otherwise the client's errors."""
        errors = len(self._watch.log.errors)
        problem = None
        try:
            return await client.info()
        except Failed as error:
            if error.problem.code != Code.SERVER_ERROR:
                raise
            problem = await self._explain(errors)
            raise Failed(problem.code, problem.message, problem.hint, problem.detail) from error
        finally:
            self._watch.on_info_failure(problem)

    async def _explain(self, errors_before: int) -> Problem:
        traceback = await self._traceback(errors_before)
        last = traceback[-1].strip() if traceback else "HTTP status 500"
        files = await self._broken_stats()
        hint = "The traceback is in the server's log."
        if files:
            hint = (
                f"Move {' and '.join(files)} to another folder: JSON can't contain NaN or infinite numbers."
            )
        elif meant := next(
            (found for line in reversed(traceback) if (found := meaning(parse_line(line)))), None
        ):
            hint = meant.todo
        message = f"The server runs, but fails to answer /info/: {last.rstrip('.')}."
        return Problem(Code.INFO_FAILED, message, hint, "\n".join(traceback))

    async def _traceback(self, errors_before: int) -> list[str]:
        """Return the lines of the traceback that the request caused. Empty if the output has none within 3 s."""
        log = self._watch.log
        if self._watch.is_remote:  # its API serves no tracebacks
            return []
        grown = asyncio.Event()
        unsubscribe = log.subscribe(grown.set)
        try:
            async with asyncio.timeout(TRACEBACK_S):
                while not (lines := _last_traceback(log, errors_before)):
                    grown.clear()
                    await grown.wait()
        except TimeoutError:
            return []
        finally:
            unsubscribe()
        return lines

    async def _broken_stats(self) -> list[str]:
        """Return the paths of the models' statistics files that contain NaN or an infinite number."""
        agent, app = self._agent(), self._watch.app_folder
        if agent is None or app is None:
            return []
        folder = posixpath.join(app, "model")
        found = []
        try:
            names = await agent.list_folder(folder)
        except LabeltuiError:
            return []
        for name in names[:MOST_MODELS]:
            path = posixpath.join(folder, name, STATS)
            try:
                if _NOT_FINITE.search(await agent.read(path)):
                    found.append(path)
            except LabeltuiError:
                continue
        return found


def _last_traceback(log: LogStore, errors_before: int) -> list[str]:
    """Return the newest traceback of a request among the errors after the first ``errors_before``."""
    for number in reversed(range(errors_before, len(log.errors))):
        error = log.errors[number]
        lines = log.lines(error.first, min(error.last + 1, error.first + LONGEST_TRACEBACK))
        text = [line.decode("utf-8", "replace") for line in lines]
        # A traceback ends in a line that is not indented. Before that, it was read in part only.
        if "ASGI application" in text[0] and len(text) > 2 and text[-1][:1].strip():
            return text
    return []
