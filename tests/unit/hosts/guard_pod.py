"""A pod on this machine, with a guard in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.guard.lending import MEMORY_ELSEWHERE
from tests.unit.hosts.agent_process import AgentProcess, wait_for
from tests.unit.hosts.fakerunpod import POD, FakeRunpod

OWN, LENT = "rpa_OWNCANARY0123456789", "rpa_LENTCANARY0123456789"
QUICK = {"tick_s": 0.05, "slow_poll_s": 0.05, "write_s": 0.05, "check_s": 0.2, "announce_s": 0}
POLICY = {"idle_s": 0.6, "grace_s": 0.0, "warn_s": 0.3}


class Pod:
    """A pod's folder, its environment, its agent and its guard."""

    def __init__(self, root: Path, runpod: FakeRunpod, start: Callable[..., AgentProcess]) -> None:
        self.root, self.runpod, self._start = root, runpod, start
        self.studies = root / "studies"
        self.studies.mkdir()
        (root / "memory").mkdir()
        self.path = root / "bin"
        self.path.mkdir()
        self.environment = {
            "RUNPOD_POD_ID": POD, "RUNPOD_API_BASE_URL": runpod.url, "RUNPOD_API_KEY": OWN, "HOME": str(root),
            "TMPDIR": str(root), MEMORY_ELSEWHERE: str(root / "memory"),
            "PATH": f"{self.path}:{os.environ['PATH']}", "LABELTUI_DEMO_POD": str(root),
        }  # fmt: skip
        self.agent: Any = None

    def arrive(self) -> AgentProcess:
        """A console's agent."""
        self.agent = self._start(env=self.environment)
        return self.agent

    def ask(self, ask: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.agent.ask("guard", request={"ask": ask, **arguments})
        return answer

    def guard(self, version: str = "v1", key: str | None = None, **policy: Any) -> dict[str, Any]:
        settings = {"policy": {**POLICY, **policy}, "studies": str(self.studies), **QUICK}
        return self.ask("ensure", version=version, wish=settings, key=key)

    @property
    def folder(self) -> Path:
        return self.root / "pod folder" / "guard" / POD

    def state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return state

    def until(self, holds: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        try:
            wait_for(lambda: holds(self.state()), what)
        except AssertionError:
            raise AssertionError(
                f"{what}\n{self.state()}\n{(self.folder / 'guard.log').read_text()}"
            ) from None
        return self.state()

    def decided(self, state: str) -> dict[str, Any]:
        return self.until(lambda s: s and s["decision"]["state"] == state, state)

    def label(self, name: str = "liver_1", tag: str = "final", data: bytes = b"label") -> list[Any]:
        path = self.studies / "labels" / tag / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        found = path.stat()
        return [f"labels/{tag}/{name}.nii.gz", found.st_size, found.st_mtime_ns]
