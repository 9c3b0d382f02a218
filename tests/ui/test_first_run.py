"""From no profile to a live view in the console: over a real sshd, on this machine, and on an emulated RunPod."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.states import LinkState
from labeltui.opening.launch import Launch
from labeltui.sandbox.runpod.launch import start_runpod
from labeltui.ui.app import Console
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.prompts import HostKeyScreen
from labeltui.ui.screens.profiles.form import ProfileForm
from labeltui.ui.screens.profiles.profiles import ProfilesScreen
from labeltui.ui.screens.profiles.runpod import RunpodForm
from labeltui.ui.screens.profiles.welcome import WelcomeScreen
from tests.sshd import RealSshd
from tests.ui.fake_session import wait_for
from tests.ui.screen_text import screen_text


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
        answer.control.value = text
    await pilot.press("ctrl+s")


def link_state(app: Console) -> LinkState | None:
    host = app.state.host.value
    return None if host is None else host.state


def connected(app: Console) -> bool:
    return link_state(app) is LinkState.CONNECTED


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


def files_with(text: str) -> list[Path]:
    """The files of labeltui's state that hold a text."""
    state = Path(os.environ["LABELTUI_STATE"])
    return [path for path in state.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_runpod_asks_for_a_key_tests_it_and_offers_to_rent_a_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await start_runpod("stopped", folder=tmp_path)
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", account.url)
    app = Console(Launch())
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for(pilot, lambda: isinstance(app.screen, WelcomeScreen), "the welcome")
            await pilot.press("p")
            await wait_for(pilot, lambda: "console.runpod.io/user/settings" in screen_text(app))
            form = app.screen
            assert isinstance(form, RunpodForm)
            form.key_field.control.value = "rpa_WRONG0000"
            await wait_for(pilot, lambda: "RunPod does not accept the API key" in screen_text(app))
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert not (tmp_path / "config.toml").exists(), "a refused key is not saved"
            form.key_field.control.value = account.key
            await wait_for(pilot, lambda: "RunPod accepts the key: no pods yet, $25.00" in screen_text(app))
            assert account.key not in screen_text(app)
            await pilot.press("ctrl+s")
            await wait_for(pilot, lambda: "p n rents one; p l lists" in screen_text(app), "what comes next")
            await pilot.press("p", "n")
            await wait_for(pilot, lambda: isinstance(app.screen, DeployScreen), "the form that rents a pod")
    finally:
        await account.close()
    stored = tmp_path / "home" / ".runpod" / "config.toml"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert account.key not in (tmp_path / "config.toml").read_text()
    assert not files_with(account.key)


async def test_another_profile_opens_while_a_host_does_not_answer(tmp_path: Path) -> None:
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    studies = tmp_path / "home" / "studies"
    (tmp_path / "config.toml").write_text(
        f'default = "dead"\n[profiles.dead]\nhost = "ssh"\nssh.address = "me@127.0.0.1:{port}"\n'
        f'[profiles.here]\nhost = "local"\nserver.studies = "{studies}"\n'
    )
    app = Console(Launch())
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_for(
                pilot, lambda: link_state(app) is LinkState.CONNECTING, "the connection that hangs"
            )
            await pilot.press("P")
            await wait_for(pilot, lambda: isinstance(app.screen, ProfilesScreen), "the list")
            await pilot.press(*"here", "enter")
            await wait_for(pilot, lambda: link_state(app) is LinkState.CONNECTED, "the other profile")
            assert app.state.identity.profile == "here"
            await pilot.press("P")
            await wait_for(pilot, lambda: isinstance(app.screen, ProfilesScreen), "the list")
            before = app.session
            await pilot.press(*"here", "enter")
            await wait_for(pilot, lambda: app.session not in (None, before), "the same profile, opened again")
            await wait_for(pilot, lambda: link_state(app) is LinkState.CONNECTED, "its connection")
    finally:
        silent.close()
