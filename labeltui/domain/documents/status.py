"""The JSON document of ``labeltui status``."""

from __future__ import annotations

from datetime import datetime

from labeltui.domain.documents.documents import (
    Document,
    alert_document,
    host_document,
    labels_document,
    metrics_document,
    moment,
    server_document,
    studies_document,
    training_document,
    tunnel_document,
)
from labeltui.domain.state import SessionState


def status_document(state: SessionState, now: datetime) -> Document:
    """``labeltui status``: everything that the status strip shows."""
    identity = state.identity
    copies = state.labels.value
    damaged, worklist = copies.damaged_finals if copies is not None else (), state.worklist.value
    studies = studies_document(state.queue, now, damaged, worklist.second if worklist is not None else ())
    return {
        "as_of": moment(now),
        "profile": identity.profile or None,
        "read_only": identity.read_only,
        "demo": identity.demo,
        "scenario": identity.scenario or None,
        "host": host_document(state.host, now),
        "load": metrics_document(state.metrics, now),
        "tunnel": tunnel_document(state.tunnel, now),
        "server": server_document(state.server, now),
        "studies": {key: value for key, value in studies.items() if key != "studies"},
        "labels": labels_document(state.labels, now),
        "training": training_document(state.training, now),
        "alerts": [alert_document(alert) for alert in state.alerts],
    }
