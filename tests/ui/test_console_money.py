"""Money is always in sight: the pod's rate in the strip, balance and hours in the pane, and nothing of it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from stand_in import NOW, connected, fresh

from labeltui.domain.money import Account
from labeltui.domain.pod import Pod, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.ui.facts import strip_line
from labeltui.ui.money import money_lines, rate

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
    assert line.plain.index("pod") < line.plain.index("host")


def test_a_session_that_rents_nothing_has_no_word_of_it() -> None:
    assert "$" not in strip_line(connected(), NOW, 200).plain
    assert money_lines(connected(), NOW, 40) == []


def test_a_stopped_pod_is_not_free() -> None:
    text = "\n".join(line.plain for line in money_lines(rented(STOPPED), NOW, 40))
    assert "stopped" in text
    assert "$0.0055/h" in text


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
    ("amount", "text"), [(None, "$?/h"), ("0.27", "$0.27/h"), ("0.0055", "$0.0055/h"), ("0", "$0.00/h")]
)
def test_a_rate_in_words(amount: str | None, text: str) -> None:
    assert rate(None if amount is None else Decimal(amount)) == text
