"""The guard in the console: its countdown at every width, its words in the pod pane, and the key that keeps the pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from labeltui.actions import BY_ID
from labeltui.domain.guard.status import GuardStatus, StopMethod, Use, guard_of
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.ui.presentation.guard import guard_fact, guard_lines
from labeltui.ui.presentation.strip import strip_line
from labeltui.ui.screens.action_form import prefilled
from tests.fakes.store import put
from tests.ui.fake_session import NOW, ago, connected, console, fresh, settled, wait_for
from tests.ui.sample_pods import with_pod

LABEL = Use("label", 720.0, ago(720), "a label by ana")
WATCHING = GuardStatus(
    "watching", "Idle stop in 42 min; idle 3 min, last use: a label by ana.", cause="idle", left_s=2520.0,
    idle_s=2700.0,
    uses=(LABEL,), uncopied=0, method="the pod's own key", methods=(StopMethod("the pod's own key", True, "proven"),),
)  # fmt: skip
WARNING = replace(
    WATCHING, state="warning", left_s=480.0, words="Idle stop in 8 min; idle 37 min, last use: a label by ana.",
    hint="k keeps the pod alive (`labeltui guard keep`).", uses=(replace(LABEL, ago_s=2220.0, at=ago(2220)),),
)  # fmt: skip
NO_KEY = "No key can stop this pod: the pod's own key: refused: it may read the pod and not act on it (403)"
UNPROVEN = replace(WATCHING, methods=(StopMethod("the pod's own key", None, "not tested yet"),))
STUCK = replace(
    WATCHING, state="stuck", words=f"The guard can't stop the pod. {NO_KEY}.", problem=NO_KEY, method="",
    methods=(StopMethod("the pod's own key", False, "refused"),),
)  # fmt: skip


def guarded(status: GuardStatus, **reading: Any) -> SessionState:
    return replace(with_pod(), guard=replace(fresh(status, old=0), **reading))


@pytest.mark.parametrize(
    ("status", "width", "said"),
    [
        (WATCHING, 240, "idle-stop in 42m"),
        (WATCHING, 120, "stop 42m"),
        (WATCHING, 90, "stop 42m"),
        (WARNING, 240, "▲ idle-stop in 8m"),
        (replace(WATCHING, cause="budget", left_s=3700.0), 240, "budget-stop in 1h01"),
        (
            replace(WATCHING, left_s=None, working=("a training of deepedit runs",)),
            240,
            "no idle stop: training",
        ),
        (replace(WATCHING, state="waiting", left_s=0.0), 240, "▲ stop on hold"),
        (replace(WATCHING, state="stuck"), 240, "✗ can't stop the pod"),
        (replace(WATCHING, state="stuck", problem=NO_KEY), 80, "✗"),
        (UNPROVEN, 240, "idle-stop in 42m (not tested yet)"),
        (replace(WATCHING, state="off"), 240, "○ guard off"),
        (replace(WATCHING, state="dead"), 80, "✗ no guard"),
        (replace(WATCHING, state="stopping"), 240, "■ stopping the pod"),
    ],
)
def test_the_strip_counts_down_or_says_why_not(status: GuardStatus, width: int, said: str) -> None:
    assert said in strip_line(guarded(status), NOW, width).plain


def test_the_countdown_goes_on_between_polls_and_grows_old_without_a_connection() -> None:
    state = guarded(WATCHING)
    assert "idle-stop in 40m" in strip_line(state, NOW + timedelta(minutes=2), 240).plain
    lost = guarded(WATCHING, error="not connected")
    assert "old" in strip_line(lost, NOW + timedelta(minutes=2), 240).plain
    assert guard_fact(replace(connected(), guard=Reading(error="broken")), NOW) is not None


def test_a_host_without_a_guard_has_no_word_of_it_in_the_strip() -> None:
    none = replace(connected(), guard=fresh(GuardStatus("none", "No guard on this host.")))
    assert "guard" not in strip_line(none, NOW, 240).plain
    assert guard_lines(none, NOW, 40) == []
    assert guard_lines(connected(), NOW, 40) == []


def test_at_80_columns_what_is_well_makes_room_for_alerts() -> None:
    line = strip_line(guarded(WARNING), NOW, 80)
    assert line.cell_length <= 80
    assert "▲ stop 8m" in line.plain
    assert "✗ 2" in line.plain
    assert "host" not in line.plain


def text_of(state: SessionState, width: int = 60) -> str:
    return "\n".join(line.plain for line in guard_lines(state, NOW, width))


def test_the_pane_shows_the_last_activity_and_its_time() -> None:
    text = text_of(guarded(WATCHING))
    assert f"idle 12 min, last use: a label by ana {LABEL.at.astimezone():%H:%M}" in text  # type: ignore[union-attr]
    assert NO_KEY.split(":", maxsplit=1)[0] in text_of(guarded(STUCK))
    money = text_of(guarded(replace(WATCHING, budget=5.0, spent=4.2)))
    assert "$4.20 of $5.00" in money
    hostile = replace(LABEL, words="a label by [red]ana\x1b[31m")
    assert "\x1b" not in text_of(guarded(replace(WATCHING, uses=(hostile,))))


def test_a_label_counts_before_the_request_that_brought_it() -> None:
    request = Use("request", 3.0, ago(3), "a request to the server for a study or a label")
    label = replace(LABEL, ago_s=6.0)
    assert replace(WATCHING, uses=(request, label)).idle_words == "idle 3 s, last use: a label by ana"
    assert "request" in replace(WATCHING, uses=(request, LABEL)).idle_words


def test_the_form_begins_with_the_limits_of_now() -> None:
    given = prefilled(BY_ID["guard.set"], None, guarded(replace(WATCHING, budget=5.0)))
    assert given == {"idle": "45", "budget": "5", "copies": "wait"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []

    async def run_action(_session: Any, action_id: str, *_: Any, confirmed: bool = False) -> Any:
        calls.append(action_id)
        return {"message": "not before 18:40"}

    monkeypatch.setattr("labeltui.operations.run.run_action", run_action)
    return calls


@pytest.mark.parametrize("pane", ["log", "queue", "pod"])
async def test_k_keeps_the_pod_while_its_stop_is_near(ran: list[str], pane: str) -> None:
    app = console(guarded(WARNING))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.focus_pane(pane)
        await pilot.pause()
        await pilot.press("k")
        await wait_for(pilot, lambda: ran == ["guard.keep"], "the key")
        assert app.lines.footer()[0] == ("k", "keep the pod")
        await wait_for(pilot, lambda: "not before 18:40" in app.last_flash, "the answer")


async def test_k_is_the_panes_key_while_no_stop_is_near_and_a_letter_in_a_filter(ran: list[str]) -> None:
    app = console(guarded(WATCHING))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("4", "k")
        await pilot.pause()
        assert ran == []
        await pilot.press("p", "k")
        await wait_for(pilot, lambda: ran == ["guard.keep"], "the keys")
        put(app.session.store, guard=fresh(WARNING))  # type: ignore[union-attr]
        await pilot.press("slash")
        await pilot.pause()
        await pilot.press("k")
        await pilot.pause()
        assert ran == ["guard.keep"]


@pytest.mark.parametrize(
    ("name", "size"),
    [("stuck", (80, 24)), ("warning", (120, 40)), ("stuck", (200, 60))],
    ids=["80", "120", "200"],
)
@pytest.mark.slow
def test_pictures(snap_compare: Callable[..., bool], size: tuple[int, int], name: str) -> None:
    stuck = replace(STUCK, budget=5.0, spent=4.2)
    app = console(guarded({"warning": WARNING, "stuck": stuck}[name]))

    async def ready(pilot: Any) -> None:
        await settled(pilot)
        app.focus_pane("pod")
        await pilot.pause()
        app.paint()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=ready)


def guard_answer(**state: Any) -> dict[str, Any]:
    """What the guard answers."""
    decision = {
        "state": "watching", "words": "w", "hint": "", "cause": "idle", "left_s": 100.0, "blocks": ["b"], "problem": "",
    }  # fmt: skip
    policy = {"mode": "auto", "idle_s": 2700.0, "budget": None, "need_copies": True}
    written = {
        "written_mono": 1000.0,
        "decision": decision,
        "policy": policy,
        "seen": {"gpu": [900.0, 5.0, "(93 %)"]},
    }
    return {"alive": True, "now_mono": 1010.0, "now": 0.0, "state": {**written, **state}}


def test_the_guards_answer_is_read_whole() -> None:
    status = guard_of(guard_answer())
    assert (status.state, status.left_s, status.blocks) == ("watching", 90.0, ("b",))
    assert status.uses[0].words == "the GPU (93 %)"
    assert status.uses[0].ago_s == 110.0
    assert guard_of({"alive": False, "state": {"written_mono": 1}}).state == "dead"
    silent = guard_of(guard_answer(written_mono=1.0))
    assert silent.state == "dead"
    assert "has reported nothing for 16 min" in silent.words
