"""Pane 1 on a rented pod: its facts, cost, load with its source, and events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.host import HostStatus
from labeltui.domain.money import Account, Spend
from labeltui.domain.pod.events import PodEvent
from labeltui.domain.pod.load import LoadSample, appended, in_cells
from labeltui.domain.reading import Reading
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import LinkState
from labeltui.ui.panes import meters
from labeltui.ui.panes.pod import PodCard, event_lines, pod_facts
from labeltui.ui.presentation.money import brief_money_lines
from tests.fakes.store import put
from tests.ui.fake_session import NOW, ago, console, fresh, settled
from tests.ui.presentation.test_guard import WATCHING
from tests.ui.sample_pods import OPEN, OWN, STOPPED, busy_loads, with_pod

Compare = Callable[..., bool]


def unconnected() -> SessionState:
    """RunPod answers; the agent does not."""
    loads = busy_loads(20.0, 40, "RunPod")
    host = with_pod().host
    return replace(with_pod(), metrics=Reading(), tunnel=Reading(), loads=loads, host=host)


def text(lines: list[Any]) -> str:
    return "\n".join(line.plain for line in lines)


def test_a_refused_login_is_explained_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    why = (
        "root@lab rejected the login of root. One key was offered: SHA256:"
        + "k" * 43
        + ". "
        + "Check the user name. " * 4
    )
    refused = HostStatus(
        "lab", "ssh", "root@lab", LinkState.REFUSED, NOW, detail=f"{why}Set `key` in the section `ssh`."
    )
    state = SessionState(Identity("lab"), host=fresh(refused))
    card = PodCard()
    monkeypatch.setattr(card, "key_for", lambda _: "p c")
    shown = " ".join(text(card.build(state, NOW, 38, 16)).split())
    assert "Set `key` in the section `ssh`." in shown
    assert "p c tries again" in shown


LOOKS: dict[str, Callable[[], SessionState]] = {
    "agent": with_pod,
    "runpod": unconnected,
    "public": lambda: with_pod(OPEN),
    "stopped": lambda: with_pod(STOPPED),
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
@pytest.mark.slow
def test_pictures(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("1")
        await pilot.pause()
        pilot.app.paint()  # type: ignore[attr-defined]
        await pilot.pause()

    assert snap_compare(console(LOOKS[state]()), terminal_size=size, run_before=prepare)


def test_what_may_be_done_how_long_it_runs_and_who_can_reach_it() -> None:
    shown = text(pod_facts(with_pod(OPEN), NOW, 100))
    assert "can      stop, restart, terminate" in shown
    assert "PUBLIC 8888/http open to the internet" in shown
    assert "ssh -p 40022 root@203.0.113.7" in shown
    assert "58 of 60 requests left this minute" in shown
    assert pod_facts(replace(with_pod(), pod=Reading()), NOW, 100) == []


async def test_whose_load_it_is_is_said() -> None:
    card = PodCard()
    assert card.titles(with_pod(), NOW)[1].startswith("load 5s ago")
    assert "by RunPod" in card.titles(unconnected(), NOW)[1]


def test_a_history_shows_where_nothing_was_measured() -> None:
    samples = (LoadSample(ago(31), "agent", gpu=10.0), LoadSample(ago(1), "agent", gpu=90.0))
    assert in_cells(samples, "gpu", NOW, 4, 60.0) == (None, 10.0, None, 90.0)
    assert meters.line_of(samples, "gpu", NOW, 4, "x").plain == "·▁·█"


def test_the_history_is_bounded_and_forgets_the_old() -> None:
    samples: tuple[LoadSample, ...] = ()
    for second in range(5000, 0, -1):
        samples = appended(samples, LoadSample(ago(second), "agent", 1.0))
    assert len(samples) <= 451
    assert (NOW - samples[0].at).total_seconds() < 905


def test_events_show_the_newest_that_have_room_and_every_character_of_them() -> None:
    events = tuple(PodEvent(ago(60 - n), "x", f"event {n} [red]\x1b[31m") for n in range(40))
    state = replace(with_pod(), pod_events=events)
    lines = event_lines(state, 60, 3)
    assert [("event 3" in line.plain) for line in lines] == [True] * 3
    assert "event 39 [red]␛[31m" in lines[-1].plain
    assert event_lines(state, 60, 1) == []


def in_full(**spend: Any) -> SessionState:
    """Everything that a rented pod can show at once."""
    spent = {"session": Decimal("0.93"), "session_since": ago(11520), "today": Decimal("2.10"), **spend}
    return replace(with_pod(), guard=fresh(WATCHING, old=0), spend=fresh(Spend(**spent)))


def labels_in_sight(app: Any) -> list[str]:
    card = app.panes["pod"]
    return [line.plain[:9].strip() for line in card.lines[: card.size.height]]


async def test_the_most_important_facts_are_visible_at_120_columns() -> None:
    app = console(in_full())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert labels_in_sight(app) == [
            "pod", "spent", "guard", "host", "vram 0", "gpu 0", "cpu", "disk", "tunnel"
        ]  # fmt: skip
        shown = text(app.panes["pod"].lines)  # type: ignore[attr-defined]
        for said in (
            "● running $0.29/h",
            "today $2.10 · $18.40 left",
            "memory 22.0G/50.0G",
            "a label by ana",
        ):
            assert said in " ".join(shown.split())


async def test_uncertain_money_is_shown_in_full_where_there_is_little_room_too() -> None:
    app = console(in_full(session=None, why="the bill can't be read"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert labels_in_sight(app)[:3] == ["pod", "balance", "spent"]
        assert "the bill can't be read" in text(app.panes["pod"].lines)  # type: ignore[attr-defined]


async def test_a_guard_that_is_about_to_stop_the_pod_says_why_in_sight() -> None:
    app = console(replace(in_full(), guard=fresh(replace(WATCHING, state="warning", left_s=480.0), old=0)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert labels_in_sight(app)[2:4] == ["guard", ""]


def test_when_credit_ends_soon_the_hours_come_before_the_amount() -> None:
    poor = replace(in_full(), account=fresh(Account(Decimal("0.80"), Decimal("0.27"))))
    assert "today $2.10 · 2 h left" in brief_money_lines(poor, NOW, 34)[1].plain


async def test_a_flash_says_what_happened() -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        fresh_event = PodEvent(NOW, "pinned", "New container since 17:02: its host keys are new.")
        put(app.session.store, pod_events=(fresh_event,))  # type: ignore[union-attr]
        await pilot.pause()
        assert "New container since 17:02" in app.last_flash
        reworded = replace(fresh_event, text="The same, in other words.")
        put(app.session.store, pod_events=(reworded,))  # type: ignore[union-attr]
        await pilot.pause()
        assert "New container since 17:02" in app.last_flash


def test_a_pod_of_runpods_own_figures_has_no_disk() -> None:
    lines = meters.Meters(busy_loads(), NOW, 80, stale=False).of_runpod(OWN)
    assert "disk" not in text(lines)
    assert "93%" in text(lines)
    assert fresh(OWN).value is OWN
