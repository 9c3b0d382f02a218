"""Texts on the labels that stopping or terminating a pod would lose, and the refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.rules.conditions import ask_pod_terminate, ask_server_stop, loses_nothing
from labeltui.domain.rules.label_risk import label_note, risk
from labeltui.domain.state import Identity, SessionState

NOW = datetime(2026, 11, 23, 17, 2, tzinfo=UTC)
POD = Pod("p1", "annot", PodStatus.RUNNING, NOW, volume_disk_gb=100, volume_path="/workspace")
NETWORK = replace(POD, volume_disk_gb=0, network_volume_id="v1")
BARE = replace(POD, volume_disk_gb=0, volume_path=None)
HERE = LabelCopies(12, 12, source="p1:/workspace/studies", root="/workspace/studies/labels")
SOME = replace(HERE, here=9, reason="disk full", hint="Free space.")
OFF_VOLUME = replace(SOME, root="/root/studies/labels")
NONE = replace(HERE, total=0, here=0)
OTHER = replace(HERE, source="p2:/workspace/studies")


def state(pod: Pod, copies: LabelCopies | None, error: str | None = None) -> SessionState:
    labels: Reading[Any] = Reading(copies, NOW if copies else None, error=error)
    return SessionState(Identity("p"), pod=Reading(pod, NOW), labels=labels)


def stopped(pod: Pod) -> Pod:
    return replace(pod, status=PodStatus.STOPPED)


@pytest.mark.parametrize(
    ("pod", "copies", "error", "action", "said", "code"),
    [
        (POD, HERE, None, "terminate", "All 12 labels are on this machine.", ""),
        (POD, SOME, None, "terminate", "3 of 12 labels are NOT on this machine: disk full.", "labels_not_copied"),
        (POD, SOME, None, "stop", "labels are NOT on this machine: disk full; they stay on the pod's volume.", ""),
        (POD, OFF_VOLUME, None, "stop", "3 of 12 labels are NOT on this machine: disk full.", "labels_not_copied"),
        (BARE, SOME, None, "stop", "3 of 12 labels are NOT on this machine: disk full.", "labels_not_copied"),
        (BARE, SOME, None, "restart", "3 of 12 labels are NOT on this machine: disk full.", "labels_not_copied"),
        (NETWORK, SOME, None, "terminate", "stay on the pod's volume.", ""),
        (NETWORK, OFF_VOLUME, None, "terminate", "3 of 12 labels are NOT on this machine", "labels_not_copied"),
        (POD, replace(HERE, by_models=8, by_models_here=8), None, "terminate",
         "All 4 labels and 8 that models made are on this machine.", ""),
        (POD, replace(SOME, by_models=8, by_models_here=6), None, "terminate",
         "1 of 4 labels and 2 of 8 that models made are NOT on", "labels_not_copied"),
        (POD, replace(SOME, by_models=8, by_models_here=5), None, "terminate",
         "3 of 8 labels that models made are NOT on", "labels_not_copied"),
        (POD, NONE, None, "terminate", "There are no labels on the pod.", ""),
        (POD, None, None, "terminate", "It is unknown whether the pod's labels are copied", "labels_unknown"),
        (POD, OTHER, None, "terminate", "It is unknown", "labels_unknown"),
        (POD, HERE, "no route", "terminate", "12 of 12 labels were on this machine on 23 Nov", "labels_unknown"),
        (stopped(POD), None, None, "terminate", "It is unknown whether the pod's labels are copied", ""),
        (stopped(POD), HERE, "stopped", "terminate", "there are newer labels is unknown.", ""),
        (stopped(POD), SOME, "stopped", "terminate", "9 of 12 labels were on this machine", "labels_not_copied"),
        (replace(POD, status=PodStatus.STARTING), None, None, "terminate", "It is unknown", ""),
        (NETWORK, None, None, "stop", "It is unknown whether the pod's labels", "labels_unknown"),
    ],
)  # fmt: skip
def test_words_and_refusals(
    pod: Pod, copies: LabelCopies | None, error: str | None, action: str, said: str, code: str
) -> None:
    snapshot = state(pod, copies, error)
    assert said in label_note(snapshot, action)
    problem = risk(snapshot, action)
    assert (problem.code if problem else "") == code
    if problem:
        assert "--lose-labels" in problem.hint


def test_the_questions_say_it() -> None:
    assert "3 of 12 labels are NOT on this machine: disk full." in (ask_pod_terminate(state(POD, SOME)) or "")
    assert "3 labels are not on this machine yet." in (ask_server_stop(state(POD, SOME)) or "")
    assert "label" not in (ask_server_stop(state(POD, HERE)) or "")
    assert "unknown" not in (ask_server_stop(state(POD, SOME, "old")) or "")


def test_labels_are_given_up_only_where_there_are_some_to_lose() -> None:
    pod = replace(POD, actions=(PodAction.STOP, PodAction.TERMINATE))
    assert loses_nothing(state(pod, SOME)) is None
    assert "no label would be lost" in (loses_nothing(state(pod, HERE)) or "")
    assert loses_nothing(state(replace(pod, actions=()), SOME)) == "the pod is running"
