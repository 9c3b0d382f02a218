"""The doctor in the console: each part as it is found, in order, with the next step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.ui.screens.doctor import DoctorScreen
from labeltui.ui.widgets.lines import Lines
from tests.ui.fake_session import console, settled, wait_for
from tests.ui.sample_pods import with_pod

Compare = Callable[..., bool]
FOUND = (
    ("host", "ok", "root@203.0.113.7:40022 is connected.", None),
    ("key", "ok", "The API key is in the environment variable RUNPOD_API_KEY.", None),
    ("scope", "warning", "The API key may only read: it can't start, stop or rent pods.",
     "Make one with the right to write, or go on looking."),
    ("public", "wrong", "https://abc-8000.proxy.runpod.net answers to anybody, without a password.",
     "Stop the program that uses this port, or make a new pod with 22/tcp only, which the tunnel reaches."),
    ("pod", "ok", "annot [red]x[/]\x1b[31m is running with RTX A5000, for $0.29/h.", None),
    ("labels", "unknown", "The copies of the labels are not known: they were not counted.",
     "`labeltui labels list` looks again."),
)  # fmt: skip


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The doctor finds what it finds, and ends when this is set."""
    event = asyncio.Event()

    async def run(_session: Any, _action: str, _params: Mapping[str, Any], report: Any, **_: Any) -> Any:
        for part, verdict, message, hint in FOUND:
            report.emit({"check": part, "verdict": verdict, "message": message, "hint": hint})
        await event.wait()
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run)
    return event


async def asked(pilot: Pilot[Any]) -> DoctorScreen:
    await settled(pilot)
    for part in ("strip", "body", "flash", "keys", "tabs"):
        getattr(pilot.app.frame_screen, part).display = False  # type: ignore[attr-defined]
    await pilot.app.dispatcher.invoke("doctor")  # type: ignore[attr-defined]
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen), "the doctor's screen")
    screen = pilot.app.screen
    assert isinstance(screen, DoctorScreen)
    await wait_for(
        pilot, lambda: any(len(found.lines) > len(FOUND) for found in screen.query(Lines)), "its lines"
    )
    return screen


async def test_parts_stand_in_the_order_in_which_they_need_each_other(go_on: asyncio.Event) -> None:
    app = console(with_pod())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await asked(pilot)
        text = "\n".join(line.plain for line in screen.query_one(Lines).lines)
        places = [text.index(f"{part} ") for part in ("key", "scope", "pod", "public", "host", "labels")]
        assert places == sorted(places)
        assert "[red]x[/]␛[31m" in text
        assert "◌" in text
        go_on.set()
        await wait_for(pilot, lambda: "3 ok" in str(screen.query_one(".box").border_subtitle), "the count")
        assert "◌" not in "\n".join(line.plain for line in screen.query_one(Lines).lines)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.frame_screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(snap_compare: Compare, go_on: asyncio.Event, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await asked(pilot)
        go_on.set()
        await wait_for(pilot, lambda: "ok" in str(screen.query_one(".box").border_subtitle), "the count")
        await pilot.pause()

    assert snap_compare(console(with_pod()), terminal_size=size, run_before=prepare)
