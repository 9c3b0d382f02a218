"""A session over an emulated account, and doing things in it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.launch import Launch, open_session
from labeltui.session.run import run_action
from labeltui.session.session import Session

GPU = "RTX A5000"


class Told:
    """A report that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    async def said(self, words: str) -> None:
        """Wait until it was told something with these words in it."""
        while not any(words in line for line in self.lines):
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 30)

    def progress(self, text: str) -> None:
        self.lines.append(text)
        self._more.set()

    def emit(self, record: Mapping[str, Any]) -> None:
        self.lines.append(str(record))


class NobodyToAsk:
    """A host key that the container log does not vouch for would be asked about: that fails the test."""

    async def secret(self, title: str, prompt: str) -> str | None:
        raise AssertionError(title)

    async def trust_host_key(self, key: object) -> bool:
        raise AssertionError(f"asked about {key}")


async def do(session: Session, action: str, report: Told | None = None, **params: Any) -> Mapping[str, Any]:
    return await run_action(session, action, params, report or Told(), confirmed=True)


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
    opened = await open_session(Launch(config=str(config), profile="p"), NobodyToAsk())
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()
