"""A session over an emulated account, and functions that run actions in it."""

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


IN_WORKSPACE = 'folder = "~/workspace/labeltui"\nstudies = "~/workspace/studies"\ntorch = "cpu"\n'
"""Settings of a server on the emulated pod's volume."""


def write_profile(
    emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch, server: str = "", more: str = ""
) -> Launch:
    """Write the profile of a pod that is not there yet, and its key; the environment names the account.

    ``server`` is more of the profile's table of that name, ``more`` are further tables.
    """
    key, config = folder / "key", folder / "config.toml"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", emulator.url)
    monkeypatch.setenv("RUNPOD_API_KEY", emulator.key)
    monkeypatch.setenv("LABELTUI_STATE", str(folder / "state"))
    config.write_text(
        f'default = "p"\n[profiles.p]\nhost = "runpod"\n[profiles.p.runpod]\npod = "annot"\nkey = "{key}"\n'
        f"[profiles.p.server]\nport = {emulator.server_port}\n{server}{more}"
    )
    return Launch(config=str(config))


@asynccontextmanager
async def session_on(
    emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    opened = await open_session(write_profile(emulator, folder, monkeypatch), FailingPrompter())
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()
