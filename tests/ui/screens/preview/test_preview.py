"""The preview of a study in the console, over a made-up patient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.domain.states import LinkState
from labeltui.domain.studies.preview import WINDOWS, LabelFacts, Plane
from labeltui.domain.studies.study import Study
from labeltui.session.labels.index import Entry
from labeltui.ui.app import Console
from labeltui.ui.screens.preview.labels import LabelsScreen
from labeltui.ui.screens.preview.plane import PlaneView
from labeltui.ui.screens.preview.screen import PreviewScreen
from labeltui.ui.screens.study import StudyScreen
from tests.ui.fake_session import NOW, ago, console, fresh, settled, wait_for
from tests.ui.panes.queue_pane import SIZE, with_studies
from tests.ui.screen_text import screen_text
from tests.ui.screens.preview.fake_preview import ORGAN, FakePreview, facts, volume

COPY = Entry(
    "final", "liver_042.nii.gz", "liver_042", "final/liver_042.nii.gz", 9, "ab12" * 16, 1_700_000_000 * 10**9,
    "host", "2026-11-23T10:00:00+00:00", "ana",
)  # fmt: skip


class Opened:
    """The previews that were opened, with their labels. ``error`` is raised once instead."""

    def __init__(self) -> None:
        self.labels: list[tuple[tuple[str, str], ...]] = []
        self.previews: list[FakePreview] = []
        self.error: Failed | None = None
        self.changes: dict[str, Any] = {}

    async def open(
        self,
        _session: Any,
        study: str,
        labels: Sequence[tuple[str, str]],
        progress: Callable[[str], None],
        *,
        fetch: bool,
    ) -> FakePreview:
        self.progress = progress
        self.labels.append(tuple(labels))
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        shown = replace(volume(*(facts(*label) for label in labels)), study=study, **self.changes)
        self.previews.append(FakePreview(shown))
        return self.previews[-1]

    @property
    def last(self) -> FakePreview:
        return self.previews[-1]


@pytest.fixture
def previews(monkeypatch: pytest.MonkeyPatch) -> Opened:
    opened = Opened()
    monkeypatch.setattr("labeltui.operations.studies.preview.open_preview", opened.open)
    monkeypatch.setenv("COLORTERM", "truecolor")
    return opened


def app_with_copies() -> Console:
    study = Study("liver_042", {"final": NOW, "original": NOW}, authors={"final": "ana"})
    app = console(with_studies(study))
    index = SimpleNamespace(refresh=lambda: None, versions=lambda: [(COPY, COPY.file)])
    app._given.labels = SimpleNamespace(folder=SimpleNamespace(index=index))  # type: ignore[union-attr]
    return app


def screen_of(app: Any) -> PreviewScreen:
    assert isinstance(app.screen, PreviewScreen)
    return app.screen


def plane(app: Any, name: str) -> PlaneView:
    return screen_of(app).query_one(f"#{name}", PlaneView)


def title(app: Any, name: str = "axial") -> str:
    return str(plane(app, name).border_title)


async def opened(pilot: Pilot[Any], app: Console) -> None:
    await settled(pilot)
    await pilot.press("4", "V")
    await wait_for(pilot, lambda: isinstance(app.screen, PreviewScreen))
    await wait_for(pilot, lambda: "27 of 40 · 39.0 mm" in title(app), "the slice with most of the label")


async def test_keys_change_slice_plane_and_window_and_esc_ends_the_program(previews: Opened) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        preview = previews.last
        assert previews.labels == [(("final", ""),)]
        await pilot.press("up", "pageup")
        await wait_for(pilot, lambda: "38 of 40" in title(app))
        await pilot.press("home")
        await wait_for(pilot, lambda: "1 of 40 · 0.0 mm" in title(app))
        await pilot.press("2", "up")
        await wait_for(pilot, lambda: "22 of 50" in title(app, "coronal"))
        await pilot.press("w")
        await wait_for(pilot, lambda: (preview.asked[-1].low, preview.asked[-1].high) == WINDOWS["lung"])
        await pilot.press("plus")
        await wait_for(pilot, lambda: preview.asked[-1].high - preview.asked[-1].low == pytest.approx(1650))
        assert "level -600, width 1650" in screen_text(app)
        await pilot.press("escape")
        await wait_for(pilot, lambda: preview.closed)
        assert not isinstance(app.screen, PreviewScreen)


async def test_what_is_known_of_image_and_label_is_shown_literally(previews: Opened) -> None:
    previews.changes = {"oblique": 12.25}
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        text = " ".join(screen_text(app).split())
    for part in ("CT 60 × 50 × 40 voxels", "1 × 1 × 1.5 mm", "12.2° oblique", "Patient's right",
                 "soft tissue", "1 liver", "3.1 ml", "2 [red]␛tumour", "40 voxels"):  # fmt: skip
        assert part in text


async def test_a_click_moves_the_other_planes_to_the_organ_and_the_wheel_turns_one(previews: Opened) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("2", "home", "3", "home")
        await wait_for(pilot, lambda: "1 of 60" in title(app, "sagittal"))
        axial = plane(app, "axial")
        width, height = axial.size
        drawn = axial._picture
        assert drawn is not None
        left, top = (width - drawn.width) // 2, (height - drawn.rows) // 2
        across, down = round(drawn.width * (ORGAN[0] + 0.5) / 60), round(drawn.rows * (ORGAN[1] + 0.5) / 50)
        await pilot.click(axial, offset=(left + across + 1, top + down + 1))  # the border is one cell
        view = screen_of(app)._view
        assert view is not None
        assert all(abs(a - b) <= 2 for a, b in zip(view.point, ORGAN, strict=True)), view.point
        before = view.point[1]
        coronal = plane(app, "coronal")
        await pilot._post_mouse_events([events_of_wheel()], coronal, offset=(10, 5))
        await wait_for(pilot, lambda: screen_of(app)._view.point[1] == before + 1)  # type: ignore[union-attr]


def events_of_wheel() -> Any:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_only_the_newest_request_waits_and_a_late_slice_is_marked(previews: Opened) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        preview = previews.last
        preview.held = asyncio.Event()
        preview.asked.clear()
        for _ in range(6):
            await pilot.press("down")
        await wait_for(pilot, lambda: "reading" in str(plane(app, "axial").border_subtitle))
        assert len([one for one in preview.asked if one.plane is Plane.AXIAL]) == 1
        preview.held.set()
        await wait_for(pilot, lambda: not str(plane(app, "axial").border_subtitle))
        assert [one.index for one in preview.asked if one.plane is Plane.AXIAL] == [25, 20]


async def test_two_labels_side_by_side_with_their_dice(previews: Opened) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        first = previews.last
        await pilot.press("c", *"ab12", "enter")
        await wait_for(pilot, lambda: "0.693" in screen_text(app), "the Dice")
        assert previews.labels[-1] == (("final", ""), ("final", COPY.sha256))
        assert first.closed
        await wait_for(pilot, lambda: "final ab12ab12 · axial 27" in title(app, "second"))
        assert "final · axial 27" in title(app)
        await pilot.press("3")
        await wait_for(pilot, lambda: "sagittal" in title(app, "second"))
        await pilot.press("l", *"no label", "enter")
        await wait_for(pilot, lambda: "no label is shown" in screen_text(app))
        assert not plane(app, "second").display


async def test_an_error_names_the_next_step_and_r_tries_again(previews: Opened) -> None:
    previews.error = Failed(Code.PROGRAM_FAILED, "The image has 4 dimensions [b].", "Open it in Slicer.")
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "V")
        await wait_for(
            pilot, lambda: "4 dimensions [b]. Open it in Slicer. r reads it again" in screen_text(app)
        )
        await pilot.press("r")
        await wait_for(pilot, lambda: "27 of 40" in title(app))
        previews.last.error = Failed(Code.PROGRAM_FAILED, "The program ended.", "Open it again.")
        await pilot.press("down")
        await wait_for(pilot, lambda: "The program ended." in screen_text(app))
        assert "27 of 40" in title(app), "the last slice stays"


async def test_a_lost_connection_is_waited_for_and_the_slice_read_again_once_on_top(previews: Opened) -> None:
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("home")
        await wait_for(pilot, lambda: "1 of 40" in title(app))
        previews.last.error = Unreachable(Code.CHANNEL_CLOSED, "The connection was lost.", "Connect again.")
        await pilot.press("up")
        await wait_for(pilot, lambda: "lost. It is read again once the host is connected" in screen_text(app))
        assert len(previews.previews) == 1, "the failed connection is not tried again"
        state = app.state
        host = state.host.value
        assert host is not None
        store = app._given.store  # type: ignore[union-attr]
        store.publish(replace(state, host=fresh(replace(host, state=LinkState.RECONNECTING, since=NOW))))
        await pilot.press("l")
        await wait_for(pilot, lambda: isinstance(app.screen, LabelsScreen))
        store.publish(replace(state, host=fresh(replace(host, since=NOW))))
        await settled(pilot)
        assert len(previews.previews) == 1, "nothing is read behind another screen"
        await pilot.press("escape")
        await wait_for(pilot, lambda: "2 of 40" in title(app), "the slice that was asked for")
        assert "connected; esc" not in screen_text(app)
        store.publish(replace(state, host=fresh(replace(host, since=ago(0), latency_ms=2.0))))
        await settled(pilot)
        assert len(previews.previews) == 2


async def test_a_connection_that_comes_back_under_the_preview_reads_it_at_once(previews: Opened) -> None:
    previews.error = Unreachable(Code.UNREACHABLE, "The host can't be reached.", "Check the network.")
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "V")
        await wait_for(pilot, lambda: "can't be reached. It is read again once" in screen_text(app))
        state = app.state
        assert state.host.value is not None
        app._given.store.publish(  # type: ignore[union-attr]
            replace(state, host=fresh(replace(state.host.value, since=NOW)))
        )
        await wait_for(pilot, lambda: "27 of 40" in title(app))


async def test_a_label_that_can_not_be_shown_says_why(
    previews: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.ui.screens.preview.test_preview.facts",
        lambda tag, _version: LabelFacts(tag, problem="it is [cut]"),
    )
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "V")
        await wait_for(pilot, lambda: "Not shown: it is [cut]." in screen_text(app))
        await wait_for(pilot, lambda: "21 of 40" in title(app), "the middle")


async def test_the_details_open_the_preview(previews: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_action(*_: Any, **__: Any) -> Any:
        raise Failed(Code.SERVER_BUSY, "Busy.")

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    app = app_with_copies()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("4", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, StudyScreen))
        await pilot.press("V")
        await wait_for(pilot, lambda: isinstance(app.screen, PreviewScreen))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "keys"),
    [
        ((80, 24), ()),
        ((120, 40), ()),
        ((200, 60), ("f", "w")),
        ((120, 40), ("c", *"ab12", "enter")),
        ((80, 24), ("question_mark",)),
    ],
    ids=["small", "middle", "wide", "compared", "keys"],
)
def test_picture(
    snap_compare: Callable[..., bool], previews: Opened, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, Console)
        await opened(pilot, pilot.app)
        await pilot.press(*keys)
        if "c" in keys:
            await wait_for(pilot, lambda: "27 of" in title(pilot.app, "second"))
        await pilot.pause()

    assert snap_compare(app_with_copies(), terminal_size=size, run_before=before)


@pytest.mark.slow
def test_picture_without_colours(
    snap_compare: Callable[..., bool], previews: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def before(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, Console)
        await opened(pilot, pilot.app)

    assert snap_compare(app_with_copies(), terminal_size=(120, 40), run_before=before)
