from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.services.emulated_session import session_on


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    """An emulated RunPod account."""
    async with Emulator(folder=tmp_path) as running:
        yield running


@pytest.fixture
async def session(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    """A session over a profile whose pod is not there yet."""
    async with session_on(emulator, tmp_path, monkeypatch) as opened:
        yield opened
