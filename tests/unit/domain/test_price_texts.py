"""Every amount of money is written in one way, and never as nothing when it is something."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labeltui
from labeltui.cli.text import cell, render
from labeltui.domain.amounts import CENT, AmountNumber, AmountText, dollars, rate_text
from labeltui.domain.guard.rules import Facts, Policy, budget_words
from labeltui.domain.money import month_text

PACKAGE = Path(labeltui.__file__).parent
OWN_FORMAT = re.compile(r"\$\{[^{}]*:[^{}]*f\}|\$\{[^{}]*(price|rate|cost|limit|month|balance)\w*\}")
OTHERS = ("sandbox",)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(0), "$0.00"), (Decimal("0.0001"), "<$0.01"), (Decimal("0.005"), "$0.01"), (0.004, "<$0.01"),
        (Decimal("0.125"), "$0.13"), (1.005, "$1.01"), (2, "$2.00"), (-0.004, "-<$0.01"),
        (float("nan"), "$?"),
    ],
)  # fmt: skip
def test_an_amount(amount: Decimal | float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("0.28219", "$0.28/h"),
        ("0.285", "$0.29/h"),
        ("0.0096", "$0.01/h"),
        ("0.0027", "<$0.01/h"),
        ("0", "$0.00/h"),
        (None, "$?/h"),
    ],
)
def test_a_rate(rate: str | None, text: str) -> None:
    assert rate_text(None if rate is None else Decimal(rate)) == text


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=6) | st.sampled_from(
    [Decimal(text) for text in ("0.004999", "0.005", "0.0096", "0.014999", "0.015", "0.125", "2.675")]
)


@given(AMOUNTS, AMOUNTS)
def test_one_rule_writes_every_amount(first: Decimal, second: Decimal) -> None:
    for amount in (first, second):
        text = dollars(amount)
        assert (text == "$0.00") == (amount == 0)
        assert (text == "<$0.01") == (0 < amount < CENT / 2)
        assert text.startswith("<") or abs(Decimal(text[1:]) - amount) <= CENT / 2
        assert dollars(-amount) == (f"-{text}" if amount else text)
        assert rate_text(amount) == f"{text}/h"
        assert cell(AmountText(amount)) == text
        assert budget_words(Policy(budget=float(amount)), Facts(0.0, spent=float(amount))).endswith(
            f" of {dollars(float(amount))} is spent." if amount else ""
        )
    if first <= second and dollars(first) != dollars(second):
        assert _cents(dollars(first)) < _cents(dollars(second))


def _cents(text: str) -> Decimal:
    return CENT / 2 if text.startswith("<") else Decimal(text[1:])


def test_scripts_read_four_decimals_and_people_cents() -> None:
    amount, number = AmountText(Decimal("0.00959")), AmountNumber(0.00459)
    document = {"cost_per_hour": amount, "spent": number}
    assert json.loads(json.dumps(document)) == {"cost_per_hour": "0.0096", "spent": 0.0046}
    assert render(document).split() == ["cost_per_hour", "$0.01", "spent", "<$0.01"]


def test_a_month() -> None:
    assert month_text(Decimal("0.0096")) == "$7.01 a month"


def test_no_other_part_writes_money_by_itself() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "amounts.py"
        if not any(str(path.relative_to(PACKAGE)).startswith(other) for other in OTHERS)
        for line in path.read_text("utf-8").splitlines()
        if OWN_FORMAT.search(line)
    ]
    assert not found
