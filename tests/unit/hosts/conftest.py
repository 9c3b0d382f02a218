from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.hosts.agent_process import AgentProcess, clean_up


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Start agents that share a folder. They and their jobs are killed after the test."""
    started: list[AgentProcess] = []

    def start(**options: object) -> AgentProcess:
        agent = AgentProcess(tmp_path / "pod folder", **options)  # type: ignore[arg-type]
        started.append(agent)
        return agent

    yield start
    for agent in started:
        agent.kill()
        assert agent.process.stdin is not None
        assert agent.process.stdout is not None
        agent.process.stdout.close()
    clean_up(tmp_path)


@pytest.fixture
def agent(start_agent: Callable[..., AgentProcess]) -> AgentProcess:
    return start_agent()
