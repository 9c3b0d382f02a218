"""The checklist when it has ended: each next step is a key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.actions import BY_ID
from labeltui.ui.app import Console
from labeltui.ui.running import Running
from labeltui.ui.screens.checklist import ChecklistScreen, money_line, step_lines
from tests.ui.fake_market import market_console
from tests.ui.fake_session import NOW, settled, wait_for

RENT = {"step": "rent", "title": "Rent the pod", "took_s": 0.1}
REFUSED = {"state": "failed", "code": "runpod_no_capacity"}
PARAMS = {"gpu": "RTX A5000", "max_price": 0.3}
OTHER = {"state": "failed", "code": "not_as_agreed", "accept": {"max_price": 0.83}}
POD = {"pod": "annot", "rate": "3.60", "billed_since": NOW.replace(minute=0).isoformat()}


async def ended(pilot: Pilot[Any], *steps: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    app = pilot.app
    assert isinstance(app, Console)
    await settled(pilot)
    ran: list[tuple[str, Mapping[str, Any]]] = []

    async def invoke(action_id: str, params: Mapping[str, Any] | None = None) -> None:
        ran.append((action_id, dict(params or {})))

    app.dispatcher.invoke = invoke  # type: ignore[method-assign]
    running = Running(BY_ID["pod.create"], steps={str(s["step"]): dict(s) for s in steps}, params=PARAMS)
    screen = ChecklistScreen(running)
    await app.push_screen(screen)
    await pilot.pause()
    screen.ended("over")
    await pilot.pause()
    return ran


@pytest.mark.parametrize(
    ("key", "step", "wanted"),
    [
        ("w", REFUSED, ("pod.create", {**PARAMS, "wait": True})),
        ("t", {"state": "cancelled", **POD}, ("pod.terminate", {})),
        ("a", OTHER, ("pod.create", {**PARAMS, "max_price": 0.83})),
        pytest.param("f", REFUSED, ("pod.create", {**PARAMS, "fallback": True}), marks=pytest.mark.slow),
        pytest.param("g", REFUSED, ("pod.create", PARAMS), marks=pytest.mark.slow),
        pytest.param("g", {"state": "cancelled", **POD}, ("pod.create", PARAMS), marks=pytest.mark.slow),
    ],
)
async def test_each_next_step_is_a_key(
    tmp_path: Path, key: str, step: dict[str, Any], wanted: tuple[str, Mapping[str, Any]]
) -> None:
    async with market_console(tmp_path).run_test(size=(80, 24)) as pilot:
        ran = await ended(pilot, {**RENT, **step})
        assert f"{key} " in str(pilot.app.screen.query_one(".box").border_subtitle)
        await pilot.press(key)
        await wait_for(pilot, lambda: ran, "the action")
        assert ran == [wanted]
        assert not isinstance(pilot.app.screen, ChecklistScreen)


@pytest.mark.slow
async def test_a_pod_that_is_not_as_agreed_is_not_asked_for_again_unchanged(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=(80, 24)) as pilot:
        ran = await ended(pilot, {**RENT, **OTHER, **POD})
        assert "g continues" not in str(pilot.app.screen.query_one(".box").border_subtitle)
        await pilot.press("g")
        assert ran == []
        await pilot.press("t")
        await wait_for(pilot, lambda: ran, "the action")
        assert ran == [("pod.terminate", {})]


@pytest.mark.slow
async def test_a_refusal_that_waiting_does_not_mend_offers_no_waiting(tmp_path: Path) -> None:
    async with market_console(tmp_path).run_test(size=(80, 24)) as pilot:
        ran = await ended(pilot, {**RENT, "state": "failed", "code": "runpod_no_credit"})
        await pilot.press("w", "f")
        assert ran == []
        assert "waits" not in str(pilot.app.screen.query_one(".box").border_subtitle)


def test_money_grows_by_the_second_and_hostile_words_stay_words() -> None:
    steps = {"rent": {**RENT, "state": "done", **POD, "pod": "a[red]\x1b[31m"}}
    line = money_line(steps, NOW, running=True)
    assert "a[red]␛[31m · $3.60/h · $0.12 so far" in line.plain
    (shown,) = step_lines({**RENT, "state": "running", "detail": "[bold]x\x07"}, NOW, 80)
    assert "[bold]x␇" in shown.plain
    assert money_line({}, NOW, running=True).plain == "Nothing is rented yet, so nothing costs money."
