"""An operator who rents from an emulated account whose answers fail."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions.pods import PodCreateParams
from labeltui.config.model import Profile
from labeltui.domain.problems import LabeltuiError
from labeltui.opening.hosts import host_of
from labeltui.operations.deploy.agreement import agreed
from labeltui.operations.deploy.deployment import Deployment
from labeltui.operations.deploy.plan import Plan, make_plan
from labeltui.operations.deploy.rent import Rented, rent
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from labeltui.sandbox.runpod.api.app import build_app
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.world import Key, World
from labeltui.session.clients import Clients
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from tests.actions import RecordingReport
from tests.asgi import CutAsgi

CANARY = "rpa_CANARY0123456789abcdefCANARY"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2oCCLmUmh5yb3MuC3nSFLT6tPVaqpBqsVeqbXIYGy you@desk"


class Desk:
    """One operator: an emulated account, and sessions over it, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.world = World(clock=self.clock, funds=Decimal("100.00"), keys={CANARY: Key()})
        self.key = folder / "key.pub"
        self.key.write_text(KEY + "\n")
        self.report = RecordingReport()
        self.waited: list[float] = []
        self.sessions: list[Session] = []
        self.session = self.another()

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.clock.advance(seconds)
        timeline.advance(self.world)

    def another(self) -> Session:
        """A session as after a crash: it knows what was written down, and nothing else."""
        profile = Profile.model_validate({"host": "runpod", "runpod": {"pod": "annot"}})
        state = StateFolder(self.folder / "state")
        self.session = Session(
            "p", profile, host_of(profile, state, None), state,  # type: ignore[arg-type]
            clock=self.clock.now, clients=Clients(runpod=self.client),
        )  # fmt: skip
        self.sessions.append(self.session)
        return self.session

    def client(self, key: Secret, **_options: Any) -> RunpodClient:
        """A client of the emulated account, in the place of RunpodClient."""

        def clock() -> float:
            return self.clock.now().timestamp()

        transport = Transport(
            key, "http://127.0.0.1", transport=CutAsgi(build_app(self.world)), sleep=self.wait, clock=clock
        )
        return RunpodClient(key, transport=transport, api="v2", now=self.clock.now, clock=clock)

    async def plan(self, **params: Any) -> Plan:
        asked = {"gpu": "RTX A5000", "max_price": 1.0, "key": str(self.key), **params}
        plan = await make_plan(self.session, PodCreateParams.of(asked))
        agreed(plan)
        return plan

    async def rent(self, **params: Any) -> Rented:
        plan = await self.plan(**params)
        return await rent(
            self.session, plan, Deployment(self.session, plan, PodCreateParams(), self.report).steps
        )

    async def close(self) -> None:
        for session in self.sessions:
            await session.close()
        said = "\n".join(self.report.texts) + "".join(
            p.read_text() for p in (self.folder / "state").rglob("*.json")
        )
        assert CANARY not in said


async def problem_of(asked: Any) -> LabeltuiError:
    with pytest.raises(LabeltuiError) as caught:
        await asked
    assert CANARY not in str(caught.value.problem)
    return caught.value


def http(status: int, **more: Any) -> Callable[[World], None]:
    return lambda world: world.faults.arm(
        "status", status=status, method="POST", path="pods", shape="problem", **more
    )


def fault(name: str) -> Callable[[World], None]:
    return lambda world: world.faults.arm(name)
