"""Where panes go at each size, what stays in sight, and what ages do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.guard.status import GuardStatus
from labeltui.domain.host import TunnelStatus
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState, TrainState, TunnelState
from labeltui.ui.app import Console
from labeltui.ui.frame.frame import PaneFrame
from labeltui.ui.frame.layout import EXTRAS, PANES, Shape, plan, shape_of
from labeltui.ui.presentation.strip import facts, strip_line
from tests.fakes.store import put
from tests.ui.fake_session import NOW, FakeSession, connected, console, fresh, settled, stale, wait_for
from tests.ui.sample_pods import with_pod


@given(st.integers(100, 400), st.integers(15, 120))
def test_every_pane_has_its_own_place_and_the_shell_eighty_columns(width: int, height: int) -> None:
    shape = shape_of(width, height + 3)
    regions = plan(shape, width, height, "log", False).regions
    assert set(regions) == set(PANES) | (set(EXTRAS) if shape is Shape.WIDE else set())
    cells = [
        (column, row)
        for x, y, w, h in regions.values()
        for column in range(x, x + w)
        for row in range(y, y + h)
    ]
    assert len(cells) == len(set(cells)) == width * height, "no cell twice, none left over"
    assert regions["shell"][2] - 2 >= 80
    assert all(h >= 3 for _, _, _, h in regions.values())


@given(st.integers(60, 99), st.integers(50, 120))
def test_a_tall_narrow_terminal_shows_every_pane_with_six_rows_inside(width: int, rows: int) -> None:
    shape = shape_of(width, rows)
    placed = plan(shape, width, rows - 4, "log", False)  # strip, next step, message and keys
    assert shape is Shape.PORTRAIT
    assert not placed.single
    assert set(placed.regions) == set(PANES)
    assert all(x == 0 and w == width and h >= 8 for x, _, w, h in placed.regions.values())
    rows_taken = sorted((y, y + h) for _, y, _, h in placed.regions.values())
    assert [top for top, _ in rows_taken] == [0, *(end for _, end in rows_taken[:-1])]
    assert rows_taken[-1][1] == rows - 4


@pytest.mark.parametrize(
    ("size", "shape"),
    [((59, 40), Shape.SMALL), ((80, 17), Shape.SMALL), ((60, 18), Shape.COMPACT), ((99, 49), Shape.COMPACT),
     ((60, 50), Shape.PORTRAIT), ((99, 60), Shape.PORTRAIT),
     ((100, 24), Shape.STANDARD), ((179, 50), Shape.STANDARD), ((180, 50), Shape.WIDE)],
)  # fmt: skip
def test_shapes(size: tuple[int, int], shape: Shape) -> None:
    assert shape_of(*size) is shape


async def test_resizing_keeps_the_pane_that_has_the_keyboard() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("4")
        target = app.panes["queue"].focus_target
        await wait_for(pilot, lambda: app.frame_screen.focused is target)
        for size, shape in [
            ((80, 24), Shape.COMPACT), ((40, 10), Shape.SMALL), ((200, 60), Shape.WIDE),
            ((120, 40), Shape.STANDARD),
        ]:  # fmt: skip
            await pilot.resize_terminal(*size)
            await wait_for(pilot, lambda shape=shape: app.frame_screen.shape is shape)  # type: ignore[misc]
            if shape is Shape.SMALL:
                await wait_for(pilot, lambda: app.frame_screen.small.display)
                continue
            await wait_for(pilot, lambda: app.frame_screen.focused is target, f"focus at {size}")
            wanted = set(plan(shape, *app.frame_screen.body.size, "queue", False).regions)
            await wait_for(
                pilot,
                lambda wanted=wanted: (
                    {f.pane for f in app.frame_screen.query(PaneFrame) if f.region} >= wanted
                ),  # type: ignore[misc]
                "the panes of that size",
            )
            assert app.frame_screen.tabs.display == (shape is Shape.COMPACT)


async def test_a_page_too_small_still_says_what_the_strip_says() -> None:
    app = console(connected())
    async with app.run_test(size=(50, 14)) as pilot:
        await settled(pilot)
        said = app.frame_screen.small.content.plain  # type: ignore[union-attr]
        for fact in facts(connected(), NOW):
            assert fact.texts[0] in said
        assert "50x14 is too small" in said


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200])
def test_the_strip_fits_and_never_shows_a_state_by_colour_alone(width: int) -> None:
    line = strip_line(connected(), NOW, width).plain
    assert len(line) <= width
    where_there_is_room = ("host", "7/23") if width >= 76 else ()  # what is well makes room for alerts
    for word in ("●", "12/50", "✗ 2", *where_there_is_room):
        assert word in line


@pytest.mark.parametrize("ended", [TrainState.STOPPED, TrainState.DONE, TrainState.ERROR])
@pytest.mark.parametrize("age_s", [0, 70])
@pytest.mark.parametrize("latency_ms", [38.0, None])
def test_money_guard_and_server_come_before_a_training_that_has_ended(
    ended: TrainState, age_s: int, latency_ms: float | None
) -> None:
    state = with_pod()
    assert state.training.value is not None
    assert state.host.value is not None
    state = replace(
        state,
        identity=Identity("annot-demo", demo=True, scenario="healthy"),
        host=fresh(replace(state.host.value, latency_ms=latency_ms)),
        guard=fresh(GuardStatus("watching", "", cause="idle", left_s=1740.0)),
        server=fresh(ServerStatus(ServerState.STOPPED), old=age_s),
        tunnel=fresh(TunnelStatus(), old=age_s),
        queue=fresh(state.queue.value, old=age_s),
        training=fresh(replace(state.training.value, state=ended), old=age_s),
    )
    line = strip_line(state, NOW, 80).plain
    assert len(line) <= 80
    for word in ("pod ●", "$0.29/h", "28m", "srv", "✗ 2"):
        assert word in line, line
    assert "host" not in line, "a pod that is reached shows that its host is"


def test_no_fact_moves_at_eighty_columns_while_times_and_epochs_pass() -> None:
    state = with_pod()
    assert state.training.value is not None
    places = set()
    for left, epoch in ((1740.0, 9), (599.0, 10), (540.0, 50), (None, 7)):
        line = strip_line(
            replace(
                state,
                guard=fresh(GuardStatus("watching", "", cause="idle", left_s=left)),
                training=fresh(replace(state.training.value, epoch=epoch)),
            ), NOW, 80,
        ).plain  # fmt: skip
        places.add(tuple(line.index(name) for name in ("pod ", "srv ", "trn ", "q ", "✗ 2")))
    assert len(places) == 1, places


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_the_strip_names_nothing_without_its_value(width: int) -> None:
    for state in (SessionState(Identity("x")), stale(), connected(), with_pod()):
        line = strip_line(state, NOW, width).plain
        assert not re.search(r"(host|tun|srv|server|trn|train|q|queue|lab)( *$| {2,}| │)", line), line


def test_the_tunnel_is_in_the_strip_only_when_it_is_bad() -> None:
    assert "tun" not in strip_line(connected(), NOW, 200).plain
    bad = replace(connected(), tunnel=fresh(TunnelStatus(TunnelState.FAILED)))
    assert "tunnel ✗ failed" in strip_line(bad, NOW, 200).plain
    assert "tun ✗ failed" in strip_line(bad, NOW, 80).plain


def test_what_nobody_knows_is_called_unknown() -> None:
    line = strip_line(SessionState(Identity("x")), NOW, 200).plain
    assert line.count("? unknown") == 4


def test_a_stale_fact_is_faint_and_says_how_old_it_is() -> None:
    shown = {fact.names[0]: fact for fact in facts(stale(), NOW)}
    assert shown["server"].old == "2m"
    assert "2m old" in shown["server"].at(0).plain
    assert any("text-muted" in str(span.style) for span in shown["server"].at(0).spans[1:2])
    assert shown["host"].old == ""


async def test_values_grow_stale_by_the_clock_alone() -> None:
    now = NOW
    session = FakeSession(connected())
    app = Console(session=session, clock=lambda: now)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        strip = app.frame_screen.strip
        assert "old" not in strip.content.plain  # type: ignore[union-attr]
        now = NOW + timedelta(seconds=40)
        app.paint()
        await wait_for(pilot, lambda: "41s" in strip.content.plain)  # type: ignore[union-attr]


async def test_a_burst_of_updates_is_painted_once() -> None:
    session = FakeSession(connected())
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        shown: list[SessionState] = []
        card = app.panes["training"]
        show = card.show
        card.show = lambda state, now: (shown.append(state), show(state, now))[1]  # type: ignore[method-assign]
        training = session.store.state.training
        assert training.value is not None
        for iteration in range(200):
            put(session.store, training=replace(training, value=replace(training.value, iteration=iteration)))
        last = session.store.state
        await wait_for(pilot, lambda: shown and shown[-1] is last)
        assert len(shown) <= 3


async def test_nothing_is_drawn_again_while_nothing_changes() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        card = app.panes["pod"]
        before = card.lines  # type: ignore[attr-defined]
        app.paint()
        app.paint()
        assert card.lines is before  # type: ignore[attr-defined]
