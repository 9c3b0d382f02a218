"""States of connection, tunnel, server, training and study. The module is small, because first paint imports it."""

from __future__ import annotations

from enum import StrEnum

TRAIN, BATCH_INFER, SCORING = "train", "batch_infer", "scoring"
"""MONAI Label's own words for its tasks."""
NOUNS = {TRAIN: "training", BATCH_INFER: "batch inference", SCORING: "scoring"}


class LinkState(StrEnum):
    """State of the connection to the host."""

    OFFLINE = "offline"  # not requested
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    REFUSED = "refused"  # needs the operator (key changed, login refused); not retried


class TunnelState(StrEnum):
    """State of the tunnel to the server."""

    DOWN = "down"
    FAILED = "failed"  # the host is connected, but refuses to forward ports
    OPEN = "open"  # the local port listens; the server has not answered through it yet
    UP = "up"  # the server answered through it


class ServerState(StrEnum):
    """States that scripts rely on (``server status``)."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    CRASHED = "crashed"
    UNREACHABLE = "unreachable"

    @property
    def clause(self) -> str:
        """The state as the predicate of a sentence about the server, such as ``is stopped``."""
        return "has crashed" if self is ServerState.CRASHED else f"is {self.value}"


class TrainState(StrEnum):
    """States that scripts rely on (``train status``)."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    STOPPED = "stopped"
    ORPHANED = "orphaned"


class StudyState(StrEnum):
    """The state of a study's labels; other label tags are in ``tags`` only."""

    UNLABELLED = "unlabelled"
    OPEN = "open"  # fetched, and no label submitted since
    ORIGINAL = "original"  # has a label, but no final one
    FINAL = "final"
