from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from labeltui import actions, cli
from labeltui.cli import parser
from labeltui.cli.parser import build_parser
from labeltui.domain.state import Identity, SessionState
from labeltui.opening.launch import Launch
from labeltui.operations.table import OPERATIONS
from labeltui.session.connection.consoles import Consoles
from labeltui.session.connection.link import Link
from labeltui.session.history.journal import Journal
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from tests.fakes.host import MemoryHost

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


class FakeSession:
    """A session for the command line, over a host in memory. ``events`` has the names of the functions that ran."""

    profile_read_only = False

    def __init__(self, launch: Launch, host: MemoryHost) -> None:
        self.launch = launch
        self.name = launch.profile or "liver"
        self.read_only = launch.read_only or self.profile_read_only
        self.store = Store(SessionState(Identity(self.name, self.read_only)))
        self.journal = Journal()
        self.state_folder = StateFolder(Path("unused"))
        self.events: list[str] = []
        self.shell: Any = None
        self.link = Link(host, self.name, "~/labeltui", "python3", self.store, self.clock)
        self.consoles = Consoles(self.store, self.link, self.clock)
        self._running: asyncio.Task[None] | None = None

    def clock(self) -> datetime:
        return NOW

    def busy(self, title: str, on: bool) -> None:
        self.events.append(f"{'+' if on else '-'}{title}")

    async def start(self, *, hold: bool = True) -> None:
        self.events.append(f"start hold={hold}")
        self._running = asyncio.create_task(self.link.run())

    async def close(self) -> None:
        self.events.append("close")
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def open_shell(self, columns: int, rows: int, command: str | None = None) -> Any:
        self.events.append(f"shell {command}")
        return self.shell


class Rig:
    """Runs the command line against a stand-in session and stand-in operations."""

    stand_in = FakeSession

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.host = MemoryHost("root@h:22")
        self.session: FakeSession | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.consoles: list[Launch] = []
        self.does: Callable[..., Any] | None = None
        self.shell: Any = None
        self.by_id = dict(actions.BY_ID)
        for action in actions.ACTIONS:
            self._record(action)
        monkeypatch.setattr("labeltui.cli.parser.BY_ID", self.by_id)
        monkeypatch.setattr("labeltui.operations.run.BY_ID", self.by_id)
        self.terminal(present=False)

    def terminal(self, *, present: bool, answers: tuple[str | None, ...] = ()) -> list[str]:
        """Set whether there is a terminal, and the answers given on it. Returns the list of the questions."""
        questions: list[str] = []
        left = list(answers)

        async def ask(_self: Any, question: str, *, echo: bool = True) -> str | None:
            questions.append(question)
            return left.pop(0)

        self._monkeypatch.setattr("labeltui.cli.asking.TerminalPrompter.present", property(lambda _: present))
        if present:
            self._monkeypatch.setattr("labeltui.cli.asking.TerminalPrompter.ask", ask)
        return questions

    def _record(self, action: actions.Action) -> None:
        """Replace the action's operation by one that only records the call."""
        if action.id not in OPERATIONS:
            return

        async def run(session: Any, params: Any, report: Any) -> Any:
            self.calls.append((action.id, params.given()))
            if self.does is None:
                return {"as_of": NOW.isoformat(), "did": action.id}
            return await self.does(session, params, report)

        self._monkeypatch.setitem(OPERATIONS, action.id, run)

    def irreversible(self, action_id: str) -> None:
        """Make an action of the registry irreversible, so that it asks for the typed name."""
        changed = replace(self.by_id[action_id], danger=actions.Danger.IRREVERSIBLE)
        self.by_id[action_id] = changed
        self._monkeypatch.setattr(
            "labeltui.cli.parser.ACTIONS", tuple(self.by_id[action.id] for action in actions.ACTIONS)
        )

    async def opener(self, launch: Launch, _prompter: Any) -> Any:
        self.session = FakeSession(launch, self.host)
        self.session.shell = self.shell
        return self.session

    def console(self, launch: Launch) -> int:
        self.consoles.append(launch)
        return 7

    def __call__(self, *argv: str) -> int:
        return cli.main(argv, console=self.console, opener=self.opener)


@cache
def parser_of(_registry: tuple[actions.Action, ...]) -> ArgumentParser:
    """Build the parser of a registry once, because parsing does not change it."""
    return build_parser()


@pytest.fixture(autouse=True)
def _one_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use one parser in all tests that have the same actions."""
    monkeypatch.setattr(parser, "build_parser", lambda: parser_of(parser.ACTIONS))


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.delenv("LABELTUI_DEMO", raising=False)
    return Rig(monkeypatch)
