"""Run a session's actions, record what they report, and answer their questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from labeltui.domain.problems import LabeltuiError
from labeltui.operations.run import run_action
from labeltui.session.session import Session

WITHIN_S = 30.0


class RecordingReport:
    """Stores ``lines`` of progress, the ``records`` of streams, and both as ``texts`` in the order they came."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: list[Mapping[str, Any]] = []
        self.texts: list[str] = []
        self._more = asyncio.Event()

    def progress(self, text: str) -> None:
        self.lines.append(text)
        self._add(text)

    def emit(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)
        self._add(str(record))

    def _add(self, text: str) -> None:
        self.texts.append(text)
        self._more.set()

    async def wait_for(self, words: str) -> None:
        """Wait until a line or record contains ``words``. Raises TimeoutError after 30 seconds."""
        while not any(words in text for text in self.texts):
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), WITHIN_S)

    def state(self, step: str) -> str:
        """The last reported state of a step; empty before the first."""
        return next(
            (str(r["state"]) for r in reversed(self.records) if r.get("step") == step and "state" in r), ""
        )


class FailingPrompter:
    """A prompter that fails the test at any question."""

    async def secret(self, title: str, prompt: str) -> str | None:
        raise AssertionError(f"{title}: {prompt}")

    def notice(self, text: str) -> None:
        raise AssertionError(text)

    async def trust_host_key(self, key: object) -> bool:
        raise AssertionError(f"asked about {key}")


class RefusingPrompter:
    """A prompter that answers no to every question."""

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: object) -> bool:
        return False


async def run_confirmed(
    session: Session, action: str, report: RecordingReport | None = None, **params: Any
) -> Mapping[str, Any]:
    """Run an action that needs no further confirmation, and return its document."""
    return await run_action(session, action, params, report or RecordingReport(), confirmed=True)


async def failing(
    session: Session,
    action: str,
    report: RecordingReport | None = None,
    *,
    confirmed: bool = True,
    **params: Any,
) -> LabeltuiError:
    """Run an action that must fail, and return the error."""
    with pytest.raises(LabeltuiError) as failed:
        await run_action(session, action, params, report or RecordingReport(), confirmed=confirmed)
    return failed.value
