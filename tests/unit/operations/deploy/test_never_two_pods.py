"""A fault while a pod is rented never leads to a second pod."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeltui.domain.problems import LabeltuiError
from tests.unit.operations.deploy.renting_desk import CANARY, Desk


@pytest.fixture(autouse=True)
def api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", CANARY)


FAULTS = (
    "no_capacity",
    "no_resources",
    "something_wrong",
    "answer_lost",
    "cut",
    "garbage",
    "list_lag",
    "over_limit",
)


@pytest.mark.slow
@pytest.mark.timeout(400)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(1, 3)), max_size=4),
    tries=st.integers(1, 3),
    crashes=st.booleans(),
    wait=st.booleans(),
)
def test_whatever_goes_wrong_there_are_never_two_pods(
    tmp_path_factory: pytest.TempPathFactory,
    faults: list[tuple[str, int]],
    tries: int,
    crashes: bool,
    wait: bool,
) -> None:
    async def run() -> None:
        desk = Desk(tmp_path_factory.mktemp("desk"))
        for name, times in faults:
            at: dict[str, Any] = {"method": "POST"} if name in ("answer_lost", "cut", "garbage") else {}
            at |= {"seconds": 60} if name == "list_lag" else {}
            desk.world.faults.arm(name, times=times, **at)
        for _ in range(tries):
            with suppress(LabeltuiError):
                await desk.rent(wait=wait, fallback=True)
            assert len(desk.world.pods) <= 1
            if crashes:
                desk.another()
        await desk.close()

    asyncio.run(run())
