"""Formats every amount of money. All amounts are US dollars.

The guard's program carries this module to the host, so it runs on Python 3.8 with nothing but the standard library.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
TENTH_OF_A_MIL = Decimal("0.0001")


def cents(amount: Decimal) -> Decimal:
    """The amount with two decimal places; half a cent rounds up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def dollars(amount: Decimal | float) -> str:
    """Format an amount: ``$1.20``; ``<$0.01`` below half a cent, so that money that was spent is never ``$0.00``."""
    exact = Decimal(str(amount))
    if not exact.is_finite():  # a host may send anything
        return "$?"
    if exact < 0:
        return f"-{dollars(-exact)}"
    return "<$0.01" if 0 < exact < CENT / 2 else f"${cents(abs(exact))}"


def rate_text(per_hour: Decimal | None) -> str:
    """Format a rate as :func:`dollars` does: ``$0.28/h``; ``$?/h`` for None."""
    return "$?/h" if per_hour is None else f"{dollars(per_hour)}/h"


class AmountText(str):
    """An amount in a document: a string of four decimals for scripts, and ``shown`` for people."""

    __slots__ = ("shown",)
    shown: str

    def __new__(cls, amount: Decimal) -> AmountText:
        """Round to four decimals; half of the last one rounds up."""
        text = super().__new__(cls, amount.quantize(TENTH_OF_A_MIL, ROUND_HALF_UP))
        text.shown = dollars(amount)
        return text


class AmountNumber(float):
    """An amount that a document has as a number: rounded to four decimals for scripts, and ``shown`` for people."""

    __slots__ = ("shown",)
    shown: str

    def __new__(cls, amount: float) -> AmountNumber:
        """Round to four decimals."""
        number = super().__new__(cls, round(amount, 4))
        number.shown = dollars(amount)
        return number
