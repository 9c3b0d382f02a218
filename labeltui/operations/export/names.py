"""The names of label values that the command has."""

from __future__ import annotations

from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.text import one_line


def given_names(params: LabelsExportParams) -> dict[int, str]:
    """Return the names of the command by value. Raises Misused for what is no value of a label."""
    wrong = next((value for value in params.name if not (value.isdecimal() and 0 < int(value) < 256)), None)
    if wrong is not None:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(wrong)!r} is no value of a label.",
            "Write a number from 1 to 255, then a name.",
        )  # fmt: skip
    return {int(value): name for value, name in params.name.items()}
