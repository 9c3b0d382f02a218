"""Every way in which RunPod says no, in words: one table of what happened and what to do, by code.

:mod:`labeltui.domain.offers` has, for the same codes, the actions that may help.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable

SHOWN = 300  # characters of an odd answer


class Doing(StrEnum):
    """What was asked for; the same status means another thing for each."""

    READ = "read"
    CREATE = "create"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    TERMINATE = "terminate"
    CHANGE = "change"  # keys, volumes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no success: whatever of it can be told."""

    what: str  # the request in words, for messages
    status: int
    doing: Doing = Doing.READ
    detail: str = ""  # RunPod's own words, cleaned; empty when it sent none
    is_json: bool = True
    retry_after_s: float | None = None
    body: str = ""  # start of the body, for who asks


FAILURES: dict[Code, tuple[type[LabeltuiError], str, str]] = {
    Code.RUNPOD_SPEND_LIMIT: (
        Refused,
        "RunPod refused: with this pod the account would spend more per hour than its limit allows.",
        "Stop another pod, take a cheaper GPU, or ask RunPod for a higher limit.",
    ),
    Code.RUNPOD_NO_CREDIT: (
        Refused,
        "There is not enough credit on the RunPod account for this pod.",
        "Add credit on RunPod's billing page: at least an hour of the pod must be covered.",
    ),
    Code.RUNPOD_NO_CAPACITY: (
        Failed,
        "No machine is free for this GPU with these wishes.",
        "Take the next GPU, any data centre or less disk; or wait until one is free.",
    ),
    Code.RUNPOD_HOST_FULL: (
        Failed,
        "The pod's machine has no free GPU now: it was rented to others while the pod was stopped.",
        "Try again later (`labeltui pod start --retry`), start it without a GPU to fetch data, or make a new pod.",
    ),
    Code.RUNPOD_POD_GONE: (
        Failed,
        "The pod does not exist (any more).",
        "It was terminated, here or elsewhere, or belongs to another account; list the pods.",
    ),
    Code.RUNPOD_BAD_REQUEST: (
        Failed,
        "RunPod refused {what}{said}.",
        "The same words for every GPU mean that the request is wrong: check disk, mounts and data centre.",
    ),
    Code.RUNPOD_KEY_REFUSED: (
        Refused,
        "RunPod does not accept the API key.",
        "It may be deleted, expired or cut short; make a new one in RunPod's settings.",
    ),
    Code.RUNPOD_POOL_FORBIDDEN: (
        Refused,
        "RunPod does not let this key or account rent that machine.",
        "Take another GPU, or the secure cloud; or use a key that may write pods.",
    ),
    Code.RUNPOD_KEY_SCOPE: (
        Refused,
        "The API key is valid, but it may not do this ({what}).",
        "Give the key the right to {need} here, or use one with the scope All.",
    ),
    Code.RUNPOD_NOT_FOUND: (
        Failed,
        "RunPod knows nothing for {what}.",
        "It may be gone since it was listed, or of another account.",
    ),
    Code.RUNPOD_IN_CLUSTER: (
        Refused,
        "The pod is a member of a cluster and can not be changed by itself.",
        "Change the cluster on RunPod's page, or use another pod.",
    ),
    Code.RUNPOD_LOCKED: (
        Refused,
        "The pod is locked against stopping and resetting.",
        "Unlock it on RunPod's page, then try again.",
    ),
    Code.RUNPOD_NOT_NOW: (
        Refused,
        "The pod can not do that now ({what}).",
        "Look at its state: it has changed since it was shown.",
    ),
    Code.RUNPOD_API_OFF: (
        Failed,
        "RunPod has switched this API off.",
        'Update labeltui; RunPod\'s REST v2 is the one in use (or set api = "graphql" for the time being).',
    ),
    Code.RUNPOD_TOO_LARGE: (
        Failed,
        "The request is larger than RunPod's edge lets through.",
        "Send files over ssh, not through the proxy.",
    ),
    Code.RUNPOD_INVALID: (
        Failed,
        "RunPod says that the request is not valid: {words}.",
        "Change the field it names; trying again will not help.",
    ),
    Code.RUNPOD_RATE_LIMITED: (
        Unreachable,
        "RunPod takes no more requests from this account for {wait}.",
        "It goes on by itself; other programs on the same account share the limit.",
    ),
    Code.RUNPOD_EDGE_TIMEOUT: (
        Unreachable,
        "RunPod's edge waited for {what} in vain.",
        "It may have been done nevertheless: look before trying again.",
    ),
    Code.RUNPOD_EDGE_ERROR: (
        Unreachable,
        "RunPod's edge answered {what} with an error page ({status}).",
        "RunPod may be in trouble (uptime.runpod.io); it is asked again.",
    ),
    Code.RUNPOD_SERVER_ERROR: (
        Failed,
        "Something went wrong inside RunPod while it answered {what}.",
        "Try again in a minute; if it stays, it is RunPod's support that can help.",
    ),
    Code.RUNPOD_EDGE_BLOCKED: (
        Refused,
        "RunPod's edge turned the request away before RunPod saw it.",
        "This is about this network or its proxy, not about the key; wait, or try from elsewhere.",
    ),
    Code.RUNPOD_ANSWER: (
        Failed,
        "RunPod's answer to {what} can not be used: it has status {status}.",
        "Check RUNPOD_API_BASE_URL, and that nothing stands in between.",
    ),
    Code.RUNPOD_CREATE_UNCLEAR: (
        Unreachable,
        "RunPod did not say whether it rented {what}, and it is not in the list yet.",
        "Look at the list before anything else; the same request again first looks for it by name.",
    ),
    Code.RUNPOD_OUTCOME_UNCLEAR: (
        Unreachable,
        "RunPod did not say whether it did this: {what}.",
        "Look at the pod's state; the request was not repeated.",
    ),
    Code.RUNPOD_STILL_THERE: (
        Failed,
        "RunPod still lists the pod {what}, although it was told to terminate it.",
        "It may go on costing: terminate it again, and check RunPod's page.",
    ),
}
"""By code: how it counts, what happened, what to do. In braces: what was asked for, and what else is known."""

_WORDS = (  # of RunPod's, in lower case, whichever status they came with
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
_OF_A_POD = (Doing.START, Doing.STOP, Doing.RESTART, Doing.TERMINATE)
_SHOWS_BODY = (Code.RUNPOD_BAD_REQUEST, Code.RUNPOD_INVALID, Code.RUNPOD_EDGE_ERROR, Code.RUNPOD_EDGE_BLOCKED)


def failure(code: Code, detail: str = "", **known: object) -> LabeltuiError:
    """The failure of that code, with what is known put into its words. ``detail``: RunPod's own."""
    kind, message, hint = FAILURES[code]
    return kind(code, message.format_map(known), hint.format_map(known), detail)


def of_words(words: str, what: str) -> LabeltuiError | None:
    """The failure that RunPod's words tell of, whichever status they came with; None when they tell of none."""
    low = words.lower()
    code = next((code for text, code in _WORDS if text in low), None)
    return None if code is None else failure(code, words, what=what)


def of_reply(reply: Reply) -> LabeltuiError:
    """What an answer other than success means."""
    spoken = of_words(reply.detail, reply.what) if reply.is_json and reply.status not in (401, 429) else None
    if spoken is not None and not (reply.status == 404 and reply.doing is Doing.CREATE):
        return spoken
    code = _code_of(reply)
    if code == Code.RUNPOD_RATE_LIMITED:
        return rate_limited(reply.retry_after_s, reply.detail)
    if code == Code.RUNPOD_NOT_FOUND and reply.doing is Doing.CREATE:
        named = reply.detail or "it does not say what"
        return Failed(
            code, f"RunPod does not know something that the new pod names: {named}.",
            "Choose template, network volume and registry again; one of them is gone or of another account.",
        )  # fmt: skip
    return failure(
        code,
        reply.body if code in _SHOWS_BODY else reply.detail or reply.body,
        what=reply.what,
        said=f": {reply.detail}" if reply.detail else "",
        words=reply.detail or reply.what,
        need="read" if reply.doing is Doing.READ else "write",
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
    if code == Code.RUNPOD_KEY_SCOPE and reply.doing is Doing.CREATE:
        return Code.RUNPOD_POOL_FORBIDDEN
    about_a_pod = reply.doing in _OF_A_POD or reply.what.startswith("the pod")
    if code == Code.RUNPOD_NOT_FOUND and about_a_pod and reply.doing is not Doing.CREATE:
        return Code.RUNPOD_POD_GONE
    if code == Code.RUNPOD_NOT_NOW:
        return Code.RUNPOD_IN_CLUSTER if "cluster" in low else Code.RUNPOD_LOCKED if "lock" in low else code
    return code


def api_off(words: str = "") -> LabeltuiError:
    """The API is no longer there."""
    return failure(Code.RUNPOD_API_OFF, words)


def no_capacity(words: str = "") -> LabeltuiError:
    """Nobody has such a machine free."""
    return failure(Code.RUNPOD_NO_CAPACITY, words)


def pod_gone(words: str = "") -> LabeltuiError:
    """No such pod on this account."""
    return failure(Code.RUNPOD_POD_GONE, words)


def rate_limited(seconds: float | None, words: str = "") -> LabeltuiError:
    """RunPod wants us to wait."""
    wait = "a while" if seconds is None else f"{max(1, round(seconds))} s"
    return failure(Code.RUNPOD_RATE_LIMITED, words, wait=wait)


def create_unclear(name: str, cause: LabeltuiError) -> LabeltuiError:
    """Nobody can say whether a pod was rented."""
    return failure(Code.RUNPOD_CREATE_UNCLEAR, cause.problem.message, what=name)


def outcome_unclear(what: str, cause: LabeltuiError) -> LabeltuiError:
    """Nobody can say whether it was done."""
    return failure(Code.RUNPOD_OUTCOME_UNCLEAR, cause.problem.message, what=what)


def still_there(pod_id: str) -> LabeltuiError:
    """It was told to go and has not gone."""
    return failure(Code.RUNPOD_STILL_THERE, what=pod_id)


def words_of(content: bytes) -> tuple[str, bool]:
    """RunPod's own words in an error body, on one line, and whether the body was JSON at all.

    Seen: problem+json (title, detail, errors), ``{"error": ...}``, ``{"message": ...}``, GraphQL's errors.
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
    """The start of a text from outside, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text[:SHOWN]).strip()
