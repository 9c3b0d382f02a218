"""From no pod to a server that answers, over the emulated account with real SSH, and each early end."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.operations.run import run_action
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.world import Timing, World
from labeltui.session.session import Session
from tests.actions import FailingPrompter, RecordingReport

pytestmark = pytest.mark.slow
FAST = Timing(provision=0.2, pull=0.8, boot=0.2, ports=0.2)


@pytest.fixture
async def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(World(timing=FAST), folder=tmp_path) as running:
        monkeypatch.setenv("RUNPOD_API_BASE_URL", running.url)
        monkeypatch.setenv("RUNPOD_API_KEY", running.key)
        monkeypatch.setenv("LABELTUI_STATE", str(tmp_path / "state"))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield running


@pytest.fixture
def config(tmp_path: Path, emulator: Emulator) -> Path:
    """A profile that names no pod yet."""
    path = tmp_path / "labeltui.toml"
    path.write_text(
        f'# mine\n[profiles.p]\nhost = "runpod"  # rented\n[profiles.p.server]\nport = {emulator.server_port}\n'
        'folder = "~/workspace/labeltui"\nstudies = "~/workspace/studies"\ntorch = "cpu"\n'
        'conf = { use_pretrained_model = "false" }\n'
    )
    return path


@pytest.fixture
async def session(config: Path) -> AsyncIterator[Session]:
    opened = await open_session(Launch(config=str(config), profile="p"), FailingPrompter())
    yield opened
    await opened.close()


async def deploy(session: Session, report: RecordingReport, **params: Any) -> Mapping[str, Any]:
    asked = {"gpu": "RTX A5000", "max_price": 0.29, "name": "annot-1", "make_key": True, **params}
    return await run_action(session, "pod.create", asked, report, confirmed=True)


async def test_one_command_from_nothing_to_a_server_and_a_profile_that_finds_it(
    session: Session, emulator: Emulator, config: Path, tmp_path: Path
) -> None:
    report = RecordingReport()
    done = await deploy(session, report, start=True, save=True, add_key=True)
    assert [(s["step"], s["state"]) for s in done["steps"]] == [
        ("key", "done"), ("rent", "done"), ("profile", "done"), ("image", "done"), ("ssh", "done"),
        ("agent", "done"), ("guard", "done"), ("setup", "skipped"), ("server", "done"),
    ]  # fmt: skip
    assert done["rented"]
    assert done["url"].startswith("http://127.0.0.1:")
    assert any("Pulling from runpod/pytorch" in str(r.get("line")) for r in report.records)
    reached = next(s["detail"] for s in done["steps"] if s["step"] == "ssh")
    assert "the pod's log confirms its host key" in reached
    key = tmp_path / "home" / ".ssh" / "labeltui_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(["ssh-keygen", "-lf", str(key)], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert shown.stdout.endswith("(ED25519)\n")
    assert len(emulator.world.ssh_keys) == 1
    text = await asyncio.to_thread(config.read_text)
    assert f'[profiles.p.runpod]\npod = "annot-1"\nkey = "{key}"\n' in text
    assert "# mine" in text
    assert 'host = "runpod"  # rented' in text
    assert emulator.key not in json.dumps([report.lines, report.records, done], default=str) + text

    again = RecordingReport()
    same = await deploy(session, again, start=True, save=True)
    assert (same["id"], same["rented"]) == (done["id"], False)
    assert [s["state"] for s in same["steps"]].count("skipped") >= 2
    assert len(emulator.world.pods) == 1

    other = await open_session(Launch(config=str(config), profile="p"), FailingPrompter())
    try:
        found = await run_action(other, "pod.show", {}, RecordingReport())
        assert found["id"] == done["id"]
    finally:
        await other.close()
