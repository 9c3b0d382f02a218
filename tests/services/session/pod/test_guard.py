"""The guard on an emulated pod: a process of its own behind a real sshd, with RunPod's rules about keys."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import LabeltuiError
from labeltui.opening.opening import open_session
from labeltui.operations.progress import Silent
from labeltui.operations.run import run_action
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events
from labeltui.sandbox.scenarios import find
from labeltui.session.session import Session
from tests.actions import FailingPrompter
from tests.services.emulated_session import GPU, IN_WORKSPACE, write_profile

pytestmark = pytest.mark.slow
CANARY = "rpa_CANARY0123456789CANARY0123456789"
QUICK = {"idle_s": 1.5, "grace_s": 0.0, "warn_s": 0.5}


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    async with Emulator(folder=tmp_path, scenario="no-labels", key=CANARY) as running:
        yield running


@pytest.fixture
async def opened(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Open a session over a rented pod; ``guard`` is the profile's table."""
    sessions: list[Session] = []

    async def do(guard: str = "", more: str = "") -> Session:
        launch = write_profile(
            emulator, tmp_path, monkeypatch, IN_WORKSPACE, f"[profiles.p.guard]\n{guard}\n{more}"
        )
        session = await open_session(launch, FailingPrompter())
        sessions.append(session)
        await session.start()
        if not emulator.world.pods:
            await run_action(session, "pod.create", {"gpu": GPU, "max_price": 1.0}, Silent(), confirmed=True)
        return session

    yield do
    for session in sessions:
        await session.close()


def pod_of(emulator: Emulator) -> Any:
    return next(iter(emulator.world.pods.values()))


def notes(emulator: Emulator) -> Path:
    """The guard's folder of the pod."""
    volume = emulator.containers.volume(pod_of(emulator).volume_key)
    return next((volume / "workspace" / "labeltui" / "guard").iterdir())


def decided_since(emulator: Emulator) -> Callable[[], bool]:
    """Whether the guard has written its state again since this call."""

    def written() -> float:
        return float(json.loads((notes(emulator) / "state.json").read_text())["written_mono"])

    before = written()
    return lambda: written() > before


async def until(emulator: Emulator, holds: Callable[[], Any], what: str, within: float = 20.0) -> Any:
    end = time.monotonic() + within
    while not (found := holds()):
        if time.monotonic() > end:
            folder = notes(emulator)
            raise AssertionError(
                f"never: {what}\n{(folder / 'guard.log').read_text()}\n{(folder / 'state.json').read_text()}"
            )
        await asyncio.sleep(0.05)
    return found


async def hurry(session: Session, **policy: Any) -> None:
    """Limits of seconds, and a guard that polls often."""
    agent = await session.link.ready()
    request = await session.guard._desired(agent)
    request["wish"] |= {"tick_s": 0.1, "slow_poll_s": 0.2, "write_s": 0.2, "check_s": 0.5}
    await agent.guard("ensure", **request)
    with suppress(LabeltuiError):  # the pod may stop before it answers
        await agent.guard("set", changes={**QUICK, **policy})
        session.guard._wake.set()


async def guarded(session: Session) -> Any:
    def checked(state: Any) -> bool:
        return state.guard.value is not None and state.guard.value.method != "" and state.guard.value.checked

    try:
        return (await session.store.wait_for(checked, 30)).guard.value
    except TimeoutError:
        state = session.store.state
        raise AssertionError(f"{state.guard}\n{state.host}\n{session.journal.entries}") from None


async def cli(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Run labeltui as a script does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "labeltui", "--config", str(tmp_path / "config.toml"), "--json", *words),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    document: dict[str, Any] = json.loads(out)
    return document


async def test_an_idle_pod_is_stopped_although_the_console_was_killed(
    emulator: Emulator, opened: Callable[..., Any], tmp_path: Path
) -> None:
    """A real console in a terminal of its own, ended by SIGKILL; a script then asks for a short patience."""
    session = await opened()
    await session.close()
    ours, theirs = os.openpty()
    console = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "labeltui", "--config", str(tmp_path / "config.toml")),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    drained = asyncio.get_running_loop().run_in_executor(None, drain, ours)
    state = await until(
        emulator, lambda: read_state(emulator).get("way") and read_state(emulator), "the guard", 60
    )
    console.send_signal(signal.SIGKILL)
    assert await console.wait() == -signal.SIGKILL
    await drained
    assert Path(f"/proc/{state['pid']}").exists()  # noqa: ASYNC240
    document = await cli(tmp_path, "guard", "status")
    assert (document["state"], document["idle_minutes"], document["way"]) == (
        "watching",
        45.0,
        "the pod's own key",
    )
    await cli(tmp_path, "guard", "set", "--idle", "0.05")  # its connection may end with the pod
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the stop")


def drain(descriptor: int) -> None:
    """Read what a console shows, so that it never waits."""
    with suppress(OSError):
        while os.read(descriptor, 1 << 16):
            pass
    os.close(descriptor)


def read_state(emulator: Emulator) -> dict[str, Any]:
    """What the guard wrote last."""
    try:
        document: dict[str, Any] = json.loads((notes(emulator) / "state.json").read_text())
    except (OSError, ValueError, StopIteration):
        return {}
    return document


async def test_a_pod_that_trains_is_left_alone_and_stopped_after_that(
    emulator: Emulator, opened: Callable[..., Any]
) -> None:
    emulator.containers.scenario = find("stopped")
    session = await opened()
    status = await guarded(session)
    assert status.method == "the pod's own key"
    assert status.methods[0].works is None
    assert "not tested yet" in status.methods[0].words
    noted = next(entry for entry in session.journal.entries if entry.title == "Start the guard")
    assert noted.ok
    assert noted.outcome.endswith("The guard stops the pod with the pod's own key (not tested yet).")
    await run_action(session, "server.start", {}, Silent())
    await run_action(session, "train.start", {"max_epochs": 500}, Silent())
    await until(emulator, lambda: read_state(emulator)["working"], "the training to be reported")
    await hurry(session, budget=0.000001)
    state = await session.store.wait_for(lambda s: s.guard.value.state == "waiting", 20)
    assert "a training of deepedit runs" in state.guard.value.words
    assert next(a for a in state.alerts if a.key == "guard").message == state.guard.value.words
    await session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.safe, 20)
    await until(emulator, lambda: read_state(emulator)["uncopied"] == 0, "the copies to be reported")
    assert pod_of(emulator).status == "RUNNING"
    stopping = asyncio.create_task(run_action(session, "train.stop", {}, Silent(), confirmed=True))
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the stop")
    stopping.cancel()  # what it waits for is gone with the pod
    await asyncio.gather(stopping, return_exceptions=True)


async def test_labels_that_are_not_copied_keep_the_pod_and_copying_them_stops_it(
    emulator: Emulator, opened: Callable[..., Any]
) -> None:
    emulator.containers.scenario = find("stopped")
    session = await opened(more="[profiles.p.labels]\ncopy = false\n")
    await guarded(session)
    await hurry(session)
    state = await session.store.wait_for(lambda s: s.guard.value.state == "waiting", 20)
    assert "6 labels are not copied off the pod" in state.guard.value.words
    for _ in range(3):
        await until(emulator, decided_since(emulator), "another decision")
    assert pod_of(emulator).status == "RUNNING"
    document = await run_action(session, "guard.status", {}, Silent())
    assert document["uncopied_labels"] == 6
    assert document["hint"].startswith("`labeltui labels pull`")
    await run_action(session, "labels.pull", {}, Silent())
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the stop")


async def test_a_pods_key_that_is_refused_is_replaced_by_the_operators(
    emulator: Emulator, opened: Callable[..., Any]
) -> None:
    session = await opened()
    events.happen(emulator.world, "pod_key_refused", pod=pod_of(emulator).id)
    await session.close()
    session = await opened("operator_key = true")
    status = await guarded(session)
    await session.store.wait_for(lambda s: s.guard.value.method == "the operator's key", 90)
    status = session.store.state.guard.value
    assert status.methods[0].works is False
    assert status.lent_key
    for path in notes(emulator).iterdir():
        assert CANARY.encode() not in path.read_bytes()
    await hurry(session)
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the stop")
    said = next(alert for alert in session.store.state.alerts if alert.key == "guard")
    assert said.message.endswith("the guard stops the pod with the operator's key.")


async def test_where_no_key_works_it_is_said_and_the_open_console_stops_the_pod(
    emulator: Emulator, opened: Callable[..., Any]
) -> None:
    session = await opened()
    await guarded(session)
    events.happen(emulator.world, "pod_key_refused", pod=pod_of(emulator).id)
    (notes(emulator) / "wish.json").unlink()  # a guard that was not proven yet
    os.kill(read_state(emulator)["pid"], signal.SIGKILL)
    state = await session.store.wait_for(lambda s: s.guard.value.problem != "", 60)
    said = next(a for a in state.alerts if a.key == "guard")
    assert (
        "The guard can't stop the pod. No key can stop this pod: the pod's own key: refused" in said.message
    )
    assert "operator_key = true" in said.hint
    await hurry(session)
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the console's stop", 40)
    resort = [e for e in session.journal.entries if e.title.startswith("Stop the pod for the guard")]
    assert resort
    assert resort[0].ok is not False
