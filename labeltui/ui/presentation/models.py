"""Describes the weights of models in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.state import SessionState
from labeltui.domain.text import one_line

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.models import HostModel, Models

NOISE = "untrained: auto segmentation is noise"
WORDS = {
    "trained": "trained", "pretrained": "pretrained", "untrained": NOISE,
    "bundle": "its bundle's or trained weights",
}  # fmt: skip


def weights_text(state: SessionState, name: str) -> str:
    """Describe the weights of a served model, safe to show. Empty if they are unknown or the reading is old."""
    models = state.models.value
    if models is None or state.models.error is not None:
        return ""
    model = models.applied_by(name)
    return "" if model is None else weights_of(models, model)


def weights_of(models: Models, model: HostModel) -> str:
    """Describe the weights of a model on the host."""
    why = models.why_unreadable(model)
    word = f"unreadable ({why})" if why else WORDS[model.weights.value]
    if model.published is None:
        return word
    return f"{word}, on this machine" if models.is_here(model) else f"{word}, not on this machine yet"


def offer_notes(state: SessionState, *, starts: bool) -> tuple[str, ...]:
    """Describe the weights of each model of the profile and the server, for a form that offers them.

    With ``starts``, the form starts the server, which may download pretrained weights first.
    """
    models = state.models.value
    if models is None or state.models.error is not None:
        return ("whether the models are pretrained or trained is unknown now",)
    lines = [] if models.on_host else ["labeltui does not know where this app has its models' weights"]
    for model in models.on_host:
        text = weights_of(models, model)
        if starts and model.fetches and model.weights.value == "untrained":
            text = "no weights on the host; the start downloads pretrained ones"
        copies = models.copies_of(model.name)
        if starts and model.published is None and copies:
            text += f"; this machine has one of {copies[-1].named} (model from: newest)"
        lines.append(one_line(f"{model.name}: {text}"))
    return tuple(lines)
