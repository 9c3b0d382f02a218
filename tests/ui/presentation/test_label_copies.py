"""The copies of the labels in strip and queue: in words at every width, loud only when one is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from labeltui.domain.guard.status import GuardStatus
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.money import Account, Spend
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.studies.study import Study, StudyQueue
from labeltui.ui.presentation.strip import strip_line
from tests.ui.fake_session import NOW, FakeSession, ago, connected, console, fresh, settled, wait_for
from tests.ui.sample_pods import with_pod
from tests.ui.test_snapshots import PROMPT, before

ALL = LabelCopies(12, 12, "/home/op/labels", last="final/liver_042.nii.gz")
SOME = replace(ALL, here=9, reason="disk full\x1b[31m", hint="Free space.", missing=("final/a.nii.gz",))
COMING = replace(ALL, here=11, copying="final/a.nii.gz")
RUNNING = Pod(
    "abc", "annot", PodStatus.RUNNING, NOW, gpu_name="RTX A5000", gpu_count=1, gpus_attached=1, container_disk_gb=50,
    volume_disk_gb=20, volume_path="/workspace", compute_per_hour=Decimal("0.27"),
)  # fmt: skip


def copies(status: LabelCopies, error: str | None = None) -> SessionState:
    return replace(connected(), labels=replace(fresh(status), error=error))


def test_a_damaged_final_label_is_not_counted_as_final() -> None:
    studies = tuple(Study(name, {"final": NOW}) for name in ("a", "b", "c"))
    state = replace(connected(), queue=fresh(StudyQueue(3, 3, studies)), labels=fresh(ALL))
    assert "3/3 final" in strip_line(state, NOW, 220).plain
    damaged = replace(ALL, here=11, damaged=frozenset({("final", "b"), ("original", "a"), ("final", "gone")}))
    state = replace(state, labels=fresh(damaged))
    assert "2/3 final" in strip_line(state, NOW, 220).plain


@pytest.mark.parametrize(
    ("status", "error", "wide", "narrow"),
    [
        (ALL, None, "labels 12/12 here", ""),
        (ALL, "not connected", "labels 12/12 here", "lab 12/12"),
        (COMING, None, "labels ◌ 11/12 here, copying", "lab ◌ 11/12"),
        (SOME, None, "labels ✗ 3 not copied: disk full", "lab ✗ 3"),
        (replace(ALL, total=37, here=37, by_models=25, by_models_here=25), None, "labels 12/12 here ", ""),
        (
            replace(ALL, total=37, here=30, by_models=25, by_models_here=18),
            None,
            "labels ◌ 12/12 here, copying",
            "lab",
        ),
        (replace(ALL, here=3, copies=False), None, "labels 3/12 here, not copied", ""),
    ],
)
def test_the_strip_at_both_ends(status: LabelCopies, error: str | None, wide: str, narrow: str) -> None:
    state = copies(status, error)
    assert wide in strip_line(state, NOW, 220).plain
    line = strip_line(state, NOW, 80).plain
    assert "\x1b" not in line
    assert narrow in line if narrow else "lab" not in line


def test_labels_are_left_out_before_they_were_read() -> None:
    assert "label" not in strip_line(connected(), NOW, 220).plain


async def test_a_key_of_the_queue_copies_them_now() -> None:
    app = console(copies(COMING))
    asked: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)

        async def invoke(action_id: str, params: Any = None) -> None:
            asked.append(action_id)

        await pilot.press("4")
        await wait_for(
            pilot, lambda: app.frame_screen.focused is app.panes["queue"].focus_target, "the queue"
        )
        app.dispatcher.invoke = invoke  # type: ignore[method-assign]
        await pilot.press("c")
        await wait_for(pilot, lambda: asked == ["labels.pull"], "the action")
        assert "11/12 here, copying" in app.export_screenshot().replace("&#160;", " ")


def test_a_picture_of_labels_that_are_not_here_on_a_pod_that_costs(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())
    spend = Spend(Decimal("1.37"), ago(5 * 3600), Decimal("0.28"), Decimal("1.62"), NOW)
    alert = Alert(
        "labels", Level.ERROR, "3 labels are not copied to this machine: disk full.", "Free space.", NOW
    )
    state = replace(
        copies(SOME), pod=fresh(RUNNING), account=fresh(Account(Decimal("1.90"), Decimal("0.28"))), spend=fresh(spend),
        alerts=(alert,),
    )  # fmt: skip

    assert snap_compare(console(state), terminal_size=(120, 40), run_before=before("4"))


def test_at_120_columns_the_copies_stay_in_the_strip_while_a_training_runs() -> None:
    trains = GuardStatus("watching", "", cause="idle", left_s=None, working=("a training of deepedit runs",))
    line = strip_line(replace(with_pod(), labels=fresh(ALL), guard=fresh(trains)), NOW, 120)
    assert line.cell_length <= 120
    for said in ("no idle stop", "train ▶ 12/50 best 0.779", "labels 12/12", "✗ 2 alerts"):
        assert said in line.plain
