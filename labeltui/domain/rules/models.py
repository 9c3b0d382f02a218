"""The questions before a model on the host is replaced, as text from the session state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.domain.state import SessionState
from labeltui.domain.text import one_line


def ask_push(_state: SessionState) -> str:
    """The question before weights are sent. Callers replace ``{}`` by the text of :func:`what_is_sent`."""
    return "Send {}"


def what_is_sent(state: SessionState, params: Mapping[str, Any]) -> str:
    """Name the weights that are sent, and the published model that they replace."""
    model = one_line(str(params.get("model") or "the model"))
    models = state.models.value
    if params.get("pretrained"):
        return f"pretrained weights of {model} to the host? Weights of a training there take precedence."
    what = "the newest version on this machine"
    if params.get("file"):
        what = one_line(str(params["file"]))
    elif params.get("version"):
        what = f"version {one_line(str(params['version']))}"
    if models is None:
        copied = "A trained model that it replaces there is copied to this machine first."
        return f"{what} to the host as {model}? {copied}"
    present = models.find(model)
    if present is None or present.published is None:
        return f"{what} to the host as {model}?"
    copied = (
        "which is on this machine" if models.is_here(present) else "which is copied to this machine first"
    )
    return f"{what} to the host as {model}? It replaces the published model, {copied}."


def ask_rollback(_state: SessionState) -> str:
    """The question before the previous version is sent to the host. Callers replace ``{}`` by the model's name."""
    return "Replace the published model {} on the host by the version before it? The present one stays on this machine."
