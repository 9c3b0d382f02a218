"""The names of label values: from a label's document, and from the server's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.domain.text import one_line

if TYPE_CHECKING:
    from labeltui.session.session import Session


def model_values(session: Session) -> Mapping[str, int]:
    """Return the label values by name of the first model of the server that has any."""
    info = session.store.state.info.value
    models = info.models if info is not None else {}
    first = [models[name] for name in session.profile.server.models if name in models]
    return next((model.values for model in (*first, *models.values()) if model.values), {})


def segment_names(info: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of the label values, as Slicer stores them with a label."""
    given = info.get("label_info")
    return {
        one["idx"]: one_line(one["name"])
        for one in (given if isinstance(given, list) else ())
        if isinstance(one, dict) and isinstance(one.get("idx"), int) and isinstance(one.get("name"), str)
    }
