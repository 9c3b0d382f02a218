"""The guard's rules, played through with made-up hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeltui.domain.guard.rules import KINDS, Activity, Decision, Facts, Policy, decide, span

MIN = 60.0
patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
METHOD = "the pod's own key"


def facts(ago_s: float = 0.0, kind: str = "label", what: str = "by ana", **more: object) -> Facts:
    activity = (Activity("start", 9 * 3600.0), Activity(kind, ago_s, what))
    return Facts(activity, **{"method": METHOD, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "policy", "state", "said"),
    [
        (facts(3 * MIN), {}, "watching", "Idle stop in 42 min; idle 3 min, last use: a label by ana."),
        (facts(0), {}, "watching", "Idle stop in 45 min; in use: a label by ana."),
        (facts(36 * MIN), {}, "warning", "Idle stop in 9 min; idle 36 min, last use: a label by ana."),
        (facts(36 * MIN, uncopied=2), {}, "warning", "The stop will wait: 2 labels are not copied off the pod."),
        (facts(46 * MIN), {}, "stopping", "Idle for 46 min: the guard stops the pod with the pod's own key."),
        (facts(46 * MIN, keep_s=60.0), {}, "warning", "Idle stop in 1 min"),
        (facts(46 * MIN), {"idle_s": 0}, "watching", "No idle limit or budget will"),
        (facts(46 * MIN), {"mode": "off"}, "off", "only you can stop this pod"),
        (facts(46 * MIN, working=("a training of deepedit runs",)), {}, "watching", "No idle stop while a training"),
        (facts(46 * MIN, uncopied=1, uncopied_what="liver_1 (final)"), {}, "waiting",
         "Idle for 46 min, but the guard delays the stop: 1 label is not copied off the pod (liver_1 (final))."),
        (facts(46 * MIN, uncopied=3), {}, "waiting", "3 labels are not copied"),
        (facts(46 * MIN, uncopied=3), {"need_copies": False}, "stopping", "Idle for 46 min"),
        (facts(46 * MIN, models=("deepedit",)), {}, "waiting",
         "Idle for 46 min, but the guard delays the stop: 1 model is not copied off the pod (deepedit)."),
        (facts(46 * MIN, copying="deepedit"), {}, "waiting",
         "Idle for 46 min, but the guard delays the stop: a model is being copied off the pod (deepedit)."),
        (facts(46 * MIN, copying="a", models=("a", "b")), {}, "waiting",
         "a model is being copied off the pod (a); 1 model is not copied off the pod (b)."),
        (facts(46 * MIN, copying="deepedit"), {"need_copies": False}, "stopping", "Idle for 46 min"),
        (facts(0, spent=5.01, rate=0.5, models=("a", "b")), {"budget": 5.0}, "waiting", "2 models are not copied"),
        (facts(46 * MIN, models=("deepedit",)), {"need_copies": False}, "stopping", "Idle for 46 min"),
        (facts(46 * MIN, uncopied=None, uncopied_what="disk error"), {}, "waiting", "it is unknown whether"),
        (facts(46 * MIN, method="", method_problem="No key works: 403"), {}, "stuck", "can't stop the pod. No key"),
        (facts(46 * MIN, method=""), {}, "stuck", "The guard has found no API key that can stop the pod yet"),
        (facts(46 * MIN, method_problem="3 stops left it running"), {}, "stuck", "3 stops left it running."),
        (facts(46 * MIN, method="", uncopied=3), {}, "stuck", "the guard delays the stop: 3 labels are"),
        (facts(0, method=""), {"mode": "off"}, "off", "only you can stop this pod"),
        (facts(46 * MIN, clear_s=20.0), {}, "warning", "The work that delayed the stop has ended"),
        (facts(46 * MIN, clear_s=61.0), {}, "stopping", "Idle for 46 min"),
        (facts(1 * MIN, spent=2.0, rate=0.5), {"budget": 5.0}, "watching", "Idle stop in 44 min"),
        (facts(0, spent=4.2, rate=0.5), {"budget": 5.0}, "warning", "84 % of the budget of $5.00 is spent."),
        (facts(0, spent=4.99, rate=0.5), {"budget": 5.0}, "warning", "Budget stop in 1 min; in use: a label by ana."),
        (facts(0, spent=5.01, rate=0.5), {"budget": 5.0}, "stopping", "The budget of $5.00 is spent: the guard"),
        (facts(0, spent=5.01, rate=0.5, working=("a training of deepedit runs",)), {"budget": 5.0}, "waiting",
         "The budget of $5.00 is spent, but the guard delays the stop: a training of deepedit runs."),
        (facts(0, spent=5.01, rate=0.5, uncopied=1), {"budget": 5.0}, "waiting", "1 label is not copied"),
        (facts(0, spent=5.01, rate=0.5, keep_s=9000.0), {"budget": 5.0}, "stopping", "The budget"),
        (facts(0, spent=0.0, rate=1e-308), {"budget": 5.0, "idle_s": 0}, "watching", "No idle limit or budget will"),
        (facts(0, spent=None), {"budget": 5.0}, "watching", "so the guard can't apply the budget."),
        (facts(0, spent=None), {"budget": 5.0, "idle_s": 0}, "watching", "so the guard can't apply the budget."),
        (Facts((Activity("start", 60.0),), method=METHOD), {}, "watching", "not used since the guard started"),
    ],
)  # fmt: skip
def test_what_follows(known: Facts, policy: dict[str, object], state: str, said: str) -> None:
    decision = decide(replace(Policy(), **policy), known)  # type: ignore[arg-type]
    assert decision.state == state, decision
    assert said in decision.words


def test_the_hint_names_the_command_that_copies_what_is_missing() -> None:
    assert "`labeltui models pull`" in decide(Policy(), facts(46 * MIN, models=("a",))).hint
    assert "when this is over" in decide(Policy(), facts(46 * MIN, models=("a",), copying="a")).hint
    assert "`labeltui labels pull`" in decide(Policy(), facts(46 * MIN, models=("a",), uncopied=1)).hint


def test_that_nothing_can_stop_it_is_said_long_before_it_is_due() -> None:
    decision = decide(Policy(), facts(0, method="", method_problem="No key works"))
    assert (decision.state, decision.problem) == ("stuck", "No key works")
    assert decision.words == "The guard can't stop the pod. No key works."
    assert decision.left_s == 45 * MIN
    assert not decision.due
    assert decide(Policy(), facts(46 * MIN, method="")).due
    assert not decide(Policy(), facts(46 * MIN, method="", uncopied=1)).due


durations = st.floats(0, 1e6, allow_nan=False)
words = st.sampled_from(["", "of liver_1", "by ana"])
some_facts = st.builds(
    Facts,
    activity=st.lists(
        st.builds(Activity, st.sampled_from(sorted(KINDS)), durations, words), min_size=1, max_size=9
    ).map(tuple),
    keep_s=durations,
    working=st.lists(words, max_size=2).map(tuple),
    uncopied=st.none() | st.integers(0, 5),
    models=st.lists(st.sampled_from(["deepedit", "segmentation"]), max_size=2).map(tuple),
    copying=st.sampled_from(["", "deepedit"]),
    spent=st.none() | st.floats(0, 100),
    rate=st.none() | st.floats(0, 10),
    clear_s=st.none() | durations,
    method=st.sampled_from(["", METHOD]),
    method_problem=st.sampled_from(["", "No key works"]),
)
some_policies = st.builds(
    Policy,
    mode=st.sampled_from(["auto", "off"]),
    idle_s=st.sampled_from([0.0, 60.0, 2700.0]),
    budget=st.none() | st.floats(0.01, 50),
    need_copies=st.booleans(),
)


@patient
@given(some_policies, some_facts)
def test_never_while_something_works_or_a_label_is_not_copied(policy: Policy, known: Facts) -> None:
    decision = decide(policy, known)
    if decision.state == "stopping":
        assert policy.mode == "auto"
        assert not known.working
        assert known.method
        assert not policy.need_copies or (known.uncopied == 0 and not known.models and not known.copying)
        quiet = known.last.ago_s >= policy.idle_s > 0 and not known.keep_s
        broke = policy.budget is not None and known.spent is not None and known.spent >= policy.budget
        assert quiet or broke or (known.rate and decision.cause == "budget")
    assert decision.words


@patient
@given(some_policies, some_facts)
def test_a_stop_that_is_due_happens_or_says_why_not(policy: Policy, known: Facts) -> None:
    decision = decide(policy, known)
    due = (
        policy.mode == "auto"
        and not known.keep_s
        and known.last.ago_s >= policy.idle_s > 0
        and not known.working
    )
    if due:
        assert decision.state in ("stopping", "waiting", "stuck", "warning")
    if decision.state == "waiting":
        assert decision.blocks
        assert all(block in decision.words for block in decision.blocks)


@patient
@given(some_policies, some_facts, st.sampled_from(sorted(KINDS)))
def test_new_use_never_brings_the_stop_nearer(policy: Policy, known: Facts, kind: str) -> None:
    def left(decision: Decision) -> float:
        return float("inf") if decision.left_s is None else decision.left_s

    used = replace(known, activity=(*known.activity, Activity(kind, 0.0)), clear_s=None)
    assert left(decide(policy, used)) >= left(decide(policy, replace(known, clear_s=None)))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (2699.99, "45 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (11100, "3 h 5 min"),
    ],
)
def test_times_as_they_are_said(seconds: float, said: str) -> None:
    assert span(seconds) == said
