"""A guard on a host in memory. It answers a console's requests and records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.wire import METHOD
from labeltui.domain.problems import Failed
from tests.fakes.host import MemoryHost


class FakeGuard:
    """``decision`` and ``policy`` are parts of the reported state.

    ``asked`` has every request. ``alive`` is True while it runs.
    """

    def __init__(self, host: MemoryHost) -> None:
        self.alive = True
        self.silent = False
        self.lent_key, self.keeps_key = False, True
        self.asked: list[Mapping[str, Any]] = []
        self.policy: dict[str, Any] = {"mode": "auto", "idle_s": 1800.0, "budget": None, "need_copies": True}
        self.decision: dict[str, Any] = {
            "state": "watching", "words": "Idle stop in 30 min; in use: a label.", "hint": "", "cause": "idle",
            "left_s": 1800.0, "blocks": [], "problem": "",
        }  # fmt: skip
        self.method = "RunPod's API"
        self.rate: float | None = None
        host.agent.answers["guard"] = self._answer

    def requests(self, ask: str) -> list[Mapping[str, Any]]:
        """Return the requests of one kind."""
        return [one for one in self.asked if one["ask"] == ask]

    def _answer(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.silent:
            raise Failed(Code.GUARD_SILENT, "The guard does not answer.", "See guard.log on the host.")
        request = message["request"]
        self.asked.append(request)
        if request["ask"] == "ensure":
            started, self.alive = not self.alive, True
            self.lent_key = bool(request.get("key")) and self.keeps_key
            return {**self._document(), "started": started}
        if request["ask"] == "set":
            self.policy |= request["changes"]
        return self._document()

    def _document(self) -> dict[str, Any]:
        if not self.alive:
            return {"alive": False}
        return {
            "alive": True,
            "now_mono": 100.0,
            "lent_key": self.lent_key,
            "state": {
                "written_mono": 100.0,
                "decision": self.decision,
                "policy": self.policy,
                METHOD: self.method,
                "rate": self.rate,
            },
        }
