"""The names of label values: from the command, and from the server's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.text import one_line

if TYPE_CHECKING:
    from labeltui.session.session import Session


def given_names(params: LabelsExportParams) -> dict[int, str]:
    """Return the names of the command by value. Raises Misused for what is no value of a label."""
    wrong = next((value for value in params.name if not (value.isdecimal() and 0 < int(value) < 256)), None)
    if wrong is not None:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(wrong)!r} is no value of a label.",
            "Write a number from 1 to 255, then a name.",
        )  # fmt: skip
    return {int(value): name for value, name in params.name.items()}


def model_values(session: Session) -> Mapping[str, int]:
    """Return the label values by name of the first model of the server that has any."""
    info = session.store.state.info.value
    models = info.models if info is not None else {}
    first = [models[name] for name in session.profile.server.models if name in models]
    return next((model.values for model in (*first, *models.values()) if model.values), {})
