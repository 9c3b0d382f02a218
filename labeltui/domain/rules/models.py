"""The questions before a model on the host is replaced, and when an inference or a scoring can be stopped, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.domain.rules.conditions import no_server, not_connected
from labeltui.domain.rules.ended_work import own_orphans
from labeltui.domain.state import SessionState
from labeltui.domain.states import BATCH_INFER, SCORING
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


def no_batch(state: SessionState) -> str | None:
    """Like :func:`no_server`, but a batch inference of an earlier server counts as a server."""
    return not_connected(state) if own_orphans(state, BATCH_INFER) else no_server(state)


def nothing_infers(state: SessionState) -> str | None:
    """Return a reason unless a batch inference runs, or may run because the server's output is not read."""
    why, server = no_batch(state), state.server.value
    if why or server is None or own_orphans(state, BATCH_INFER):
        return why
    is_known = server.reads_tasks and state.server.error is None
    return "no batch inference is running" if is_known and server.batch is None else None


def no_scoring(state: SessionState) -> str | None:
    """Like :func:`no_server`, but a scoring of an earlier server counts as a server."""
    return not_connected(state) if own_orphans(state, SCORING) else no_server(state)


def no_method(state: SessionState) -> str | None:
    """Return a reason unless the server answers and has scoring methods, or if it is not known which it has."""
    info = state.info.value
    if (why := no_server(state)) or info is None or info.scoring:
        return why
    return "the server has no scoring methods; start it with --worklist epistemic, or with the conf skip_scoring false"
