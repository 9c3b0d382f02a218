"""Money is always in sight: the pod's rate in the strip, balance and hours in the pane, and nothing of it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from labeltui.domain.amounts import rate_text
from labeltui.domain.money import Account, Spend
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.ui.presentation.money import brief_money_lines, money_lines
from labeltui.ui.presentation.strip import strip_line
from labeltui.ui.presentation.words import Tone
from tests.ui.fake_session import NOW, connected, fresh

RUNNING = Pod(
    "abc", "annot", PodStatus.RUNNING, NOW, gpu_name="RTX A5000", gpu_count=1, gpus_attached=1,
    container_disk_gb=50, volume_disk_gb=20, compute_per_hour=Decimal("0.27"),
)  # fmt: skip
STOPPED = replace(RUNNING, status=PodStatus.STOPPED)


def rented(pod: Pod, balance: str | None = "18.40") -> SessionState:
    account = fresh(Account(Decimal(balance), Decimal("0.27"))) if balance else Reading()
    return replace(connected(), pod=fresh(pod), account=account)


@pytest.mark.parametrize(("width", "words"), [(200, "running $0.28/h, 68 h left"), (80, "$0.28/h")])
def test_the_strip_shows_the_rate_at_every_width(width: int, words: str) -> None:
    line = strip_line(rented(RUNNING), NOW, width)
    assert words in line.plain
    assert line.plain.index("pod") < line.plain.index("alert" if width > 80 else "✗ 2")


def test_a_session_that_rents_nothing_has_no_word_of_it() -> None:
    assert "$" not in strip_line(connected(), NOW, 200).plain
    assert money_lines(connected(), NOW, 40) == []


def test_a_stopped_pod_is_not_free() -> None:
    text = "\n".join(line.plain for line in money_lines(rented(STOPPED), NOW, 40))
    assert "stopped" in text
    assert "$0.01/h" in text
    assert "pod ○ stopped $0.01/h" in strip_line(rented(STOPPED), NOW, 80).plain


def test_few_hours_left_a_lost_gpu_and_an_open_port_are_said() -> None:
    poor = rented(replace(RUNNING, gpus_attached=0), "0.50")
    text = "\n".join(line.plain for line in money_lines(poor, NOW, 60))
    assert "1 h left" in text
    assert "without a GPU" in text


def test_what_runpod_does_not_answer_is_said_to_be_unknown() -> None:
    lost = replace(connected(), pod=Reading(error="RunPod does not answer."))
    assert "pod ?" in strip_line(lost, NOW, 120).plain
    assert money_lines(lost, NOW, 40)[0].plain.strip() == "RunPod does not answer."


@pytest.mark.parametrize(
    ("amount", "text"), [(None, "$?/h"), ("0.27", "$0.27/h"), ("0.0055", "$0.01/h"), ("0", "$0.00/h")]
)
def test_a_rate_in_words(amount: str | None, text: str) -> None:
    assert rate_text(None if amount is None else Decimal(amount)) == text


def spending(**shown: object) -> SessionState:
    spend = Spend(Decimal("0.43"), NOW - timedelta(minutes=92), Decimal("0.28"), Decimal("0.86"), NOW)
    return replace(rented(RUNNING), spend=fresh(replace(spend, **shown)))  # type: ignore[arg-type]


def text_of(state: SessionState, width: int = 46) -> str:
    return "\n".join(line.plain for line in money_lines(state, NOW, width))


def test_what_the_session_and_the_day_have_cost_is_in_sight() -> None:
    assert "spent    $0.43 in 1h32 · today $0.86" in text_of(spending())
    assert "spent    <$0.01 in 1h32" in text_of(spending(session=Decimal("0.001")))
    assert "$0.28/h, $0.86 today, 68 h left" in strip_line(spending(), NOW, 220).plain


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (46, "spent    today $0.86 · $18.40 left · 68 h"),
        (38, "spent    today $0.86 · $18.40 left"),
        (33, "spent    today $0.86 · 68 h left"),
        (26, "spent    today $0.86"),
    ],
)
def test_hours_without_the_amount_say_what_is_left(width: int, said: str) -> None:
    lines = [line.plain.rstrip() for line in brief_money_lines(spending(), NOW, width)]
    assert said in lines


def test_an_old_bill_says_why_and_what_is_unknown_is_not_zero() -> None:
    old = text_of(spending(bill_error="RunPod asks to wait.", today_at=NOW - timedelta(minutes=20)))
    assert "20m old" in old
    assert "RunPod asks to wait." in old
    unknown = text_of(spending(session=None, why="the pod was stopped while no console looked"))
    assert "spent    unknown · today" in unknown
    assert "no console looked" in unknown
    assert "spent    $" not in unknown


@pytest.mark.parametrize(
    ("balance", "tone"), [("18.40", Tone.PLAIN), ("1.50", Tone.WARN), ("0.40", Tone.BAD)]
)
def test_few_hours_left_change_the_colour(balance: str, tone: Tone) -> None:
    line = next(line for line in money_lines(rented(RUNNING, balance), NOW, 46) if "balance" in line.plain)
    assert any(str(span.style) == str(tone) for span in line.spans)
