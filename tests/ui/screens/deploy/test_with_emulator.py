"""By keys alone, from a profile that names no pod to a server that answers, over the emulated account."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labeltui.domain.states import ServerState
from labeltui.opening.launch import Launch
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.world import Timing, World
from labeltui.ui.app import Console
from labeltui.ui.screens.checklist import ChecklistScreen
from labeltui.ui.screens.deploy.screen import DeployScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.ui.fake_session import wait_for
from tests.ui.screen_text import screen_text

pytestmark = pytest.mark.slow


@pytest.mark.timeout(180)
async def test_from_no_pod_to_a_server_by_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Emulator(World(timing=Timing(0.2, 0.8, 0.2, 0.2)), folder=tmp_path) as emulator:
        for name, value in (
            ("RUNPOD_API_BASE_URL", emulator.url), ("RUNPOD_API_KEY", emulator.key),
            ("LABELTUI_STATE", str(tmp_path / "state")), ("HOME", str(tmp_path / "home")),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        config = tmp_path / "labeltui.toml"
        config.write_text(
            f'[profiles.p]\nhost = "runpod"\n[profiles.p.server]\nport = {emulator.server_port}\n'
            'folder = "~/workspace/labeltui"\nstudies = "~/workspace/studies"\ntorch = "cpu"\n'
        )
        app = Console(Launch(config=str(config), profile="p"))
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_for(
                pilot, lambda: app.session is not None and app.frame_screen.focused is not None, "a session"
            )
            await pilot.press("p", "n")
            await wait_for(pilot, lambda: isinstance(app.screen, DeployScreen), "the form")
            form = app.screen
            assert isinstance(form, DeployScreen)
            await wait_for(pilot, lambda: form.gpus.offer is not None, "offers")
            await pilot.press("down")
            price = re.search(r"running \$([\d.]+)/h", screen_text(app))
            assert price is not None
            await pilot.press("ctrl+s")
            await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
            await pilot.press("y")
            await wait_for(pilot, lambda: isinstance(app.screen, ChecklistScreen), "the checklist")
            for _ in range(6):  # a condition waits for twenty seconds at most
                server = app.state.server.value
                if (
                    server is not None
                    and server.state is ServerState.RUNNING
                    and "pod.create" not in app.dispatcher.running
                ):
                    break
                try:
                    await wait_for(pilot, lambda: "pod.create" not in app.dispatcher.running, "the end")
                except AssertionError:
                    continue
            server = app.state.server.value
            assert server is not None
            assert server.state is ServerState.RUNNING
            # What the form showed is what the account is charged.
            assert abs(float(emulator.world.ledger.rate()) - float(price[1])) <= 0.005
            assert "✗" not in screen_text(app)
            (pod,) = emulator.world.pods.values()
            assert pod.spec.ports == ["22/tcp"]
            assert f'pod = "{pod.spec.name}"' in config.read_text()
            assert emulator.key not in app.export_screenshot()
