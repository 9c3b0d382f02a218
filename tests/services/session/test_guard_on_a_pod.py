"""The guard on an emulated pod: a process of its own behind a real sshd, with RunPod's rules about keys."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.launch import Launch, open_session
from labeltui.session.run import run_action
from labeltui.session.session import Session

GPU = "RTX A5000"
CANARY = "rpa_CANARY0123456789CANARY0123456789"
QUICK = {"idle_s": 1.5, "grace_s": 0.0, "warn_s": 0.5}


class NobodyToAsk:
    async def secret(self, title: str, prompt: str) -> str | None:
        raise AssertionError(title)

    async def trust_host_key(self, key: object) -> bool:
        raise AssertionError(f"asked about {key}")


class Silent:
    def progress(self, text: str) -> None: ...

    def emit(self, record: Any) -> None: ...


@pytest.fixture
async def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(folder=tmp_path, scenario="no-labels", key=CANARY) as running:
        monkeypatch.setenv("RUNPOD_API_BASE_URL", running.url)
        monkeypatch.setenv("RUNPOD_API_KEY", running.key)
        monkeypatch.setenv("LABELTUI_STATE", str(tmp_path / "state"))
        yield running


@pytest.fixture
async def opened(emulator: Emulator, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Open a session over a rented pod; ``guard`` is the profile's table."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)  # noqa: ASYNC221
    sessions: list[Session] = []

    async def do(guard: str = "") -> Session:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[profiles.p]\nhost = "runpod"\n[profiles.p.runpod]\npod = "annot"\nkey = "{key}"\n'
            f'[profiles.p.server]\nport = {emulator.server_port}\nfolder = "~/workspace/labeltui"\n'
            f'studies = "~/workspace/studies"\n[profiles.p.guard]\n{guard}\n'
        )
        session = await open_session(Launch(config=str(config), profile="p"), NobodyToAsk())
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
    """Limits of seconds, and a guard that looks often."""
    agent = await session.link.ready()
    program = session.guard._program
    wishes = await session.guard._wishes(agent)
    wishes["wish"] |= {"tick_s": 0.1, "slow_look_s": 0.2, "write_s": 0.2, "prove_s": 0.5}
    await agent.guard(program, "ensure", **wishes)
    await agent.guard(program, "set", changes={**QUICK, **policy})


async def guarded(session: Session) -> Any:
    def proven(state: Any) -> bool:
        return state.guard.value is not None and state.guard.value.way != ""

    try:
        return (await session.store.wait_for(proven, 30)).guard.value
    except TimeoutError:
        state = session.store.state
        raise AssertionError(f"{state.guard}\n{state.host}\n{session.journal.entries}") from None


@pytest.mark.slow
async def test_an_idle_pod_is_stopped_with_every_console_gone(
    emulator: Emulator, opened: Callable[..., Any]
) -> None:
    session = await opened()
    status = await guarded(session)
    assert status.way == "the pod's own key"
    assert "proven" in status.ways[0].words
    assert any(entry.title == "Start the guard" and entry.ok for entry in session.journal.entries)
    await hurry(session)
    await session.close()
    await until(emulator, lambda: pod_of(emulator).status == "EXITED", "the stop")
