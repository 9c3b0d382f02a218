"""Doing things in a session as a person would: a report that remembers, and who answers questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from labeltui.domain.problems import LabeltuiError
from labeltui.operations.run import run_action
from labeltui.session.session import Session


class Told:
    """A report that remembers: ``lines`` for people, ``records`` of streams, and both in order in ``heard``."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: list[Mapping[str, Any]] = []
        self.heard: list[str] = []
        self._more = asyncio.Event()

    def progress(self, text: str) -> None:
        self.lines.append(text)
        self._hear(text)

    def emit(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)
        self._hear(str(record))

    def _hear(self, text: str) -> None:
        self.heard.append(text)
        self._more.set()

    async def said(self, words: str) -> None:
        """Wait until it was told something with these words in it."""
        while not any(words in text for text in self.heard):
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 30)

    def state(self, step: str) -> str:
        """The state that a step was in when it was last told of; empty before."""
        return next(
            (str(r["state"]) for r in reversed(self.records) if r.get("step") == step and "state" in r), ""
        )


class NobodyToAsk:
    """Whatever would be asked fails the test."""

    async def secret(self, title: str, prompt: str) -> str | None:
        raise AssertionError(f"{title}: {prompt}")

    async def trust_host_key(self, key: object) -> bool:
        raise AssertionError(f"asked about {key}")


class SaysNo:
    """Every question is refused."""

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    async def trust_host_key(self, key: object) -> bool:
        return False


async def do(session: Session, action: str, report: Told | None = None, **params: Any) -> Mapping[str, Any]:
    """Run a confirmed action; its document is returned."""
    return await run_action(session, action, params, report or Told(), confirmed=True)


async def failing(
    session: Session, action: str, report: Told | None = None, *, confirmed: bool = True, **params: Any
) -> LabeltuiError:
    """Run an action that has to fail; its failure is returned."""
    with pytest.raises(LabeltuiError) as failed:
        await run_action(session, action, params, report or Told(), confirmed=confirmed)
    return failed.value
