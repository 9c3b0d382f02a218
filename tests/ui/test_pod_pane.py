"""Pane 1 on a rented pod: what it is, costs and does, where that is known from, and what happened to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rented import OPEN, OWN, STOPPED, busy_for_a_while, rented
from stand_in import NOW, ago, console, fresh, settled
from textual.pilot import Pilot

from labeltui.domain.load import LoadSample, in_cells, kept
from labeltui.domain.pod import PodEvent
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.ui.panes import meters
from labeltui.ui.panes.pod import PodCard, event_lines, pod_facts

Compare = Callable[..., bool]


def unconnected() -> SessionState:
    """RunPod answers; the agent does not."""
    loads = busy_for_a_while(20.0, 40, "RunPod")
    host = rented().host
    return replace(rented(), metrics=Reading(), tunnel=Reading(), loads=loads, host=host)


def text(lines: list[Any]) -> str:
    return "\n".join(line.plain for line in lines)


LOOKS: dict[str, Callable[[], SessionState]] = {
    "agent": rented,
    "runpod": unconnected,
    "public": lambda: rented(OPEN),
    "stopped": lambda: rented(STOPPED),
}


@pytest.mark.parametrize(
    ("state", "size"),
    [
        *((name, (80, 24)) for name in LOOKS),
        ("agent", (120, 40)),
        ("runpod", (120, 40)),
        ("agent", (200, 60)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_pictures(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("1")
        await pilot.pause()
        pilot.app.paint()  # type: ignore[attr-defined]
        await pilot.pause()

    assert snap_compare(console(LOOKS[state]()), terminal_size=size, run_before=look)


def test_what_may_be_done_how_long_it_runs_and_who_can_reach_it() -> None:
    told = text(pod_facts(rented(OPEN), NOW, 100))
    assert "can      stop, restart, terminate" in told
    assert "PUBLIC 8888/http on the open web" in told
    assert "ssh -p 40022 root@203.0.113.7" in told
    assert "58 of 60 requests left this minute" in told
    assert pod_facts(replace(rented(), pod=Reading()), NOW, 100) == []


async def test_whose_load_it_is_is_said() -> None:
    card = PodCard()
    assert card.titles(rented(), NOW)[1].startswith("load 5s ago")
    assert "by RunPod" in card.titles(unconnected(), NOW)[1]


def test_a_line_shows_where_nobody_looked() -> None:
    samples = (LoadSample(ago(31), "agent", gpu=10.0), LoadSample(ago(1), "agent", gpu=90.0))
    assert in_cells(samples, "gpu", NOW, 4, 60.0) == (None, 10.0, None, 90.0)
    assert meters.line_of(samples, "gpu", NOW, 4, "x").plain == "·▁·█"


def test_the_history_is_bounded_and_forgets_the_old() -> None:
    samples: tuple[LoadSample, ...] = ()
    for second in range(5000, 0, -1):
        samples = kept(samples, LoadSample(ago(second), "agent", 1.0))
    assert len(samples) <= 451
    assert (NOW - samples[0].at).total_seconds() < 905


def test_events_show_the_newest_that_have_room_and_every_character_of_them() -> None:
    events = tuple(PodEvent(ago(60 - n), "x", f"event {n} [red]\x1b[31m") for n in range(40))
    state = replace(rented(), pod_events=events)
    lines = event_lines(state, 60, 3)
    assert [("event 3" in line.plain) for line in lines] == [True] * 3
    assert "event 39 [red]␛[31m" in lines[-1].plain
    assert event_lines(state, 60, 1) == []


async def test_a_flash_says_what_happened() -> None:
    app = console(rented())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        fresh_event = PodEvent(NOW, "pinned", "New container since 17:02: its host keys are new.")
        app.session.store.update(pod_events=(fresh_event,))  # type: ignore[union-attr]
        await pilot.pause()
        assert "New container since 17:02" in app.last_words
        reworded = replace(fresh_event, text="The same, in other words.")
        app.session.store.update(pod_events=(reworded,))  # type: ignore[union-attr]
        await pilot.pause()
        assert "New container since 17:02" in app.last_words


def test_a_pod_of_runpods_own_figures_has_no_disk() -> None:
    lines = meters.Meters(busy_for_a_while(), NOW, 80, stale=False).of_runpod(OWN)
    assert "disk" not in text(lines)
    assert "93%" in text(lines)
    assert fresh(OWN).value is OWN
