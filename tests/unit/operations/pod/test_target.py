"""Which pod is meant: a whole name or an id, and nobody else's without its name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from labeltui.actions.model import PodParams
from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.reading import Reading
from labeltui.domain.rules.pod import about, same_named, why_not
from labeltui.domain.state import Identity, SessionState
from labeltui.operations.pod.target import legal, target

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
UP = (PodAction.STOP, PodAction.RESTART, PodAction.TERMINATE)
OWN = Pod("own", "annot", PodStatus.RUNNING, NOW, actions=UP)
OTHER = replace(OWN, id="other", name="annot-2")
TWIN = replace(OWN, id="twin", name="same")
TWIN_2 = replace(OWN, id="twin2", name="same")
LOCKED = replace(OWN, id="locked", name="lock", locked=True)
MEMBER = replace(OWN, id="member", name="node", cluster_id="c")
PODS = (OWN, OTHER, TWIN, TWIN_2, LOCKED, MEMBER)


class PodAccount:
    async def find(self) -> Pod:
        return OWN

    async def refresh_pods(self) -> tuple[Pod, ...]:
        return PODS

    async def owns(self, pod: Pod) -> bool:
        return pod.id == OWN.id


class Session:
    account = PodAccount()


SESSION: Any = Session()


@pytest.mark.parametrize(
    ("named", "found"),
    [(None, "own"), ("annot", "own"), ("other", "other"), ("annot-2", "other"), ("twin", "twin")],
)
async def test_a_whole_name_or_an_id_is_one_pod(named: str | None, found: str) -> None:
    assert (await target(SESSION, named)).id == found


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("anno", "no_pod"),
        ("annot-", "no_pod"),
        ("same", "pod_ambiguous"),
        ("ANNOT", "no_pod"),
        ("*", "no_pod"),
    ],
)
async def test_a_part_of_a_name_is_no_pod_and_neither_is_a_name_of_two(named: str, code: str) -> None:
    with pytest.raises(LabeltuiError) as error:
        await target(SESSION, named)
    assert error.value.problem.code == code


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, None),
        ({"pod": "annot"}, None),
        ({"pod": "annot-2"}, "pod_not_named"),
        ({"pod": "annot-2", "named": "annot"}, "pod_not_named"),
        ({"pod": "annot-2", "named": "annot-2"}, None),
        ({"pod": "other", "named": "annot-2"}, None),
        ({"pod": "lock", "named": "lock"}, "pod_locked"),
        ({"pod": "node", "named": "node"}, "pod_locked"),
    ],
)
async def test_only_what_was_meant_and_may_be_is_done(params: dict[str, str], code: str | None) -> None:
    if code is None:
        await legal(SESSION, PodParams.of(params), PodAction.STOP)
        return
    with pytest.raises(LabeltuiError) as error:
        await legal(SESSION, PodParams.of(params), PodAction.STOP)
    assert error.value.problem.code == code


async def test_what_its_state_does_not_allow_says_what_it_allows() -> None:
    with pytest.raises(LabeltuiError, match="annot is running: start is not possible now") as error:
        await legal(SESSION, PodParams(), PodAction.START)
    assert error.value.problem.hint == "Possible now: stop, restart, terminate."


def test_words_about_another_pod_never_fall_back_to_the_profiles() -> None:
    state = SessionState(Identity("p"), pod=Reading(OWN, NOW), pods=Reading(PODS, NOW))
    assert about(state, None).pod.value is OWN
    assert about(state, "other").pod.value is OTHER
    assert about(state, "nowhere").pod.value is None
    assert same_named(PODS, "same") == (TWIN, TWIN_2)
    assert why_not(LOCKED, "start") == "the pod is running"
