"""The details of a study, and the review of one or many, by key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.states import LinkState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.ui.presentation.study import details
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.dialogs.choice_field import Choice
from labeltui.ui.screens.preview.screen import PreviewScreen
from labeltui.ui.screens.study import StudyScreen
from tests.fakes.store import put
from tests.ui.fake_session import NOW, connected, console, fresh, settled, wait_for
from tests.ui.panes.queue_pane import SIZE, opened, with_studies
from tests.ui.screen_text import screen_text
from tests.ui.screens.preview.fake_preview import FakePreview, facts, volume

STUDY = Study("liver_081", {"final": NOW}, (Fetch("first", "[red]ben", NOW),), authors={"final": "ana"},
              scores={"dice": 0.91234, "sum": 2048})  # fmt: skip


class Previews:
    """Previews of a made-up patient; None if none can be made. ``labels`` has those that were asked for."""

    def __init__(self) -> None:
        self.labels: list[tuple[tuple[str, str], ...]] = []
        self.fetches: list[bool] = []
        self.preview: FakePreview | None = None
        self.problem: LabeltuiError = Failed(
            Code.PROGRAM_FAILED, "The image has 4 dimensions [b].", "Open it in Slicer."
        )

    async def open(
        self, _session: Any, _study: str, labels: Sequence[tuple[str, str]], *_: Any, fetch: bool
    ) -> FakePreview:
        self.fetches.append(fetch)
        self.labels.append(tuple(labels))
        if self.preview is None:
            raise self.problem
        return self.preview


SHOWN = {
    **documents.study_document(STUDY),
    "image": {"path": "/workspace/studies/\x1b[31m.nii.gz", "dice": 0.91234, "epistemic_ts": 7},
    "labels": [
        {
            "tag": "final", "at": NOW.isoformat(), "by": "ana",
            "review": {"status": "flagged", "level": "hard", "comment": "rim"},
            "copies": [
                {"file": "final/liver_081.nii.gz", "saved_at": NOW.isoformat(), "by": "ana", "size": 2048,
                 "sha256": "ab" * 32, "damage": None},
            ],
        },
        {"tag": "original", "at": None, "by": None, "review": None, "copies": []},
    ],
    "history": [{"at": NOW.isoformat(), "client": "ben", "event": "fetch", "strategy": "first"},
                {"at": NOW.isoformat(), "client": None, "event": "submit", "label": "final"}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def previews(monkeypatch: pytest.MonkeyPatch) -> Previews:
    opened = Previews()
    monkeypatch.setattr("labeltui.operations.studies.preview.open_preview", opened.open)
    monkeypatch.setenv("COLORTERM", "truecolor")
    return opened


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[tuple[str, dict[str, Any]]]:
    """What was run, in place of running it."""
    ran: list[tuple[str, dict[str, Any]]] = []

    async def run_action(_session: Any, action_id: str, params: Any, *_: Any, **__: Any) -> Any:
        ran.append((action_id, dict(params)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    return ran


def test_details_name_labels_copies_reviews_and_history_and_show_hostile_text_literally() -> None:
    text = "\n".join(details(SHOWN))
    for part in (
        "liver_081", "␛[31m.nii.gz", "by ana", "review: status flagged, level hard, comment rim",
        "2K, sha256 abababababab, final/liver_081.nii.gz", "original  unknown  by a model", "no copy on this machine",
        "ben fetched (first)", "a client without a name submitted final", "dice 0.912, sum 2048",
    ):  # fmt: skip
        assert part in text
    assert text.count("dice") == 1, "the scores, which are in the image's info too, are shown once"
    assert "\x1b" not in text
    assert "lacks its end" not in text
    assert "The image file on the host lacks its end." in "\n".join(details({**SHOWN, "cut_off": True}))


async def test_enter_opens_the_details_whose_text_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = answering(monkeypatch, SHOWN)
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "no copy on this machine" in screen_text(app), "the document")
        await pilot.press("y")
        await wait_for(pilot, lambda: "sha256" in app.clipboard)
        await pilot.press("D")
        await wait_for(pilot, lambda: not isinstance(app.screen, StudyScreen))
    assert ran[0] == ("studies.show", {"study": "liver_081"})


async def test_details_that_can_not_be_read_say_why_beside_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, Failed(Code.SERVER_BUSY, "The server did not answer [b].", "Wait."))
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "did not answer [b]. Wait." in screen_text(app))
        assert "liver_081" in screen_text(app)


async def test_open_details_follow_the_study_and_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = answering(monkeypatch, SHOWN)
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "no copy on this machine" in screen_text(app), "the document")
        assert app.session is not None
        store = app.session.store
        queue = store.state.queue
        assert queue.value is not None
        put(store, labels=fresh(LabelCopies(total=2, here=1, last="final/liver_081.nii.gz", last_at=NOW)))
        await wait_for(pilot, lambda: len(ran) == 2, "the copies are read again")
        shown = next(study for study in queue.value.studies if study.id == ran[0][1]["study"])
        later = Study(shown.id, {**shown.tags, "second": NOW}, shown.fetches)
        studies = tuple(later if study is shown else study for study in queue.value.studies)
        put(store, queue=replace(queue, value=replace(queue.value, studies=studies)))
        await wait_for(pilot, lambda: len(ran) == 3, "the study is read again")


async def test_details_show_the_slice_with_most_of_the_label_and_a_click_opens_the_planes(
    monkeypatch: pytest.MonkeyPatch, previews: Previews
) -> None:
    answering(monkeypatch, SHOWN)
    preview = previews.preview = FakePreview(volume(facts()))
    app = console(with_studies(STUDY))
    index = SimpleNamespace(refresh=lambda: None, versions=list)
    app._given.labels = SimpleNamespace(folder=SimpleNamespace(index=index))  # type: ignore[union-attr]
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "axial 27 of 40 · 39.0 mm · final" in screen_text(app))
        assert "▀" * 20 in screen_text(app)
        assert (previews.labels, preview.closed) == ([(("final", ""),)], 1)
        assert app.session is not None
        later = Study(STUDY.id, {**STUDY.tags, "original": NOW}, STUDY.fetches, authors=STUDY.authors)
        put(app.session.store, queue=fresh(StudyQueue(1, 0, (later,))))
        await wait_for(pilot, lambda: preview.closed == 2, "the new label is drawn")
        await pilot.click("#thumbnail", offset=(18, 9))
        await wait_for(pilot, lambda: isinstance(app.screen, PreviewScreen))
        await wait_for(
            pilot, lambda: previews.fetches == [False, False, True], "only the planes fetch a series"
        )


async def test_a_picture_that_can_not_be_made_says_why_and_a_small_screen_has_none(
    monkeypatch: pytest.MonkeyPatch, previews: Previews
) -> None:
    answering(monkeypatch, SHOWN)
    app = console(connected())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "no copy on this machine" in screen_text(app), "the document")
        assert not previews.labels
        await pilot.resize_terminal(*SIZE)
        await wait_for(pilot, lambda: "No picture: The image has 4" in screen_text(app))
        assert "[b]." in screen_text(app), "it is shown literally"
        assert isinstance(app.screen, StudyScreen)


async def test_what_a_lost_connection_cut_off_is_read_again_after_it(
    monkeypatch: pytest.MonkeyPatch, previews: Previews
) -> None:
    lost = Unreachable(Code.CONNECTION_LOST, "The connection was lost.")
    ran = answering(monkeypatch, lost)
    previews.problem = lost
    app = console(with_studies(STUDY))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "No picture: The connection was lost." in screen_text(app))
        assert len(ran) == 1
        previews.preview = FakePreview(volume(facts()))
        ran = answering(monkeypatch, SHOWN)
        assert app.session is not None
        store = app.session.store
        host = store.state.host
        assert host.value is not None
        put(store, host=replace(host, value=replace(host.value, state=LinkState.RECONNECTING)))
        await pilot.pause()
        assert not ran
        put(store, host=host)
        await wait_for(pilot, lambda: "axial 27 of 40" in screen_text(app), "the picture")
        await wait_for(pilot, lambda: "no copy on this machine" in screen_text(app), "the document")
        put(store, host=replace(host, value=replace(host.value, latency_ms=7.0)))
        await pilot.pause()
        assert len(ran) == 1, "what was read is not read again"


async def test_leaving_the_details_ends_the_program_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, previews: Previews
) -> None:
    answering(monkeypatch, SHOWN)
    preview = previews.preview = FakePreview(volume())
    preview.held = asyncio.Event()
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: preview.asked)
        await pilot.press("escape")
        await wait_for(pilot, lambda: preview.closed)


async def test_a_review_of_marked_studies_is_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = answering(monkeypatch, {"message": "2 labels reviewed"})
    app = console(connected())
    async with app.run_test(size=SIZE) as pilot:
        queue = await opened(pilot, app)
        await pilot.press("space", "space")
        marked = [study.id for study in queue.targets]
        await pilot.press("Q", "v")
        await wait_for(pilot, lambda: isinstance(app.screen, FormScreen))
        await pilot.press("a", "tab", "e")
        assert [field.value for field in app.screen.query(Choice)][:2] == ["approved", "easy"]
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: ran)
    assert ran == [("studies.review", {"studies": marked, "status": "approved", "level": "easy"})]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    answering(monkeypatch, SHOWN)

    async def before(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("4", "enter")
        await wait_for(pilot, lambda: "no copy on this machine" in screen_text(pilot.app), "the document")
        await pilot.pause()

    assert snap_compare(console(connected()), terminal_size=size, run_before=before)
