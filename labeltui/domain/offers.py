"""The actions that may solve a problem, by the problem's code; the registry describes the actions."""

from __future__ import annotations

from dataclasses import replace

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem

OFFERS: dict[Code, tuple[str, ...]] = {
    Code.RUNPOD_NO_KEY: ("doctor",),
    Code.RUNPOD_BAD_URL: ("doctor",),
    Code.RUNPOD_BAD_API: ("doctor",),
    Code.RUNPOD_BAD_CONFIG: ("doctor",),
    Code.RUNPOD_BAD_KEY: ("doctor",),
    Code.RUNPOD_KEY_COMMAND: ("doctor",),
    Code.RUNPOD_KEY_REFUSED: ("doctor",),
    Code.RUNPOD_KEY_SCOPE: ("doctor",),
    Code.RUNPOD_POOL_FORBIDDEN: ("pod.options",),
    Code.RUNPOD_NO_CREDIT: ("pods", "doctor"),
    Code.RUNPOD_SPEND_LIMIT: ("pods",),
    Code.RUNPOD_BALANCE_EMPTY: ("labels.pull", "pods"),
    Code.RUNPOD_BALANCE_LOW: ("pod.stop", "pods"),
    Code.RUNPOD_NO_CAPACITY: ("pod.options",),
    Code.RUNPOD_HOST_FULL: ("pod.retry", "pod.start", "pod.data", "pod.volume"),
    Code.RUNPOD_NO_GPU: ("pod.retry", "pod.data", "pod.stop", "pod.volume"),
    Code.RUNPOD_OUTBID: ("pod.options",),
    Code.RUNPOD_BAD_REQUEST: ("pod.options",),
    Code.RUNPOD_INVALID: ("pod.options",),
    Code.RUNPOD_POD_GONE: ("pods", "pod.options"),
    Code.RUNPOD_NOT_FOUND: ("pods",),
    Code.RUNPOD_NOT_NOW: ("pods", "pod.choices"),
    Code.RUNPOD_LOCKED: ("pods",),
    Code.RUNPOD_IN_CLUSTER: ("pods",),
    Code.RUNPOD_API_OFF: ("doctor",),
    Code.RUNPOD_RATE_LIMITED: ("pods",),
    Code.RUNPOD_TOO_LARGE: ("doctor",),
    Code.RUNPOD_SERVER_ERROR: ("pods",),
    Code.RUNPOD_EDGE_BLOCKED: ("doctor",),
    Code.RUNPOD_EDGE_ERROR: ("pods", "doctor"),
    Code.RUNPOD_EDGE_TIMEOUT: ("pods",),
    Code.RUNPOD_TIMEOUT: ("pods", "doctor"),
    Code.RUNPOD_UNREACHABLE: ("doctor",),
    Code.RUNPOD_DROPPED: ("pods", "doctor"),
    Code.RUNPOD_ANSWER: ("doctor",),
    Code.RUNPOD_CREATE_UNCLEAR: ("pods", "pod.options"),
    Code.RUNPOD_OUTCOME_UNCLEAR: ("pods",),
    Code.RUNPOD_STILL_THERE: ("pod.terminate", "pods"),
    Code.RUNPOD_EXITED_BY_RUNPOD: ("events", "pod.start"),
    Code.RUNPOD_POD_ERROR: ("events", "pod.start", "pod.terminate"),
    Code.RUNPOD_IMAGE_FAILED: ("events", "pod.options", "pod.terminate"),
    Code.RUNPOD_NO_CANDIDATE: ("pod.options",),
    Code.RUNPOD_START_SLOW: ("events", "pod.stop", "pods"),
    Code.RUNPOD_NEEDS_V2: ("pod.stop", "pod.start"),
    Code.RUNPOD_SDK_MISSING: ("doctor",),
    Code.RUNPOD_SDK_FAILED: ("doctor",),
    Code.RUNPOD_GRAPHQL_CHANGED: ("doctor",),
    Code.RUNPOD_KEYS_UNREAD: ("pod.keys",),
    Code.RUNPOD_KEYS_LOST: ("pod.keys",),
    Code.RUNPOD_PUBLIC_PORT: ("doctor", "pods"),
    # failures of labeltui itself
    Code.LABELS_CHANGED: ("server.options",),
    Code.BAD_LABELS: ("server.options",),
    Code.LABELS_NOT_COPIED: ("labels.pull", "pod.data", "pod.lose"),
    Code.LABELS_UNKNOWN: ("reconnect", "labels.pull", "pod.lose"),
    Code.NO_POD: ("pods", "pod.options"),
    Code.NO_POD_NAMED: ("pod.options", "pods"),
    Code.POD_AMBIGUOUS: ("pods",),
    Code.POD_NOT_NAMED: ("pods",),
    Code.POD_LOCKED: ("pods",),
    Code.POD_STATE: ("pod.choices", "pods"),
    Code.POD_STOPPED: ("pod.start", "pod.retry"),
    Code.POD_STARTING: ("pods",),
    Code.POD_SLOW: ("pod.stop", "pods"),
    Code.POD_EXISTS: ("pod.start", "pods", "pod.options"),
    Code.POD_STOPPED_EARLY: ("events", "pod.start", "pod.terminate"),
    Code.NO_SSHD: ("events", "pod.terminate", "pod.options"),
    Code.NOT_AS_AGREED: ("pods", "pod.options"),
    Code.NOT_OFFERED: ("pod.options",),
    Code.TOO_DEAR: ("pod.options",),
    Code.UNKNOWN_GPU: ("pod.options",),
    Code.UNKNOWN_VOLUME: ("pod.options",),
    Code.NO_SSH_KEY: ("pod.options",),
    Code.POD_NO_ADDRESS: ("pod.start", "shell.proxy", "pod.terminate", "pod.stop"),
    Code.NOT_CONNECTED: ("reconnect", "doctor"),
    Code.UNREACHABLE: ("reconnect", "doctor"),
    Code.HOST_KEY_UNKNOWN: ("reconnect",),
    Code.HOST_KEY_CHANGED: ("doctor",),
    Code.LOGIN_FAILED: ("doctor",),
    Code.SERVER_DOWN: ("server.start", "server.problem"),
    Code.NO_TUNNEL: ("reconnect", "doctor"),
    Code.ORPHANED: ("train.stop",),
    Code.SERVER_GONE: ("server.start",),
    Code.NOT_INSTALLED: ("setup", "doctor"),
    Code.APP_MISSING: ("setup", "server.options"),
    Code.DEPENDENCIES: ("setup", "server.problem"),
    Code.DOWNLOAD_FAILED: ("setup", "server.start", "doctor"),
    Code.UNKNOWN_MODEL: ("server.options",),
    Code.NO_MODEL: ("server.options",),
}
"""The offers for each failure code, best first."""

TRAINING_OFFERS = ("train.options", "trainings", "server.problem")
SERVER_OFFERS = ("server.start", "server.restart", "server.problem", "doctor")
OTHER_OFFERS = ("server.problem", "doctor")
"""The offers for a failed training, for a problem of the server, and for a failed action.

The offers for the code come before these.
"""


def with_offers(problem: Problem, usual: tuple[str, ...]) -> Problem:
    """Return the problem. If it has no offers and its code has none either, they are ``usual``."""
    return replace(problem, offers=offers(problem) or usual)


def offers(problem: Problem) -> tuple[str, ...]:
    """Ids of actions that may help, best first: the problem's own offers, or else those of its code."""
    return problem.offers or OFFERS.get(problem.code, ())
