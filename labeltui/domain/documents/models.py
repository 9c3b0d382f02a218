"""The JSON documents of models and their versions."""

from __future__ import annotations

from datetime import UTC, datetime

from labeltui.domain.documents.documents import Document, moment, server_document
from labeltui.domain.models import HostModel, ModelCopy, ModelFile, Models
from labeltui.domain.state import SessionState


def model_line(models: Models, model: HostModel) -> Document:
    """One model of ``models list``. ``weights`` is trained, pretrained, bundle or untrained.

    ``published_at`` and ``best`` are those of the training, also if this machine has sent that version back since.
    """
    file = model.published
    copy = next((one for one in models.copies if file is not None and one.sha256 == file.sha256), None)
    at = copy.saved_at if copy is not None else None if file is None else _at(file)
    best = None if copy is None else copy.best
    return {
        "model": model.name,
        "weights": model.weights.value,
        "published_at": moment(at),
        "metric": None if best is None else best.metric,
        "best": None if best is None else best.value,
        "here": None if file is None else models.is_here(model),
        "size": None if file is None else file.size,
        "sha256": None if file is None else file.sha256,
        "unreadable": models.why_unreadable(model) or None,
        "file": models.path_of(model),
        "pretrained_file": None if model.pretrained is None else f"{models.root}/{model.pretrained.name}",
    }


def copy_line(models: Models, copy: ModelCopy) -> Document:
    """One version of ``models list``. ``on_host`` is null if the host's models are unknown."""
    on_host = any(model.published and model.published.sha256 == copy.sha256 for model in models.on_host)
    return {
        "model": copy.model,
        "version": copy.version,
        "saved_at": moment(copy.saved_at),
        "metric": None if copy.best is None else copy.best.metric,
        "best": None if copy.best is None else copy.best.value,
        "epoch": None if copy.best is None else copy.best.epoch,
        "on_host": on_host if models.source else None,
        "labels": list(copy.labels) or None,
        "unreadable": copy.unreadable or None,
        "size": copy.size,
        "copied_at": moment(copy.copied_at),
        "source": copy.source,
        "sha256": copy.sha256,
        "file": copy.path,
    }


def server_with_weights(state: SessionState, now: datetime) -> Document:
    """``server status`` with the kind of weights of each served model; null if the kind is unknown.

    ``url_open`` says whether Slicer can use ``url`` now.
    """
    tunnel, models, server = state.tunnel.value, state.models.value, state.server.value
    document = server_document(state.server, now)
    known = tunnel if document["url"] is not None else None
    document = {**document, "url_open": None if known is None else known.url_open}
    if models is None or state.models.error is not None or server is None:
        return {**document, "weights": None}
    named = {model.name: model.weights.value for model in models.on_host}
    shared = {name: named.get(name, named.get(name.removesuffix("_seg"))) for name in server.models or named}
    return {**document, "weights": shared}


def _at(file: ModelFile) -> datetime:
    return datetime.fromtimestamp(file.mtime_ns // 1_000_000_000, UTC)
