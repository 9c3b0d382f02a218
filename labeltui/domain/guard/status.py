"""The guard's latest report, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from labeltui.domain.guard.rules import AUTO, KINDS, OFF, WARN_S, Activity, newest, span
from labeltui.domain.guard.wire import LAST_SEEN, METHOD, METHODS, MISSING_METHODS

SILENT_S = 90.0
NONE = "none"
DEAD = "dead"
STUCK = "stuck"
UNPROVEN = "not tested yet"


@dataclass(frozen=True, slots=True)
class Use:
    """The latest activity of one kind, ``ago_s`` before the reading; ``at`` is by the host's clock."""

    kind: str
    ago_s: float
    at: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class StopMethod:
    """A method to stop the pod.

    ``works`` is True after a successful stop, False if the method can't stop it, None if not tried.
    """

    name: str
    works: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """The guard's last report.

    ``state`` is none (no guard on this host), dead, off, watching, warning, waiting, stuck or stopping.
    ``left_s`` counts from the reading's ``as_of``; None when no stop is coming. Amounts are US dollars.
    """

    state: str
    words: str
    hint: str = ""
    cause: str = ""
    left_s: float | None = None
    blocks: tuple[str, ...] = ()
    problem: str = ""  # why the guard can't stop the pod
    due: bool = False  # the pod must be stopped now; a console stops it if the guard can't
    checked: bool = True  # the guard has tested whether its keys can read the pod
    mode: str = AUTO
    idle_s: float | None = None
    budget: float | None = None
    need_copies: bool = True
    spent: float | None = None
    rate: float | None = None
    uses: tuple[Use, ...] = ()  # the newest first
    working: tuple[str, ...] = ()
    uncopied: int | None = None
    method: str = ""
    methods: tuple[StopMethod, ...] = field(default=())
    missing: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)  # each reading that failed, and the reason
    version: str = ""
    lent_key: bool = False
    last_stop: str = ""  # time and reason of the guard's last stop, before the pod's present start

    @property
    def counts(self) -> bool:
        """True when a stop is coming."""
        return self.left_s is not None and self.state in ("watching", "warning")

    @property
    def is_proven(self) -> bool:
        """True if the method that the guard would use has stopped this pod before. Only a stop proves a method."""
        return any(method.name == self.method and method.works for method in self.methods)

    @property
    def cannot_stop(self) -> bool:
        """True when the guard is dead or stuck, so that it can't stop the pod."""
        return self.state in (DEAD, STUCK)

    @property
    def is_near(self) -> bool:
        """True when the stop comes within minutes and the operator can postpone it."""
        near = self.left_s is not None and self.left_s <= WARN_S
        return near and self.state in ("warning", "stopping", STUCK)

    def left_at(self, as_of: datetime | None, now: datetime) -> float | None:
        """Seconds to the stop at ``now``; None when no stop is coming."""
        if self.left_s is None or as_of is None:
            return self.left_s
        return max(0.0, self.left_s - (now - as_of).total_seconds())

    @property
    def idle_words(self) -> str:
        """Text such as ``idle 12 min, last use: a label by ana``. The caller adds the time in the reader's zone."""
        if self.working:
            return "; ".join(self.working)
        if not self.uses:
            return ""
        last = self.last
        if last.kind == "start":
            return f"not used since the guard started {span(last.ago_s)} ago"
        return (
            f"in use: {last.words}" if last.ago_s < 1 else f"idle {span(last.ago_s)}, last use: {last.words}"
        )

    @property
    def last(self) -> Use:
        """The latest activity, as :func:`~labeltui.domain.guard.rules.newest` chooses it."""
        kind = newest(tuple(Activity(use.kind, use.ago_s) for use in self.uses)).kind
        found = next(use for use in self.uses if use.kind == kind)
        return replace(found, ago_s=self.uses[0].ago_s)


def no_guard(why: str, hint: str = "") -> GuardStatus:
    """The status of a host without a guard."""
    return GuardStatus(NONE, why, hint)


def guard_of(answer: Mapping[str, Any]) -> GuardStatus:
    """Convert the guard's answer. A guard that does not run, or wrote nothing for 90 s, is ``dead``."""
    state = answer.get("state") or {}
    if not answer.get("alive") or not state:
        return GuardStatus(
            DEAD,
            "No guard runs on the pod, so it is not stopped when it is idle.",
            "`labeltui guard set` starts the guard.",
        )
    since = max(0.0, float(answer.get("now_mono", 0)) - float(state.get("written_mono", 0)))
    if since > SILENT_S:
        return GuardStatus(
            DEAD, f"The guard runs, but has reported nothing for {span(since)}.",
            "Read guard.log in the agent's folder on the host.",
        )  # fmt: skip
    decision, policy = state["decision"], state["policy"]
    left = decision.get("left_s")
    return GuardStatus(
        state=OFF if policy["mode"] == OFF else str(decision["state"]),
        words=str(decision["words"]),
        hint=str(decision["hint"]),
        cause=str(decision["cause"]),
        left_s=None if left is None else max(0.0, float(left) - since),
        blocks=tuple(map(str, decision["blocks"])),
        problem=str(decision["problem"]),
        due=left is not None and float(left) <= 0 and not decision["blocks"],
        checked=bool(state.get("checked", True)),
        mode=str(policy["mode"]),
        idle_s=float(policy["idle_s"]),
        budget=policy["budget"],
        need_copies=bool(policy["need_copies"]),
        spent=state.get("spent"),
        rate=state.get("rate"),
        uses=_uses(state.get(LAST_SEEN) or {}, float(answer["now_mono"])),
        working=tuple(map(str, state.get("working") or ())),
        uncopied=state.get("uncopied"),
        method=str(state.get(METHOD) or ""),
        methods=tuple(
            StopMethod(str(m["name"]), m["works"], str(m["words"])) for m in state.get(METHODS) or ()
        ),
        missing=tuple(map(str, state.get(MISSING_METHODS) or ())),
        problems={str(k): str(v) for k, v in (state.get("problems") or {}).items()},
        version=str(state.get("version") or ""),
        lent_key=bool(answer.get("lent_key")),
        last_stop=_stopped(state.get("last_stop")),
    )


def _uses(last_seen: Mapping[str, Any], now_mono: float) -> tuple[Use, ...]:
    uses = [
        Use(
            kind,
            max(0.0, now_mono - float(mono)),
            datetime.fromtimestamp(float(at), UTC),
            Activity(kind, 0, str(what)).words,
        )
        for kind, (mono, at, what) in last_seen.items()
        if kind in KINDS
    ]
    return tuple(sorted(uses, key=lambda use: use.ago_s))


def _stopped(stop: Any) -> str:
    if not isinstance(stop, dict):
        return ""
    at = datetime.fromtimestamp(float(stop["at"]), UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC: {stop['words']}"
