"""The guard's rules. They decide from a pod's activity and cost whether the guard must stop the pod now.

The console imports this module, and the guard's program carries the same source to the host. The module therefore
runs on Python 3.8 with nothing but the standard library. Times are seconds; amounts are US dollars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from labeltui.domain.amounts import dollars

AUTO, OFF = "auto", "off"

IDLE_S = 45 * 60.0
WARN_S = 600.0
GRACE_S = 60.0
BUDGET_WARNS_AT = 0.8

KINDS = {
    "gpu": "the GPU",
    "request": "a request to the server",
    "label": "a label",
    "training": "a training",
    "shell": "a key pressed in a shell",
    "upload": "an upload of studies",
    "job": "a job of a console",
    "keep": "a request to keep the pod alive",
    "start": "the guard's start",
}
"""Each kind of activity, as text for the operator. Requests with which a console polls do not count as activity."""


@dataclass(frozen=True)
class Policy:
    """The operator's limits. ``idle_s`` 0 disables the idle stop; ``budget`` None means no limit."""

    mode: str = AUTO
    idle_s: float = IDLE_S
    budget: float | None = None
    need_copies: bool = True  # wait until each label and each trained model is copied to a desk
    warn_s: float = WARN_S
    grace_s: float = (
        GRACE_S  # after training or copying: the next training in a queue needs a moment to begin
    )


@dataclass(frozen=True)
class Activity:
    """The latest activity of one kind, ``ago_s`` seconds before now (0 while it continues); ``what`` has details."""

    kind: str
    ago_s: float
    what: str = ""

    @property
    def words(self) -> str:
        """The activity as text, such as ``a label by ana``."""
        noun = KINDS.get(self.kind, self.kind)
        return f"{noun}{' ' if self.what else ''}{self.what}"


TOGETHER_S = 10.0


def newest(activity: tuple[Activity, ...]) -> Activity:
    """Return the latest activity. If a label came at most 10 s before the latest request, return the label."""
    last = min(activity, key=lambda one: one.ago_s)
    label = next((one for one in activity if one.kind == "label"), None)
    if last.kind == "request" and label is not None and label.ago_s - last.ago_s <= TOGETHER_S:
        return Activity("label", last.ago_s, label.what)
    return last


@dataclass(frozen=True)
class Facts:
    """The guard's readings of the pod. ``activity`` is never empty, because the guard's own start is an entry."""

    activity: tuple[Activity, ...]
    keep_s: float = 0.0  # remaining seconds of a request to keep the pod alive
    working: tuple[str, ...] = ()  # work that must not be interrupted, as text
    uncopied: int | None = 0  # labels without a copy on any desk; None if unknown
    uncopied_what: str = ""  # names of some of these labels, or why their number is unknown
    models: tuple[str, ...] = ()  # models whose newest weights a console wants and no desk has
    copying: str = (
        ""  # the model that a console copies off the pod now, also one that no console wants by itself
    )
    spent: float | None = None
    rate: float | None = None  # $/h
    clear_s: float | None = None  # seconds since a stop was last blocked; None if it never was
    method: str = ""  # the key that the next stop uses
    method_problem: str = ""  # why there is no such key, or that its stops have no effect

    @property
    def last(self) -> Activity:
        """The latest activity, as :func:`newest` chooses it."""
        return newest(self.activity)


@dataclass(frozen=True)
class Decision:
    """The guard's decision. ``state`` is off, watching, warning, waiting, stuck or stopping.

    ``left_s`` is the time to the stop; None when no stop is coming. ``cause`` is the limit that ends first:
    idle or budget. ``blocks`` are reasons that delay a stop, whether it is due now or later. ``stuck`` means
    that the guard can't stop the pod, whether or not a stop is due.
    """

    state: str
    words: str
    hint: str = ""
    cause: str = ""
    left_s: float | None = None
    blocks: tuple[str, ...] = ()
    problem: str = ""  # why the guard can't stop the pod

    @property
    def due(self) -> bool:
        """True when the pod must be stopped now, by the guard or by a console."""
        return self.left_s is not None and self.left_s <= 0 and not self.blocks


def decide(policy: Policy, facts: Facts) -> Decision:
    """Apply the policy.

    A stop that is due waits until work has ended and labels and models are copied, then ``grace_s`` seconds more.
    """
    if policy.mode == OFF:
        return Decision(
            "off", "The guard is off: only you can stop this pod.", "`labeltui guard set` turns it on."
        )
    decision = _by_the_clock(policy, facts)
    if facts.method and not facts.method_problem:
        return decision
    return _stuck(policy, facts, decision)


def _stuck(policy: Policy, facts: Facts, decision: Decision) -> Decision:
    """Return the decision with state ``stuck``, for a guard that can't stop the pod."""
    problem = facts.method_problem or "The guard has found no API key that can stop the pod yet"
    words = f"The guard can't stop the pod. {problem}."
    if decision.due:
        words = f"{_why(policy, facts, decision.cause)}, but the guard can't stop the pod. {problem}."
    elif decision.state == "waiting" or decision.left_s is None:
        words = f"{decision.words} {words}"  # the problem does not name what keeps the pod alive
    return replace(decision, state="stuck", words=words, hint=STOP_IT, problem=problem)


def _by_the_clock(policy: Policy, facts: Facts) -> Decision:
    cause, left = _what_ends_first(policy, facts)
    blocks = _blocks(policy, facts)
    if left is None:
        if facts.working and policy.idle_s > 0:
            words = f"No idle stop while {_listed(facts.working)}."
        else:
            words = "No idle limit or budget will stop the pod." + _blind(policy, facts)
        return Decision("watching", words, "", "", None, blocks)
    if left > 0:
        return _not_yet(policy, facts, cause, left, blocks)
    why = _why(policy, facts, cause)
    if blocks:
        return Decision(
            "waiting",
            f"{why}, but the guard delays the stop: {_listed(blocks)}.",
            _hint(facts),
            cause,
            0.0,
            blocks,
        )
    if facts.clear_s is not None and facts.clear_s < policy.grace_s:
        return Decision(
            "warning",
            f"{why}. The work that delayed the stop has ended.",
            KEEP,
            cause,
            policy.grace_s - facts.clear_s,
        )
    return Decision("stopping", f"{why}: the guard stops the pod with {facts.method}.", "", cause, 0.0)


KEEP = "k keeps the pod alive (`labeltui guard keep`)."
STOP_IT = (
    "An open console will stop the pod. Or stop it yourself: `labeltui pod stop`, or on RunPod's website."
)


def _what_ends_first(policy: Policy, facts: Facts) -> tuple[str, float | None]:
    idle: float | None = None
    if policy.idle_s > 0 and not facts.working:
        idle = max(policy.idle_s - facts.last.ago_s, facts.keep_s)
    money = budget_left_s(policy, facts)
    if money is not None and (idle is None or money < idle):
        return "budget", money
    return ("idle", idle) if idle is not None else ("", None)


def budget_left_s(policy: Policy, facts: Facts) -> float | None:
    """Seconds until the budget is spent at the current rate; None without a budget, or if that can't be computed."""
    if policy.budget is None or facts.spent is None:
        return None
    left = policy.budget - facts.spent
    if left <= 0:
        return 0.0
    seconds = left / facts.rate * 3600.0 if facts.rate else math.inf
    return seconds if math.isfinite(seconds) else None


def _blocks(policy: Policy, facts: Facts) -> tuple[str, ...]:
    blocks = facts.working
    if policy.need_copies and facts.uncopied is None:
        blocks += (f"it is unknown whether the labels are copied ({facts.uncopied_what})",)
    elif policy.need_copies and facts.uncopied:
        many = "label is" if facts.uncopied == 1 else "labels are"
        named = f" ({facts.uncopied_what})" if facts.uncopied_what else ""
        blocks += (f"{facts.uncopied} {many} not copied off the pod{named}",)
    if policy.need_copies and facts.copying:
        blocks += (f"a model is being copied off the pod ({facts.copying})",)
    if policy.need_copies and (away := _waiting(facts)):
        many = "1 model is" if len(away) == 1 else f"{len(away)} models are"
        blocks += (f"{many} not copied off the pod ({', '.join(away)})",)
    return blocks


def _waiting(facts: Facts) -> tuple[str, ...]:
    """The models that no desk has, and that nobody copies now."""
    return tuple(name for name in facts.models if name != facts.copying)


def _hint(facts: Facts) -> str:
    if facts.uncopied is None or facts.uncopied:
        return "`labeltui labels pull` copies the labels; then the pod stops."
    if _waiting(facts):
        return "`labeltui models pull` copies the models; then the pod stops."
    return "The pod stops when this is over."


def _not_yet(policy: Policy, facts: Facts, cause: str, left: float, blocks: tuple[str, ...]) -> Decision:
    what = "idle" if cause == "idle" else "budget"
    words = f"{what.capitalize()} stop in {span(left)}; {_quiet(facts)}."
    spent = budget_words(policy, facts)
    if left <= policy.warn_s:
        later = f" The stop will wait: {_listed(blocks)}." if blocks else ""
        hint = KEEP if cause == "idle" else RAISE
        return Decision("warning", words + later, hint, cause, left, blocks)
    if spent:
        return Decision("warning", f"{spent} {words}", RAISE, cause, left, blocks)
    return Decision("watching", words + _blind(policy, facts), "", cause, left, blocks)


RAISE = "`labeltui guard set --budget` changes the budget."


def budget_words(policy: Policy, facts: Facts) -> str:
    """A warning once most of the budget is spent; empty before that."""
    if not policy.budget or facts.spent is None or facts.spent < BUDGET_WARNS_AT * policy.budget:
        return ""
    share = int(100 * facts.spent / policy.budget)
    return f"{share} % of the budget of {dollars(policy.budget)} is spent."


def _blind(policy: Policy, facts: Facts) -> str:
    unknown = policy.budget is not None and (facts.spent is None or facts.rate is None)
    return " The pod's cost is unknown, so the guard can't apply the budget." if unknown else ""


def _quiet(facts: Facts) -> str:
    last = facts.last
    if last.kind == "start":
        return f"the pod was not used since the guard started {span(last.ago_s)} ago"
    return f"in use: {last.words}" if last.ago_s < 1 else f"idle {span(last.ago_s)}, last use: {last.words}"


def _why(policy: Policy, facts: Facts, cause: str) -> str:
    if cause == "budget":
        return f"The budget of {dollars(policy.budget or 0)} is spent"
    return f"Idle for {span(facts.last.ago_s)}"


def _listed(words: tuple[str, ...]) -> str:
    return "; ".join(words)


def span(seconds: float) -> str:
    """Format seconds as ``40 s``, ``12 min`` or ``3 h 5 min``."""
    whole = int(max(0.0, seconds) + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
