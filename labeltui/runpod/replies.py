"""Choose the failure for an answer of RunPod by its status, its text and the purpose of the request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.runpod.problems import failure, rate_limited

SHOWN = 300  # longest text from RunPod that is shown, in characters


class Purpose(StrEnum):
    """The purpose of a request. The meaning of an HTTP status depends on the purpose."""

    READ = "read"
    READ_POD = "read_pod"  # one pod or its log: not found means that the pod is gone
    CREATE = "create"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    TERMINATE = "terminate"
    CHANGE = "change"  # a change of keys or volumes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than success, with only the facts that messages need."""

    what: str  # the request in messages, as in "the request for the list of pods"
    status: int
    purpose: Purpose = Purpose.READ
    detail: str = ""  # RunPod's own text, cleaned; empty when it sent none
    is_json: bool = True
    retry_after_s: float | None = None
    body: str = ""  # start of the body, shown as evidence


_TEXTS = (  # RunPod's texts in lower case; they apply at any HTTP status
    ("not enough free gpus on the host", Code.RUNPOD_HOST_FULL),
    ("no longer any instances available", Code.RUNPOD_NO_CAPACITY),
    ("no instances currently available", Code.RUNPOD_NO_CAPACITY),
    ("does not have the resources to deploy your pod", Code.RUNPOD_NO_CAPACITY),
    ("supply_constraint", Code.RUNPOD_NO_CAPACITY),
    ("spending limit", Code.RUNPOD_SPEND_LIMIT),
    ("insufficient_balance", Code.RUNPOD_NO_CREDIT),
    ("insufficient balance", Code.RUNPOD_NO_CREDIT),
    ("pod not found", Code.RUNPOD_POD_GONE),
    ("something went wrong", Code.RUNPOD_SERVER_ERROR),
)
_STATUS = {
    400: Code.RUNPOD_BAD_REQUEST,
    401: Code.RUNPOD_KEY_REFUSED,
    402: Code.RUNPOD_NO_CREDIT,
    403: Code.RUNPOD_KEY_SCOPE,
    404: Code.RUNPOD_NOT_FOUND,
    409: Code.RUNPOD_NOT_NOW,
    410: Code.RUNPOD_API_OFF,
    413: Code.RUNPOD_TOO_LARGE,
    422: Code.RUNPOD_INVALID,
    429: Code.RUNPOD_RATE_LIMITED,
    504: Code.RUNPOD_EDGE_TIMEOUT,
    524: Code.RUNPOD_EDGE_TIMEOUT,
}
_OF_A_POD = (Purpose.READ_POD, Purpose.START, Purpose.STOP, Purpose.RESTART, Purpose.TERMINATE)
_SHOWS_BODY = (Code.RUNPOD_BAD_REQUEST, Code.RUNPOD_INVALID, Code.RUNPOD_EDGE_ERROR, Code.RUNPOD_EDGE_BLOCKED)


def failure_by_text(text: str, what: str) -> LabeltuiError | None:
    """Find the failure code for RunPod's text, at any HTTP status. Returns None if the text is unknown."""
    low = text.lower()
    code = next((code for known, code in _TEXTS if known in low), None)
    return None if code is None else failure(code, text, what=what)


def failure_of_reply(reply: Reply) -> LabeltuiError:
    """Make the failure for an answer other than success."""
    known = (
        failure_by_text(reply.detail, reply.what)
        if reply.is_json and reply.status not in (401, 429)
        else None
    )
    if known is not None and not (reply.status == 404 and reply.purpose is Purpose.CREATE):
        return known
    code = _code_of(reply)
    if code == Code.RUNPOD_RATE_LIMITED:
        return rate_limited(reply.retry_after_s, reply.detail)
    if code == Code.RUNPOD_NOT_FOUND and reply.purpose is Purpose.CREATE:
        missing = reply.detail or "RunPod does not say which"
        return Failed(
            code, f"The request for a new pod names something that does not exist: {missing}.",
            "Choose template, network volume and registry again: each must exist in this account.",
        )  # fmt: skip
    return failure(
        code,
        reply.body if code in _SHOWS_BODY else reply.detail or reply.body,
        what=reply.what,
        said=f": {reply.detail}" if reply.detail else "",
        reason=reply.detail or reply.what,
        need="read" if reply.purpose in (Purpose.READ, Purpose.READ_POD) else "write",
        status=reply.status,
    )


def _code_of(reply: Reply) -> Code:
    if not reply.is_json and reply.status in (403, 429, 1010, 1015):
        return Code.RUNPOD_EDGE_BLOCKED
    code = _STATUS.get(reply.status)
    if code is None:
        broken = Code.RUNPOD_SERVER_ERROR if reply.is_json else Code.RUNPOD_EDGE_ERROR
        return broken if reply.status >= 500 else Code.RUNPOD_ANSWER
    low = reply.detail.lower()
    if code == Code.RUNPOD_KEY_SCOPE and reply.purpose is Purpose.CREATE:
        return Code.RUNPOD_POOL_FORBIDDEN
    if code == Code.RUNPOD_NOT_FOUND and reply.purpose in _OF_A_POD:
        return Code.RUNPOD_POD_GONE
    if code == Code.RUNPOD_NOT_NOW:
        return Code.RUNPOD_IN_CLUSTER if "cluster" in low else Code.RUNPOD_LOCKED if "lock" in low else code
    return code


def error_text(content: bytes) -> tuple[str, bool]:
    """Return RunPod's text in an error body, on one line, and whether the body is JSON.

    Known shapes: problem+json (title, detail, errors), ``{"error": ...}``, ``{"message": ...}``, GraphQL's errors.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return "", False
    if not isinstance(document, dict):
        return "", isinstance(document, list)
    errors = document.get("errors")
    listed = [_text(error) for error in errors if _text(error)] if isinstance(errors, list) else []
    for name in ("error", "message", "detail", "title"):
        text = _text(document.get(name))
        if text:
            more = "; ".join(listed[:3])
            return cleaned(f"{text}: {more}" if more and more not in text else text).strip(" ."), True
    return cleaned("; ".join(listed[:3])).strip(" ."), True


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("message") or value.get("detail") or ""
    return value if isinstance(value, str) else ""


def cleaned(text: str) -> str:
    """Return the first 300 characters of a text from outside, with spaces for control characters."""
    return "".join(char if char.isprintable() else " " for char in text[:SHOWN]).strip()
