"""A demo without a RunPod account: its pod actions are refused, and the operator's own account is never used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labeltui.actions import BY_ID
from labeltui.actions.model import why_disabled
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from tests.actions import RecordingReport, failing
from tests.fakes.account import KEY
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time

POD_COMMANDS: dict[str, dict[str, Any]] = {
    "pod.list": {},
    "pod.show": {},
    "pod.events": {},
    "pod.gpus": {},
    "pod.volumes": {},
    "pod.make_volume": {"name": "v", "size": 10, "data_centre": "EU-RO-1", "max_month": 9.0},
    "pod.keys": {},
    "pod.create": {"gpu": "RTX A5000", "max_price": 0.3, "name": "x1"},
    "pod.start": {},
    "pod.stop": {"pod": "x1", "named": "x1"},
    "pod.restart": {"pod": "x1", "named": "x1"},
    "pod.terminate": {"pod": "x1", "named": "x1"},
}


class PodOfDemo:
    """The pod of a scenario that plays no RunPod."""

    scenario, autostart, account = "healthy", (), None

    async def close(self) -> None: ...


@pytest.fixture
def read_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that have read the operator's API key. No client of RunPod can be made without it."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    read: list[str] = []

    def never(module: str) -> Any:
        async def find_key(**_: Any) -> Any:
            read.append(module)
            raise Refused(Code.RUNPOD_NO_KEY, "read", "")

        return find_key

    for module in (
        "labeltui.session.pod.account",
        "labeltui.session.pod.guard",
        "labeltui.operations.doctor.account",
    ):
        monkeypatch.setattr(f"{module}.find_key", never(module), raising=False)
    return read


@pytest.mark.parametrize("action", POD_COMMANDS)
@in_virtual_time
async def test_a_demo_refuses_pod_commands_and_reads_no_key(
    tmp_path: Path, read_keys: list[str], action: str
) -> None:
    async with memory_session(tmp_path, demo=PodOfDemo(), start=False) as session:
        error = await failing(session, action, RecordingReport(), **POD_COMMANDS[action])
    assert not read_keys
    assert isinstance(error, Refused)
    assert error.problem.code is Code.DEMO_NO_ACCOUNT
    assert error.problem.message == "This demo has no RunPod account."
    assert "`labeltui demo`" in error.problem.hint


@in_virtual_time
async def test_a_guard_of_a_demo_gets_no_key_even_if_the_profile_lends_it(
    tmp_path: Path, read_keys: list[str]
) -> None:
    profile = {"guard": {"operator_key": True}}
    async with memory_session(tmp_path, demo=PodOfDemo(), start=False, profile=profile) as session:
        assert await session.guard._key() == ""
    assert not read_keys


@in_virtual_time
async def test_the_doctor_reads_no_key_in_a_demo(tmp_path: Path, read_keys: list[str]) -> None:
    async with memory_session(tmp_path, demo=PodOfDemo()) as session:
        await failing(session, "doctor", RecordingReport())
    assert not read_keys


@in_virtual_time
async def test_the_console_says_why_a_demo_has_no_pod_actions(tmp_path: Path) -> None:
    async with memory_session(tmp_path, demo=PodOfDemo(), start=False) as session:
        for action in ("pods", "pod.list", "pod.create", "pod.start", "pod.stop", "pod.terminate"):
            why = why_disabled(BY_ID[action], session.store.state)
            assert why == "this demo has no RunPod account; `labeltui demo` plays one", action
