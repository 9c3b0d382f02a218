"""From no profile to a live view in the console, over a real sshd and on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.states import LinkState
from labeltui.opening.launch import Launch
from labeltui.ui.app import Console
from labeltui.ui.screens.dialogs.prompts import HostKeyScreen
from labeltui.ui.screens.profile_form import ProfileForm
from labeltui.ui.screens.welcome import WelcomeScreen
from tests.sshd import RealSshd
from tests.ui.fake_session import wait_for


@pytest.fixture(autouse=True)
def _no_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABELTUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "studies").mkdir(parents=True)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[RealSshd]:
    server = RealSshd(tmp_path / "sshd")
    server.start()
    yield server
    server.stop()


async def fill(pilot: Pilot[Any], key: str, *texts: str) -> None:
    app = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen), "the welcome")
    await pilot.press(key)
    await wait_for(pilot, lambda: isinstance(app.screen, ProfileForm), "the form")
    assert isinstance(app.screen, ProfileForm)
    for answer, text in zip(app.screen.answers, texts, strict=False):
        answer.field.value = text
    await pilot.press("ctrl+s")


def connected(app: Console) -> bool:
    host = app.state.host.value
    return host is not None and host.state is LinkState.CONNECTED


async def test_a_pasted_ssh_command_leads_to_a_connected_host(sshd: RealSshd, tmp_path: Path) -> None:
    app = Console(Launch())
    async with app.run_test(size=(80, 24)) as pilot:
        command = f"ssh {sshd.user}@127.0.0.1 -p {sshd.port} -i {sshd.client_key}"
        await fill(pilot, "s", command)
        await wait_for(pilot, lambda: isinstance(app.screen, HostKeyScreen), "the question for the host key")
        await pilot.press("right", "enter")
        await wait_for(pilot, lambda: connected(app), "the connection")
        assert app.state.identity.profile == "127.0.0.1"


async def test_this_machine_is_connected_at_once(tmp_path: Path) -> None:
    app = Console(Launch())
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(pilot, "l", str(tmp_path / "home" / "studies"))
        await wait_for(pilot, lambda: connected(app), "the connection")
        assert app.state.identity.profile == "local"
