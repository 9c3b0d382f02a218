"""Every way in which RunPod says no, in words: what happened, and what to do.

:func:`labeltui.runpod.offers.offers` gives, for the code of a problem, the actions that may help.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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


_NO_CAPACITY = (
    "no longer any instances available",
    "no instances currently available",
    "does not have the resources to deploy your pod",
    "supply_constraint",
)
_HOST_FULL = "not enough free gpus on the host"
_CREDIT = ("insufficient_balance", "insufficient balance")
_SPEND_LIMIT = "spending limit"


def of_words(words: str, what: str) -> LabeltuiError | None:
    """The failure that RunPod's words tell of, whichever status they came with; None when they tell of none."""
    low = words.lower()
    if _HOST_FULL in low:
        return host_full(words)
    if any(text in low for text in _NO_CAPACITY):
        return no_capacity(words)
    if _SPEND_LIMIT in low:
        return Refused(
            "runpod_spend_limit",
            "RunPod refused: with this pod the account would spend more per hour than its limit allows.",
            "Stop another pod, take a cheaper GPU, or ask RunPod for a higher limit.",
            words,
        )
    if any(text in low for text in _CREDIT):
        return no_credit(words)
    if "pod not found" in low:
        return pod_gone(words)
    if "something went wrong" in low:
        return _server_error(what, words)
    return None


def of_reply(reply: Reply) -> LabeltuiError:
    """What an answer other than success means."""
    spoken = of_words(reply.detail, reply.what) if reply.is_json and reply.status not in (401, 429) else None
    if spoken is not None and not (reply.status == 404 and reply.doing is Doing.CREATE):
        return spoken
    if not reply.is_json and reply.status in (403, 429, 1010, 1015):
        return _blocked(reply)
    made = _BY_STATUS.get(reply.status)
    if made is not None:
        return made(reply)
    if reply.status >= 500:
        return _of_server(reply)
    return Failed(
        "runpod_answer",
        f"RunPod's answer to {reply.what} can not be used: it has status {reply.status}.",
        "Check RUNPOD_API_BASE_URL, and that nothing stands in between.",
        reply.detail or reply.body,
    )


def _bad_request(reply: Reply) -> LabeltuiError:
    said = f": {reply.detail}" if reply.detail else ""
    return Failed(
        "runpod_bad_request",
        f"RunPod refused {reply.what}{said}.",
        "The same words for every GPU mean that the request is wrong: check disk, mounts and data centre.",
        reply.body,
    )


def _key_refused(reply: Reply) -> LabeltuiError:
    return Refused(
        "runpod_key_refused",
        "RunPod does not accept the API key.",
        "It may be deleted, expired or cut short; make a new one in RunPod's settings.",
        reply.detail,
    )


def _no_credit(reply: Reply) -> LabeltuiError:
    return no_credit(reply.detail)


def _forbidden(reply: Reply) -> LabeltuiError:
    if reply.doing is Doing.CREATE:
        return Refused(
            "runpod_pool_forbidden",
            "RunPod does not let this key or account rent that machine.",
            "Take another GPU, or the secure cloud; or use a key that may write pods.",
            reply.detail,
        )
    need = "read" if reply.doing is Doing.READ else "write"
    return Refused(
        "runpod_key_scope",
        f"The API key is valid, but it may not do this ({reply.what}).",
        f"Give the key the right to {need} here, or use one with the scope All.",
        reply.detail,
    )


def _not_found(reply: Reply) -> LabeltuiError:
    if reply.doing is Doing.CREATE:
        return Failed(
            "runpod_not_found",
            f"RunPod does not know something that the new pod names: {reply.detail or 'it does not say what'}.",
            "Choose template, network volume and registry again; one of them is gone or of another account.",
        )
    if reply.doing in (Doing.START, Doing.STOP, Doing.RESTART, Doing.TERMINATE) or reply.what.startswith(
        "the pod"
    ):
        return pod_gone(reply.detail)
    return Failed(
        "runpod_not_found",
        f"RunPod knows nothing for {reply.what}.",
        "It may be gone since it was listed, or of another account.",
        reply.detail,
    )


def _conflict(reply: Reply) -> LabeltuiError:
    low = reply.detail.lower()
    if "cluster" in low:
        return Refused(
            "runpod_in_cluster",
            "The pod is a member of a cluster and can not be changed by itself.",
            "Change the cluster on RunPod's page, or use another pod.",
            reply.detail,
        )
    if "lock" in low:
        return Refused(
            "runpod_locked",
            "The pod is locked against stopping and resetting.",
            "Unlock it on RunPod's page, then try again.",
            reply.detail,
        )
    return Refused(
        "runpod_not_now",
        f"The pod can not do that now ({reply.what}).",
        "Look at its state: it has changed since it was shown.",
        reply.detail,
    )


def _gone(reply: Reply) -> LabeltuiError:
    return api_off(reply.detail)


def api_off(words: str = "") -> LabeltuiError:
    """The API is no longer there."""
    return Failed(
        "runpod_api_off",
        "RunPod has switched this API off.",
        'Update labeltui; RunPod\'s REST v2 is the one in use (or set api = "graphql" for the time being).',
        words,
    )


def _too_large(reply: Reply) -> LabeltuiError:
    return Failed(
        "runpod_too_large",
        "The request is larger than RunPod's edge lets through.",
        "Send files over ssh, not through the proxy.",
        reply.detail,
    )


def _invalid(reply: Reply) -> LabeltuiError:
    return Failed(
        "runpod_invalid",
        f"RunPod says that the request is not valid: {reply.detail or reply.what}.",
        "Change the field it names; trying again will not help.",
        reply.body,
    )


def _rate_limited(reply: Reply) -> LabeltuiError:
    return rate_limited(reply.retry_after_s, reply.detail)


_BY_STATUS = {
    400: _bad_request,
    401: _key_refused,
    402: _no_credit,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _gone,
    413: _too_large,
    422: _invalid,
    429: _rate_limited,
}


def _of_server(reply: Reply) -> LabeltuiError:
    if reply.status in (504, 524):
        return Unreachable(
            "runpod_edge_timeout",
            f"RunPod's edge waited for {reply.what} in vain.",
            "It may have been done nevertheless: look before trying again.",
            reply.detail or reply.body,
        )
    if not reply.is_json:
        return Unreachable(
            "runpod_edge_error",
            f"RunPod's edge answered {reply.what} with an error page ({reply.status}).",
            "RunPod may be in trouble (uptime.runpod.io); it is asked again.",
            reply.body,
        )
    return _server_error(reply.what, reply.detail)


def _server_error(what: str, words: str) -> LabeltuiError:
    return Failed(
        "runpod_server_error",
        f"Something went wrong inside RunPod while it answered {what}.",
        "Try again in a minute; if it stays, it is RunPod's support that can help.",
        words,
    )


def _blocked(reply: Reply) -> LabeltuiError:
    return Refused(
        "runpod_edge_blocked",
        "RunPod's edge turned the request away before RunPod saw it.",
        "This is about this network or its proxy, not about the key; wait, or try from elsewhere.",
        reply.body,
    )


def no_credit(words: str = "") -> LabeltuiError:
    """Not enough on the account: RunPod wants at least an hour's worth."""
    return Refused(
        "runpod_no_credit",
        "There is not enough credit on the RunPod account for this pod.",
        "Add credit on RunPod's billing page: at least an hour of the pod must be covered.",
        words,
    )


def no_capacity(words: str = "") -> LabeltuiError:
    """Nobody has such a machine free."""
    return Failed(
        "runpod_no_capacity",
        "No machine is free for this GPU with these wishes.",
        "Take the next GPU, any data centre or less disk; or wait until one is free.",
        words,
    )


def host_full(words: str = "") -> LabeltuiError:
    """A stopped pod's GPU was rented to somebody else."""
    return Failed(
        "runpod_host_full",
        "The pod's machine has no free GPU now: it was rented to others while the pod was stopped.",
        "Try again later, start it without a GPU to fetch data, or make a new pod on the network volume.",
        words,
    )


def pod_gone(words: str = "") -> LabeltuiError:
    """No such pod on this account."""
    return Failed(
        "runpod_pod_gone",
        "The pod does not exist (any more).",
        "It was terminated, here or elsewhere, or belongs to another account; list the pods.",
        words,
    )


def rate_limited(seconds: float | None, words: str = "") -> LabeltuiError:
    """RunPod wants us to wait."""
    wait = "a while" if seconds is None else f"{max(1, round(seconds))} s"
    return Unreachable(
        "runpod_rate_limited",
        f"RunPod takes no more requests from this account for {wait}.",
        "It goes on by itself; other programs on the same account share the limit.",
        words,
    )


def create_unclear(name: str, cause: LabeltuiError) -> LabeltuiError:
    """Nobody can say whether a pod was rented."""
    return Unreachable(
        "runpod_create_unclear",
        f"RunPod did not say whether it rented {name}, and it is not in the list yet.",
        "Look at the list before anything else; the same request again first looks for it by name.",
        cause.problem.message,
    )


def outcome_unclear(what: str, cause: LabeltuiError) -> LabeltuiError:
    """Nobody can say whether it was done."""
    return Unreachable(
        "runpod_outcome_unclear",
        f"RunPod did not say whether it did this: {what}.",
        "Look at the pod's state; the request was not repeated.",
        cause.problem.message,
    )


def still_there(pod_id: str) -> LabeltuiError:
    """It was told to go and has not gone."""
    return Failed(
        "runpod_still_there",
        f"RunPod still lists the pod {pod_id}, although it was told to terminate it.",
        "It may go on costing: terminate it again, and check RunPod's page.",
    )


def is_unclear(error: LabeltuiError) -> bool:
    """True when the request may have been carried out although it failed for us."""
    return error.problem.code in {
        "runpod_timeout",
        "runpod_edge_timeout",
        "runpod_edge_error",
        "runpod_server_error",
        "runpod_answer",
        "runpod_dropped",
    }


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
