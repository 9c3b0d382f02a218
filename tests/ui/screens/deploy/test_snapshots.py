"""Pictures of renting a pod: the form at each size and palette, and the checklist running and stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from labeltui.actions import BY_ID
from labeltui.ui.app import Console
from labeltui.ui.running import Running
from labeltui.ui.screens.checklist import ChecklistScreen
from labeltui.ui.screens.deploy.screen import DeployScreen
from tests.ui.fake_market import MANY, market_console
from tests.ui.fake_session import NOW, settled, wait_for
from tests.ui.screens.deploy.deploy_form import choose

pytestmark = pytest.mark.slow
Compare = Callable[..., bool]
SMALL, MIDDLE, WIDE = (80, 24), (120, 40), (200, 60)


@pytest.fixture(autouse=True)
def _no_keys_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("labeltui.runpod.renting.secrets.token_hex", lambda _n: "c0ffee42")


def form(
    *keys: str, many: bool = False, set_to: Mapping[str, str] | None = None
) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def run(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Console)
        await settled(pilot)
        session: Any = app.session
        if many:
            session.account.shop.offers = MANY
        screen = DeployScreen(session)
        app.push_screen(screen)
        await wait_for(pilot, lambda: screen.gpus.offer is not None, "offers")
        for name, value in (set_to or {}).items():
            await choose(pilot, screen, name, value)
            screen.gpus.table.focus()
            await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", [SMALL, MIDDLE, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_form(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(market_console(tmp_path), terminal_size=size, run_before=form(many=True))


def test_form_fields(snap_compare: Compare, tmp_path: Path) -> None:
    keys = ("enter", *["down"] * 8)
    assert snap_compare(market_console(tmp_path), terminal_size=SMALL, run_before=form(*keys))


def test_form_warned(snap_compare: Compare, tmp_path: Path) -> None:
    chosen = {"ports": "yes", "cloud": "community", "storage": "vol1", "refused": "both"}
    assert snap_compare(market_console(tmp_path), terminal_size=(120, 60), run_before=form(set_to=chosen))


def test_form_asks(snap_compare: Compare, tmp_path: Path) -> None:
    assert snap_compare(market_console(tmp_path), terminal_size=SMALL, run_before=form("ctrl+s"))


def test_form_light(snap_compare: Compare, tmp_path: Path) -> None:
    app = market_console(tmp_path, theme="labeltui-light")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=form(many=True))


def test_form_no_colour(snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(market_console(tmp_path), terminal_size=MIDDLE, run_before=form())


def step(
    name: str, title: str, state: str, detail: str = "", took: float | None = None, **more: Any
) -> dict[str, Any]:
    since = (NOW - timedelta(seconds=74)).isoformat()
    money = {
        "pod": "labeltui-c0ffee42",
        "rate": "0.2837",
        "billed_since": (NOW - timedelta(seconds=80)).isoformat(),
    }
    return {
        "step": name,
        "title": title,
        "state": state,
        "detail": detail,
        "since": since,
        "took_s": took,
        **money,
        **more,
    }


PULLING = (
    step("rent", "Rent the pod", "done", "RTX A5000 in EU-RO-1", 1.2),
    step("profile", "Write the profile", "done", "pod in ~/.config/labeltui/labeltui.toml", 0.1),
    step(
        "image",
        "Pull the image, start the pod",
        "running",
        "a3ed95caeb02: Downloading [====>  ] 3.95GB/7.90GB",
    ),
    step("ssh", "Connect to the pod by SSH", "waiting"),
    step("agent", "Start labeltui's agent", "waiting"),
    step("setup", "Install MONAI Label", "waiting"),
    step("server", "Start the server", "waiting"),
)
BROKEN = (
    *PULLING[:2],
    step("image", "Pull the image, start the pod", "failed", "The pod's image can not be pulled.", 74.0,
         hint="Check the image's name, and whether it needs a login; then make the pod anew. The pod "
         "labeltui-c0ffee42 goes on and costs $0.28/h: run the same command again to go on, or `labeltui pod "
         "terminate` to end it.", public=["https://abc-8000.proxy.runpod.net"]),
    *PULLING[3:],
)  # fmt: skip


@pytest.mark.parametrize("steps", [PULLING, BROKEN], ids=["pulling", "broken"])
def test_checklist(snap_compare: Compare, tmp_path: Path, steps: tuple[dict[str, Any], ...]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        running = Running(BY_ID["pod.create"], steps={str(one["step"]): one for one in steps})
        running.lines = ["create pod network", "Pulling from runpod/pytorch", str(steps[2]["detail"])]
        screen = ChecklistScreen(running)
        await cast("Console", pilot.app).push_screen(screen)
        await pilot.pause()
        if steps is BROKEN:
            screen.ended("Rent a pod: The pod's image can not be pulled.")
        for _ in range(3):  # what fits is known once the steps have their height
            screen.progressed()
            await pilot.pause()

    assert snap_compare(market_console(tmp_path), terminal_size=SMALL, run_before=run)
