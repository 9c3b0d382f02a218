"""A session over an emulated account, and actions in it."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.actions import FailingPrompter

GPU = "RTX A5000"


@asynccontextmanager
async def session_on(
    emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)  # noqa: ASYNC221
    config = folder / "config.toml"
    monkeypatch.setenv("RUNPOD_API_BASE_URL", emulator.url)
    monkeypatch.setenv("RUNPOD_API_KEY", emulator.key)
    monkeypatch.setenv("LABELTUI_STATE", str(folder / "state"))
    config.write_text(
        f'[profiles.p]\nhost = "runpod"\n[profiles.p.runpod]\npod = "annot"\nkey = "{key}"\n'
        f"[profiles.p.server]\nport = {emulator.server_port}\n"
    )
    opened = await open_session(Launch(config=str(config), profile="p"), FailingPrompter())
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()
