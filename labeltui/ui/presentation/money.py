"""Describes the rented pod and its cost, for the strip and the pod pane. Pure."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.state import SessionState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import Fact, stale_age
from labeltui.ui.presentation.rows import row, state_text, wrapped
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, Word

POD = {
    PodStatus.PROVISIONING: Word("◌", "provisioning", Tone.BUSY),
    PodStatus.STARTING: Word("◌", "starting", Tone.BUSY),
    PodStatus.RUNNING: Word("●", "running", Tone.GOOD),
    PodStatus.STOPPED: Word("○", "stopped", Tone.FAINT),
    PodStatus.ERROR: Word("✗", "error", Tone.BAD),
    PodStatus.TERMINATED: Word("✗", "terminated", Tone.BAD),
    PodStatus.UNKNOWN: words.UNKNOWN,
}
LOW_HOURS, FEW_HOURS = 8, 2


def pod_fact(state: SessionState, now: datetime) -> Fact | None:
    """Return the pod's state and rate for the strip; None for a session that is not on RunPod."""
    pod = state.pod.value
    names = ("pod", "pod", "pod")
    if pod is None:
        return Fact(names, ("not known", "?", "?"), "?", Tone.WARN) if state.pod.error else None
    word = POD[pod.status]
    cost = rate_text(pod.cost_per_hour)
    hours = _hours_left(state)
    long = f"{word.text} {cost}{_so_far(state)}" + (f", {hours} h left" if hours is not None else "")
    tone = _urgent(hours) or word.tone
    # The price of a stopped pod's disks would look like a pod's without the word.
    brief = cost if pod.status.is_up else f"{word.text} {cost}"
    return Fact(names, (long, brief, brief), word.glyph, tone, stale_age(state.pod, now))


def _hours_left(state: SessionState) -> int | None:
    hours = state.account.value.hours_left if state.account.value is not None else None
    return None if hours is None else int(hours)


def _urgent(hours: int | None) -> Tone | None:
    """Return a warning colour if the credit lasts less than ``LOW_HOURS``; else None."""
    if hours is None or hours >= LOW_HOURS:
        return None
    return Tone.BAD if hours < FEW_HOURS else Tone.WARN


def _so_far(state: SessionState) -> str:
    """Return today's cost for the strip; if unknown, the session's; if that is unknown too, empty."""
    spend = state.spend.value
    if spend is None or state.spend.error is not None:
        return ""
    if spend.today is not None and not spend.bill_error:
        return f", {dollars(spend.today)} today"
    return "" if spend.session is None else f", {dollars(spend.session)} so far"


def _spent_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return the cost of this session and of today. Stale values are dim; unknown ones get a reason."""
    spend = state.spend.value
    if spend is None:
        return []
    old = stale_age(state.spend, now)
    tone = Tone.FAINT if old else Tone.PLAIN
    since = words.age(spend.session_since, now)
    since_text = f" in {since}" if since and width > 36 else ""
    session = "unknown" if spend.session is None else f"{dollars(spend.session)}{since_text}"
    parts = [
        (session, Tone.WARN if spend.session is None else tone),
        (f" {old} old" if old else "", Tone.WARN),
    ]
    if spend.today is not None:
        late = words.age(spend.today_at, now) if spend.bill_error else ""
        parts.append((f" · today {dollars(spend.today)}", Tone.FAINT if spend.bill_error else tone))
        parts.append((f" {late} old" if late else "", Tone.WARN))
    lines = [row("spent", *parts)]
    if spend.session is None:
        lines += wrapped(safe(spend.why), width, Tone.FAINT)
    if spend.bill_error:
        lines += wrapped(f"The bill is unknown: {safe(spend.bill_error)}", width, Tone.WARN, 2)
    return lines


def _balance_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return the account's credit and the hours it lasts; empty without a balance and without an error."""
    account, hours = state.account.value, _hours_left(state)
    if account is not None and account.balance is not None:
        left = f" · {hours} h left" if hours is not None else ""
        limit = (
            f" · limit {rate_text(account.spend_limit)}"
            if account.spend_limit is not None and width > 40
            else ""
        )
        old = stale_age(state.account, now)
        amount = (f"{dollars(account.balance)}{left}", Tone.FAINT if old else _urgent(hours) or Tone.PLAIN)
        return [row("balance", amount, (limit, Tone.FAINT), (f" {old} old" if old else "", Tone.WARN))]
    if state.account.error is not None:
        return [row("balance", ("unknown", Tone.WARN))]
    return []


def money_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return pod, rate, balance and spending for the pod pane; empty for a session that is not on RunPod."""
    pod = state.pod.value
    if pod is None:
        return wrapped(safe(state.pod.error), width, Tone.WARN) if state.pod.error else []
    gpu = f" {pod.gpu_count}× {safe(pod.gpu_name)}" if pod.gpu_name else ""
    lines = [row("pod", state_text(POD[pod.status], stale_age(state.pod, now)), (gpu, Tone.PLAIN))]
    stopped = f" · stopped {rate_text(pod.cost_per_hour_stopped)}" if pod.status.is_up else ""
    lines.append(row("cost", (rate_text(pod.cost_per_hour), Tone.PLAIN), (stopped, Tone.FAINT)))
    lines += _balance_lines(state, now, width)
    return [*lines, *_spent_lines(state, now, width), *_wrong_with(pod, width)]


def _wrong_with(pod: Pod, width: int) -> list[Content]:
    lines: list[Content] = []
    if pod.lost_its_gpu:
        lines += wrapped(
            "The pod started without a GPU. Stop it and start it later, or rent a new pod.", width, Tone.BAD
        )
    if pod.is_public:
        lines += wrapped("A port of the pod is open to the internet without a password.", width, Tone.WARN)
    return lines


def brief_money_lines(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return :func:`money_lines` shortened to two lines.

    The first has status and rate, the second spending and balance. If a value of the second is stale or
    unknown, the full lines replace it. Problems of the pod follow in full.
    """
    pod = state.pod.value
    if pod is None:
        return money_lines(state, now, width)
    word = state_text(POD[pod.status], stale_age(state.pod, now))
    head = row("pod", word, (f" {rate_text(pod.cost_per_hour)}", Tone.PLAIN))
    if pod.gpu_name:
        gpu = f" {pod.gpu_count}× {safe(pod.gpu_name)}" if pod.gpu_count > 1 else f" {safe(pod.gpu_name)}"
        head = head.append(Content.styled(elide(gpu, max(0, width - head.cell_length)), Tone.FAINT))
    both = _spent_and_left(state, now, width)
    money = (
        [both] if both is not None else _balance_lines(state, now, width) + _spent_lines(state, now, width)
    )
    return [head, *money, *_wrong_with(pod, width)]


def _spent_and_left(state: SessionState, now: datetime, width: int) -> Content | None:
    """Return spending and balance on one line; None unless all values are known and fresh."""
    spend, account = state.spend.value, state.account.value
    if spend is None or account is None or account.balance is None or spend.session is None:
        return None
    if spend.bill_error or stale_age(state.spend, now) or stale_age(state.account, now):
        return None
    spent = dollars(spend.session) if spend.today is None else f"today {dollars(spend.today)}"
    hours, tone = _hours_left(state), _urgent(_hours_left(state)) or Tone.PLAIN
    amount, left = f" · {dollars(account.balance)}", f" · {hours} h left"
    texts = [f"{amount} left"]
    if hours is not None:
        texts = [f"{amount} left · {hours} h", f"{amount} left", left]
    if tone is not Tone.PLAIN:  # the hours left matter more than the amount
        texts = [f"{left}{amount}", left]
    line = row("spent", (spent, Tone.PLAIN))
    fits = (text for text in texts if line.cell_length + len(text) <= width)
    return line.append(Content.styled(next(fits, ""), tone))
