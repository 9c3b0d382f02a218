"""Every amount of money is written in one way, and never as nothing when it is something."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

import labeltui
from labeltui.domain.money import dollars, month_text, rate_text

PACKAGE = Path(labeltui.__file__).parent
OWN_FORMAT = re.compile(r"\$\{[^{}]*:[^{}]*f\}|\$\{[^{}]*(price|rate|cost|limit|month|balance)\w*\}")
OTHERS = ("sandbox", "domain/guard", "hosts/agent/remote")  # the pod's own programs have no Decimal to import


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(0), "$0.00"), (Decimal("0.0001"), "<$0.01"), (Decimal("0.005"), "$0.01"), (0.004, "<$0.01"),
        (Decimal("0.125"), "$0.13"), (1.005, "$1.01"), (2, "$2.00"),
    ],
)  # fmt: skip
def test_an_amount(amount: Decimal | float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [("0.28219", "$0.28/h"), ("0.285", "$0.29/h"), ("0.0027", "$0.0027/h"), ("0", "$0.00/h"), (None, "$?/h")],
)
def test_a_rate(rate: str | None, text: str) -> None:
    assert rate_text(None if rate is None else Decimal(rate)) == text


def test_a_month() -> None:
    assert month_text(Decimal("0.0096")) == "$7.01 a month"


def test_no_other_part_writes_money_by_itself() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "money.py" or path.parent.name != "domain"
        if not any(str(path.relative_to(PACKAGE)).startswith(other) for other in OTHERS)
        for line in path.read_text("utf-8").splitlines()
        if OWN_FORMAT.search(line)
    ]
    assert not found
