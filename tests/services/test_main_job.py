"""The main job in one test: from no pod to a trained model, stopped, resumed, and given back."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.config.load import find_config_path, load, select
from labeltui.domain.amounts import cents
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import Refused
from labeltui.domain.states import LinkState, ServerState
from labeltui.opening.hosts import host_of
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.world import World
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from tests.actions import FailingPrompter, RecordingReport, run_confirmed
from tests.services.emulated_session import GPU, IN_WORKSPACE, write_profile

STEP_S = 1.0  # of the emulated account's time, at each turn of the real one


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    """An account whose clock runs many times as fast as ours."""
    async with Emulator(World(clock=FakeClock()), scenario="story", folder=tmp_path) as running:

        async def run_clock() -> None:
            while True:
                await running.advance(STEP_S)
                await asyncio.sleep(0.02)

        clock = asyncio.create_task(run_clock())
        yield running
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock


@pytest.fixture
async def session(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    launch = write_profile(emulator, tmp_path, monkeypatch, IN_WORKSPACE)
    name, profile = select(load(find_config_path(launch.config)), None)
    state = StateFolder(tmp_path / "state")
    host = host_of(profile, state, FailingPrompter())
    opened = Session(name, profile, host, state, clock=emulator.world.clock.now)
    await opened.start()
    yield opened
    await opened.close()


@pytest.mark.slow
async def test_from_no_pod_to_a_trained_model_and_back(session: Session, emulator: Emulator) -> None:
    pod = await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    assert pod["status"] == "running"

    installed = RecordingReport()
    setup = await run_confirmed(session, "setup", installed)
    assert (setup["complete"], setup["changed"]) == (True, True)
    assert any("monailabel==0.8.5" in str(record.get("line")) for record in installed.records)

    server = await run_confirmed(session, "server.start")
    assert (server["state"], server["version"]) == ("running", "0.8.5")

    before = await labels(session)
    trained = await run_confirmed(session, "train.start", max_epochs=2, follow=True)
    assert (trained["state"], trained["epoch"]) == ("done", 2)
    assert trained["best"]["value"] > 0.1
    await session.store.wait_for(lambda s: s.queue.value is not None and s.queue.value.completed > before, 60)

    await the_model_comes_home_and_back(session, emulator)

    summary = await run_confirmed(session, "report")
    assert summary["labels"] >= 1
    assert (Decimal(summary["cost"]), summary["best"]["value"]) > (Decimal(0), 0)
    assert summary["best"]["value"] == trained["best"]["value"]

    await run_confirmed(session, "server.stop")
    earlier = await labels(session)
    assert (await run_confirmed(session, "pod.stop"))["status"] == "stopped"
    await session.store.wait_for(
        lambda s: s.host.value is not None and s.host.value.state is LinkState.REFUSED, 60
    )

    resumed = await run_confirmed(session, "pod.start")
    assert (resumed["id"], resumed["status"]) == (pod["id"], "running")
    again = await run_confirmed(session, "server.start")
    assert again["state"] == "running"
    assert await labels(session) >= earlier
    check = await run_confirmed(session, "setup")
    assert check["changed"] is False

    await emulator.advance(3600)
    await the_cost_is_right_to_the_cent(session, emulator)
    await nothing_ends_while_a_label_is_not_here(session, emulator)
    assert (await run_confirmed(session, "pod.terminate"))["status"] == "terminated"
    assert emulator.world.pods == {}
    state = await session.store.wait_for(
        lambda s: s.pod.value is not None and s.pod.value.status is PodStatus.TERMINATED, 60
    )
    assert (
        state.server.value is None
        or state.server.value.state is not ServerState.RUNNING
        or state.server.error
    )
    assert (
        session.store.state.pod.value is None or session.store.state.pod.value.status is not PodStatus.STOPPED
    )


async def the_model_comes_home_and_back(session: Session, emulator: Emulator) -> None:
    """The console copies the trained model, which a new folder of models gets again."""
    await session.store.wait_for(
        lambda s: s.models.value is not None and bool(s.models.value.copies) and not s.models.value.absent, 60
    )
    published = next(iter(emulator.root.rglob("apps/radiology/model/deepedit_dynunet.pt")))
    content = published.read_bytes()
    published.unlink()
    assert (await run_confirmed(session, "server.status"))["weights"]["deepedit"] == "untrained"
    assert (await run_confirmed(session, "models.push", model="deepedit"))["sent"]
    assert published.read_bytes() == content
    assert (await run_confirmed(session, "server.status"))["weights"]["deepedit"] == "trained"


async def the_cost_is_right_to_the_cent(session: Session, emulator: Emulator) -> None:
    """What the session has cost since the pod was started is what the account was charged for it."""
    session.account.wake()
    asked_at = session.clock()
    state = await session.store.wait_for(lambda s: s.spend.as_of is not None and s.spend.as_of > asked_at, 60)
    spend, at = state.spend.value, state.spend.as_of
    assert spend is not None
    assert spend.session is not None
    assert spend.session_since is not None
    assert at is not None
    assert state.pod.value is not None
    kinds = ("gpu", "cpu", "disk")
    ledger, pod = emulator.world.ledger, state.pod.value.id
    charged = sum(ledger.between(pod, kind, spend.session_since, at) for kind in kinds)
    assert cents(spend.session) == cents(Decimal(charged)) > Decimal("0.25")


async def nothing_ends_while_a_label_is_not_here(session: Session, emulator: Emulator) -> None:
    """A label that can't be copied keeps the pod, by its own code and with what to do."""
    root = next(iter(emulator.root.rglob("studies/labels/final")))
    (root / "late.nii.gz").write_bytes(b"a label")
    place = session.labels.folder.place

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    session.labels.folder.place = full  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        await run_confirmed(session, "pod.terminate")
    assert refused.value.problem.code == "labels_not_copied"
    assert "disk full" in refused.value.problem.message
    assert emulator.world.pods
    session.labels.folder.place = place  # type: ignore[method-assign]


async def labels(session: Session) -> int:
    """How many studies have a label that somebody submitted."""
    state = await session.store.wait_for(lambda s: s.queue.value is not None)
    assert state.queue.value is not None
    return state.queue.value.completed
